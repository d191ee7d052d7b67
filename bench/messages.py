"""Scores from a broker per second, taken by one worker, beside what the store takes directly.

The queue is filled before the worker starts, and the time is that from the first score to the last
one, which are those of players of their own. The limit is increments by as many threads as a web
process has, in one process that has the store, each waiting for its own; the peer is one thread
that adds batches as large as those that the worker can have.
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

from bench.figure import Figure
from bench.fill import make_boards
from bench.service import Options, fill, post, process, service
from tests.support.programs import wait_until
from tests.support.servers import RabbitServer
from tests.support.stack import Stack

THREADS = 16
FIRST, LAST = "first", "last"


def measure(options: Options) -> Iterator[Figure]:
    messages = 500 if options.short else 20_000
    seconds = 0.5 if options.short else 5.0
    most, boards = (100, 10) if options.short else (10_000, 1_000)
    with (
        service(options.store) as stack,
        tempfile.TemporaryDirectory() as folder,
        RabbitServer(Path(folder)) as rabbit,
    ):
        post(stack, "/boards/", {"id": "b"})
        fill(stack, "b", most)
        for player in (FIRST, LAST):
            post(stack, "/boards/b/players/", {"id": player, "name": player})
        with process(stack.env["DATABASE_URL"]) as there:
            there.submit(make_boards, options.store, boards).result()
            for name, numbers in (
                ("one player", (1, 1)),
                (f"{most:,} players", (1, most)),
                (f"a player on each of {boards:,} boards", (boards, 1)),
            ):
                mine, limit, peer = [], [], []
                for _ in range(options.runs):
                    mine.append(taken_per_second(stack, rabbit, numbers, messages))
                    limit.append(there.submit(added_by_threads, numbers, seconds).result())
                    peer.append(there.submit(added_in_batches, numbers, seconds).result())
                what = f"messages with scores of {name}"
                yield Figure(what, options.store, "/s", mine, limit, peer, 0.5)


def somebody(boards: int, players: int) -> tuple[str, str]:
    """A board and a player, at random: some player of one board, or the one of some board."""
    if boards > 1:
        return f"b{random.randrange(boards)}", "p"
    return "b", f"p{random.randrange(players)}"


def taken_per_second(
    stack: Stack, rabbit: RabbitServer, numbers: tuple[int, int], messages: int
) -> float:
    env = {"AMQP_URL": rabbit.url}
    worker = [sys.executable, "amqplistener.py"]
    program = stack.program("amqp", worker, **env)  # makes the queue
    wait_until(lambda: "taking" in program.log.read_text(), "the worker", 30)
    program.stop()
    scores = {player: score(stack, player) for player in (FIRST, LAST)}
    publish(rabbit, numbers, messages)
    program.log.unlink()
    program.start()
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
        found: int = json.load(answer)["score"]
    return found


def publish(rabbit: RabbitServer, numbers: tuple[int, int], messages: int) -> None:
    run = random.randrange(10**9)
    some = (somebody(*numbers) for _ in range(messages))
    connection = pika.BlockingConnection(pika.URLParameters(rabbit.url))
    channel = connection.channel()
    channel.tx_select()
    for number, (board, player) in enumerate([("b", FIRST), *some, ("b", LAST)]):
        body = json.dumps({"board": board, "player": player, "amount": 1}).encode()
        properties = pika.BasicProperties(message_id=f"{run}-{number}", delivery_mode=2)
        channel.basic_publish("leaderboard", "score", body, properties)
        if number % 1000 == 999:
            channel.tx_commit()
    channel.tx_commit()
    connection.close()


def added_by_threads(numbers: tuple[int, int], seconds: float) -> float:
    """Increments per second, each with a key, in this process, which has the store."""
    from leaderboardapp.stores import get_store

    store, keys, until = get_store(), itertools.count(), time.monotonic() + seconds
    run = random.randrange(10**9)

    def add(_: int) -> int:
        added = 0
        while time.monotonic() < until:
            board, player = somebody(*numbers)
            store.add_score(board, player, 1, f"{run}-{next(keys)}")
            added += 1
        store.close()
        return added

    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        added = sum(pool.map(add, range(THREADS)))
    return added / (time.monotonic() - began)


def added_in_batches(numbers: tuple[int, int], seconds: float) -> float:
    from leaderboardapp.domain.types import Increment
    from leaderboardapp.rabbitmq.consumer import PREFETCH
    from leaderboardapp.stores import get_store

    store, began, added, run = get_store(), time.monotonic(), 0, random.randrange(10**9)
    while time.monotonic() < began + seconds:
        boards: dict[str, list[Increment]] = defaultdict(list)
        for _ in range(PREFETCH):
            board, player = somebody(*numbers)
            boards[board].append(Increment(player, 1, f"{run}-{added}"))
            added += 1
        for board, increments in boards.items():
            store.add_scores(board, increments)
    return added / (time.monotonic() - began)
