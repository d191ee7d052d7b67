"""Measure how many scores a second one worker takes from a broker.

The queue is filled before the worker starts. The time is that from the first score to the last,
which belong to two players of their own.

The baseline is what the store takes directly: one process with as many threads as a web process,
each of which adds an increment and waits for it. The comparison is one thread that adds batches as
large as the worker's largest.
"""

import itertools
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import pika

from bench.figure import Figure, at_least
from bench.fill import make_boards
from bench.service import Options, fill, post, process, service
from tests.support.programs import START_SECONDS, Program, wait_until
from tests.support.servers import RabbitServer
from tests.support.stack import Stack

THREADS = 16
FIRST, LAST = "first", "last"


def measure(options: Options) -> Iterator[Figure]:
    messages, seconds = options.pick((500, 0.5), (1_000, 0.5), (20_000, 5.0))
    most, boards = options.pick((100, 10), (10_000, 1_000), (10_000, 1_000))
    with (
        service(options.store) as stack,
        tempfile.TemporaryDirectory() as folder,
        RabbitServer(Path(folder)) as rabbit,
    ):
        make_queue(stack, rabbit)
        post(stack, "/boards/", {"id": "b"})
        fill(stack, "b", most)
        for player in (FIRST, LAST):
            post(stack, "/boards/b/players/", {"id": player, "name": player})
        with process(stack.env["DATABASE_URL"]) as executor:
            executor.submit(make_boards, options.store, boards).result()
            for name, numbers in (
                ("one player", (1, 1)),
                (f"{most:,} players", (1, most)),
                (f"a player on each of {boards:,} boards", (boards, 1)),
            ):
                worker, baseline, batches = [], [], []
                for _ in range(options.long_runs):
                    worker.append(worker_rate(stack, rabbit, numbers, messages))
                    baseline.append(executor.submit(threads_rate, numbers, seconds).result())
                    batches.append(executor.submit(batches_rate, numbers, seconds).result())
                yield Figure(
                    f"messages with scores of {name}",
                    options.store,
                    "/s",
                    worker,
                    baseline,
                    {"one thread, in batches": batches},
                    targets=(at_least(0.5),),
                )


def random_player(boards: int, players: int) -> tuple[str, str]:
    """Return a board and a player at random: of many on one board, or the one on each of many."""
    if boards > 1:
        return f"b{random.randrange(boards)}", "p"
    return "b", f"p{random.randrange(players)}"


def start_worker(stack: Stack, rabbit: RabbitServer) -> Program:
    return stack.program("amqp", [sys.executable, "amqplistener.py"], AMQP_URL=rabbit.url)


def make_queue(stack: Stack, rabbit: RabbitServer) -> None:
    """Make the queue of scores, as a worker does when it starts."""
    worker = start_worker(stack, rabbit)
    wait_until(lambda: "taking" in worker.output(), "the worker", START_SECONDS)
    worker.stop()


def worker_rate(
    stack: Stack, rabbit: RabbitServer, numbers: tuple[int, int], messages: int
) -> float:
    """Return how many messages a second a worker takes, when it finds so many in its queue."""
    scores = {player: score(stack, player) for player in (FIRST, LAST)}
    publish(rabbit, numbers, messages)
    program = start_worker(stack, rabbit)
    try:
        times = []
        for player in (FIRST, LAST):
            wait_until(lambda: score(stack, player) > scores[player], player, 300)  # noqa: B023
            times.append(time.perf_counter())
    finally:
        program.stop()
    return messages / (times[1] - times[0])


def score(stack: Stack, player: str) -> int:
    with urlopen(f"http://localhost:{stack.web_port}/boards/b/players/{player}/") as answer:
        value: int = json.load(answer)["score"]
    return value


def publish(rabbit: RabbitServer, numbers: tuple[int, int], messages: int) -> None:
    run = random.randrange(10**9)
    players = (random_player(*numbers) for _ in range(messages))
    connection = pika.BlockingConnection(pika.URLParameters(rabbit.url))
    channel = connection.channel()
    channel.tx_select()
    for number, (board, player) in enumerate([("b", FIRST), *players, ("b", LAST)]):
        body = json.dumps({"board": board, "player": player, "amount": 1}).encode()
        properties = pika.BasicProperties(message_id=f"{run}-{number}", delivery_mode=2)
        channel.basic_publish("leaderboard", "score", body, properties)
        if number % 1000 == 999:
            channel.tx_commit()
    channel.tx_commit()
    connection.close()


def threads_rate(numbers: tuple[int, int], seconds: float) -> float:
    """Return how many increments a second the threads of this process add, each with a key."""
    from leaderboardapp.stores import get_store

    store, keys, until = get_store(), itertools.count(), time.monotonic() + seconds
    run = random.randrange(10**9)

    def add(_: int) -> int:
        added = 0
        while time.monotonic() < until:
            board, player = random_player(*numbers)
            store.add_score(board, player, 1, f"{run}-{next(keys)}")
            added += 1
        store.close()
        return added

    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        added = sum(pool.map(add, range(THREADS)))
    return added / (time.monotonic() - began)


def batches_rate(numbers: tuple[int, int], seconds: float) -> float:
    """Return how many increments a second one thread adds in batches."""
    from leaderboardapp.domain.types import Increment
    from leaderboardapp.rabbitmq.consumer import PREFETCH
    from leaderboardapp.stores import get_store

    store, began, added, run = get_store(), time.monotonic(), 0, random.randrange(10**9)
    while time.monotonic() < began + seconds:
        boards: dict[str, list[Increment]] = defaultdict(list)
        for _ in range(PREFETCH):
            board, player = random_player(*numbers)
            boards[board].append(Increment(player, 1, f"{run}-{added}"))
            added += 1
        for board, increments in boards.items():
            store.add_scores(board, increments)
    return added / (time.monotonic() - began)
