"""Measure own ranks: players of a large board who watch where they stand, while scores change.

A thousand players of the board are watched, and 200 of them a second are given more points, in
requests of ten rows. The delay is from the answer to such a request to the frame that shows its
score. After quiet, what is shown is compared with what the service answers.
"""

import asyncio
import json
import random
import statistics
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any, NamedTuple

from bench.figure import Figure, at_most
from bench.growth import fill_board
from bench.seasons import fill, wait_for
from bench.service import Options, process, processor_seconds, service
from bench.steady import percentile_99
from bench.viewers import Viewer
from tests.support.stack import Stack

NAME, BOARD = "b", "/boards/b/"
RATE, ROWS = 200.0, 10  # increments a second, and in each request
MOST_POINTS = 1_000  # of an increment
LAST_SECONDS = 60.0  # until the last score is shown, at most
QUIET_SECONDS = 3.0  # after that, so that the last ranks are shown
COMPARED = 100  # players, after quiet


class OwnViewer(Viewer):
    """A viewer of one player. `shown` is the newest frame's JSON."""

    def __init__(self, port: int, player: str) -> None:
        super().__init__(port, f"{BOARD}players/{player}/")
        self.player = player
        self.shown: dict[str, Any] = {}

    def data_received(self, data: bytes) -> None:
        *events, self.rest = (self.rest + data).split(b"\n\n")
        for event in events:
            if b"event: update" in event:
                self.shown = json.loads(event.partition(b"\ndata: ")[2].partition(b"\n")[0])
                self.received.append((time.monotonic(), self.shown["score"]))


class Answered(NamedTuple):
    """An increment: when it was answered, whose it was, and the score after it."""

    at: float
    player: str
    score: int


def add_points(port: int, players: list[str], seconds: float) -> list[Answered]:
    """Give points to players at random, at a steady rate for so long."""
    connection, answers = HTTPConnection("localhost", port, timeout=60), []
    began, headers = time.monotonic(), {"Content-Type": "application/json"}
    for number in range(int(seconds * RATE / ROWS)):
        time.sleep(max(0.0, began + number * ROWS / RATE - time.monotonic()))
        rows = [
            {"player": player, "amount": random.randint(1, MOST_POINTS)}
            for player in random.sample(players, ROWS)
        ]
        connection.request("POST", f"{BOARD}scores/", json.dumps(rows), headers)
        response = connection.getresponse()
        results = json.loads(response.read())["results"]
        now = time.monotonic()
        answers += [Answered(now, row["player"], row["score"]) for row in results]
    connection.close()
    return answers


def list_delays(viewers: list[OwnViewer], answers: list[Answered]) -> Iterator[float]:
    """Yield the milliseconds from each answer to the frame that shows its score, or a later one."""
    received = {viewer.player: viewer.received for viewer in viewers}
    for at, player, score in answers:
        shown_at = next(when for when, shown in received[player] if shown >= score)
        yield max(0.0, shown_at - at) * 1000


def count_wrong(port: int, viewers: list[OwnViewer]) -> int:
    """Return how many of some viewers are shown another score than the service answers, or a rank
    that is further from it than both may be off."""
    connection, wrong = HTTPConnection("localhost", port, timeout=60), 0
    for viewer in random.sample(viewers, min(COMPARED, len(viewers))):
        connection.request("GET", viewer.path)
        player = json.loads(connection.getresponse().read())
        bound = viewer.shown.get("bound", 0) + player.get("bound", 0)
        is_right = viewer.shown["score"] == player["score"] and all(
            abs(viewer.shown[name] - player[name]) <= bound for name in ("rank", "of")
        )
        wrong += not is_right
    connection.close()
    return wrong


class Measured(NamedTuple):
    delays: list[float]  # ms
    listener: float  # cores
    rate: float  # increments a second
    wrong: int


def sizes(options: Options) -> tuple[int, int, float]:
    """Return the players of the board, how many are watched, and the seconds of the load."""
    players, watched, seconds = options.pick(
        (500, 20, 1.0), (10_000, 100, 3.0), (1_000_000, 1000, 30.0)
    )
    return options.players or players, watched, seconds


async def measure_stack(stack: Stack, options: Options) -> Measured:
    players, watched, seconds = sizes(options)
    with process(stack.env["DATABASE_URL"]) as executor:
        await fill(stack, lambda: executor.submit(fill_board, options.store, players).result())
    chosen = [f"p{number}" for number in random.sample(range(players), watched)]
    viewers = [OwnViewer(stack.port, player) for player in chosen]
    await asyncio.gather(*(viewer.connect() for viewer in viewers))
    await wait_for(lambda: all(viewer.shown for viewer in viewers))
    used, began = processor_seconds(stack)["listener"], time.monotonic()
    answers = await asyncio.to_thread(add_points, stack.web_port, chosen, seconds)
    took = time.monotonic() - began
    listener = (processor_seconds(stack)["listener"] - used) / took
    last = {player: score for _, player, score in answers}
    await wait_for(
        lambda: all(viewer.shown["score"] >= last.get(viewer.player, 0) for viewer in viewers),
        LAST_SECONDS,
    )
    await asyncio.sleep(QUIET_SECONDS)
    wrong = await asyncio.to_thread(count_wrong, stack.web_port, viewers)
    for viewer in viewers:
        viewer.close()
    return Measured([*list_delays(viewers, answers)], listener, len(answers) / took, wrong)


def measure(options: Options) -> Iterator[Figure]:
    with service(options.store, "tcp") as stack:
        measured = asyncio.run(measure_stack(stack, options))
    players, watched, _ = sizes(options)
    median, slowest = statistics.median(measured.delays), percentile_99(measured.delays)
    most_cores = () if options.store == "rethinkdb" else (at_most(0.5, "value"),)
    for name, unit, value, targets in (
        ("increments", "/s", measured.rate, ()),
        ("answered to shown, median", "ms", median, ()),
        ("answered to shown, 99th percentile", "ms", slowest, (at_most(1500, "value"),)),
        ("processor of the listener", "cores", measured.listener, most_cores),
        ("players who are shown wrong after quiet", "", measured.wrong, (at_most(0, "value"),)),
    ):
        name = f"own ranks, {watched:,} of {players:,} players: {name}"
        yield Figure(name, options.store, unit, [value], targets=targets)
