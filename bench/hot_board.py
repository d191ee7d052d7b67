#!/usr/bin/env python3
"""One hot board: as many increments as the machine accepts, while many viewers watch.

usage: bench/hot_board.py [--store sqlite|rethinkdb] [--viewers 1000] [--seconds 60]

Prints how far behind the writes viewers were, how many frames each got, and when the last of them
showed the final score. "Behind" is the age of the oldest acknowledged increment that a viewer does
not show, taken every 20 ms of every viewer. Writers, viewers and service share the machine.
"""

import argparse
import asyncio
import bisect
import itertools
import json
import re
import statistics
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.service import PUBLISH_INTERVAL, STORES, post, service  # noqa: E402
from tests.processes import Stack  # noqa: E402

WRITERS = 4
GRID_SECONDS = 0.02
SCORE = re.compile(rb'"score":(\d+),')
BOARD = "/boards/hot/"
ADD = f"{BOARD}players/hero/score-add/"


def write(port: int, seconds: float) -> tuple[dict[int, float], int]:
    """Post to the web processes from several threads, on connections of their own. Returns when
    each score was acknowledged, and how many posts were refused."""
    acknowledged: dict[int, float] = {}
    refused = 0
    end = time.monotonic() + seconds

    def post() -> None:
        nonlocal refused
        while time.monotonic() < end:
            connection = HTTPConnection("localhost", port)
            connection.request("POST", ADD)
            response = connection.getresponse()
            answer = json.loads(response.read())
            connection.close()
            if response.status == 200:
                acknowledged[answer["score"]] = time.monotonic()
            else:
                refused += 1

    threads = [threading.Thread(target=post) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return acknowledged, refused


class Viewer(asyncio.Protocol):
    """Comes back when its connection ends, as an EventSource does."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.shown: list[tuple[float, int]] = []  # when, score
        self.connects = 0
        self.closing = False
        self.transport: asyncio.Transport | None = None

    async def connect(self) -> None:
        self.connects += 1
        self.rest = b""
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self.port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        request = f"GET {BOARD} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        self.transport.write(request.encode())

    def data_received(self, data: bytes) -> None:
        # Parsing all of it as JSON would take more time than the service does.
        scores = SCORE.findall(self.rest + data)
        self.rest = data[-100:] if not scores else b""
        now = time.monotonic()
        self.shown += [(now, int(score)) for score in scores]

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closing:
            loop = asyncio.get_running_loop()
            loop.call_later(1, lambda: loop.create_task(self.connect()))

    def close(self) -> None:
        self.closing = True
        if self.transport:
            self.transport.close()


def behind(shown: list[tuple[float, int]], acknowledged: list[tuple[int, float]]) -> list[float]:
    """For every moment of a grid, the age of the oldest acknowledged increment that the viewer did
    not show then. `acknowledged`: scores, and when they or a later one was first acknowledged."""
    began, ended = min(when for _, when in acknowledged), max(when for _, when in acknowledged)
    delays, when = [], began
    for (_, score), (until, _) in itertools.pairwise([*shown, (ended, 0)]):
        place = bisect.bisect_right(acknowledged, (score, float("inf")))
        missing = acknowledged[place][1] if place < len(acknowledged) else ended
        while when < min(until, ended):
            delays.append(max(0.0, when - missing))
            when += GRID_SECONDS
    return sorted(delays)


def percentile(ordered: list[float], share: float) -> float:
    return ordered[int(len(ordered) * share)]


async def measure(stack: Stack, viewers: int, seconds: float) -> dict[str, float]:
    watching = [Viewer(stack.port) for _ in range(viewers)]
    await asyncio.gather(*(viewer.connect() for viewer in watching))
    while not all(viewer.shown for viewer in watching):
        await asyncio.sleep(0.1)
    await asyncio.sleep(3)  # for the repeat
    frames_before = [len(viewer.shown) for viewer in watching]
    with ProcessPoolExecutor(1) as pool:
        writing = pool.submit(write, stack.web_port, seconds)
        acknowledged, refused = await asyncio.wrap_future(writing)
    final, ended = max(acknowledged), max(acknowledged.values())
    # An increment that shows is as good as acknowledged when a later one is.
    times = list(itertools.accumulate((acknowledged[s] for s in sorted(acknowledged)[::-1]), min))
    known = list(zip(sorted(acknowledged), times[::-1], strict=True))
    while not all(viewer.shown[-1][1] == final for viewer in watching):
        if time.monotonic() > ended + 30:
            break
        await asyncio.sleep(0.05)
    frames = [len(v.shown) - n for v, n in zip(watching, frames_before, strict=True)]
    reached = [next((t for t, s in v.shown if s == final), float("inf")) for v in watching]
    delays = [behind(viewer.shown, known) for viewer in watching]
    for viewer in watching:
        viewer.close()
    return {
        "viewers": viewers,
        "writes/s": round(final / seconds),
        "writes refused": refused,
        "viewers without the final score": reached.count(float("inf")),
        "viewers who had to reconnect": sum(viewer.connects > 1 for viewer in watching),
        "behind p50 ms, median viewer": round(
            statistics.median(percentile(each, 0.5) for each in delays) * 1000
        ),
        "behind p99 ms, worst viewer": round(max(percentile(each, 0.99) for each in delays) * 1000),
        "behind at most, ms": round(max(each[-1] for each in delays) * 1000),
        "frames/s per viewer, median": round(statistics.median(frames) / seconds, 1),
        "frames/s per viewer, max": round(max(frames) / seconds, 1),
        "final score on the last viewer, ms after the last write": round(
            min(max(reached) - ended, 30) * 1000
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=STORES, default="sqlite")
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with service(options.store) as stack:
        post(stack, "/boards/", {"id": "hot"})
        post(stack, f"{BOARD}players/", {"id": "hero", "name": "H"})
        figures = asyncio.run(measure(stack, options.viewers, options.seconds))
        conditions = {"store": options.store, "publish interval": PUBLISH_INTERVAL}
        print(json.dumps({**conditions, **figures}, indent=2))


if __name__ == "__main__":
    main()
