"""Measure one hot board: as many increments as the machine accepts, with many viewers.

The figures are how far viewers lag behind the writes, how many frames each gets, and when the last
of them shows the final score. The lag is the age of the oldest acknowledged increment that a viewer
does not show, taken every 20 ms of every viewer. Writers, viewers and service share the machine.

The comparison is the article's listener on the same stack, after the service's own, on RethinkDB.
"""

import asyncio
import bisect
import itertools
import json
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from http.client import HTTPConnection

from bench.figure import Figure, at_most
from bench.service import (
    ARTICLE_LISTENER,
    PUBLISH_INTERVAL,
    Options,
    listen,
    post,
    service,
)
from bench.viewers import Viewer, held_viewers
from tests.support.stack import Stack

WRITERS = 4
GRID_SECONDS = 0.02
BOARD = "/boards/hot/"
ADD = f"{BOARD}players/hero/score-add/"


def write(port: int, seconds: float) -> tuple[dict[int, float], int]:
    """Post increments to the web processes from several threads.

    Returns when each score was acknowledged, and how many posts were refused.
    """
    acknowledged: dict[int, float] = {}
    refused = 0
    end = time.monotonic() + seconds

    def post_until_end() -> None:
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

    threads = [threading.Thread(target=post_until_end) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return acknowledged, refused


def measure_lags(
    received: list[tuple[float, int]], acknowledged: list[tuple[int, float]]
) -> list[float]:
    """Return a viewer's lag at every moment of a grid, in seconds and in ascending order.

    `received` has a time and a score for each frame. `acknowledged` has each score, and when it or
    a later one was first acknowledged.
    """
    began, ended = min(when for _, when in acknowledged), max(when for _, when in acknowledged)
    lags, when = [], began
    for (_, score), (until, _) in itertools.pairwise([*received, (ended, 0)]):
        index = bisect.bisect_right(acknowledged, (score, float("inf")))
        missing_since = acknowledged[index][1] if index < len(acknowledged) else ended
        while when < min(until, ended):
            lags.append(max(0.0, when - missing_since))
            when += GRID_SECONDS
    return sorted(lags)


def percentile(ordered: list[float], share: float) -> float:
    return ordered[int(len(ordered) * share)]


async def measure_board(stack: Stack, viewers: int, seconds: float) -> dict[str, float]:
    """Let viewers connect and writers post; return what was measured, by name."""
    async with held_viewers(stack.port, BOARD, viewers) as held:
        await asyncio.sleep(3)  # for the repeat
        return await measure_writes(stack, held, seconds)


async def measure_writes(stack: Stack, held: list[Viewer], seconds: float) -> dict[str, float]:
    frames_before = [len(viewer.received) for viewer in held]
    with ProcessPoolExecutor(1) as pool:
        writing = pool.submit(write, stack.web_port, seconds)
        acknowledged, refused = await asyncio.wrap_future(writing)
    final, ended = max(acknowledged), max(acknowledged.values())
    # An increment that shows is as good as acknowledged when a later one is.
    times = list(itertools.accumulate((acknowledged[s] for s in sorted(acknowledged)[::-1]), min))
    known = list(zip(sorted(acknowledged), times[::-1], strict=True))
    while not all(viewer.received[-1][1] == final for viewer in held):
        if time.monotonic() > ended + 30:
            break
        await asyncio.sleep(0.05)
    frames = [len(v.received) - n for v, n in zip(held, frames_before, strict=True)]
    reached = [next((t for t, s in v.received if s == final), float("inf")) for v in held]
    lags = [measure_lags(viewer.received, known) for viewer in held]
    return {
        "writes": len(acknowledged) / seconds,
        "refused": float(refused),
        "without the final score": float(reached.count(float("inf"))),
        "reconnected": float(sum(viewer.connects > 1 for viewer in held)),
        "p50": statistics.median(percentile(of_viewer, 0.5) for of_viewer in lags) * 1000,
        "p99": max(percentile(of_viewer, 0.99) for of_viewer in lags) * 1000,
        "frames": max(frames) / seconds,
        "final": min(max(reached) - ended, 30) * 1000,
    }


def measure(options: Options) -> Iterator[Figure]:
    viewers, seconds = options.pick((20, 1), (1000, 3), (1000, 60))
    with service(options.store) as stack:
        post(stack, "/boards/", {"id": "hot"})
        post(stack, f"{BOARD}players/", {"id": "hero", "name": "H"})
        measured = asyncio.run(measure_board(stack, viewers, seconds))
        article = {}
        if options.store == "rethinkdb":
            listen(stack, ARTICLE_LISTENER)
            article = asyncio.run(measure_board(stack, viewers, seconds))
            assert stack.listener.process.poll() is None, stack.listener.log.read_text()
    frames = 1 / float(PUBLISH_INTERVAL)
    for name, unit, key, most in (
        ("increments", "/s", "writes", None),
        ("increments refused", "", "refused", 0),
        ("viewers without the final score", "", "without the final score", 0),
        ("viewers who had to reconnect", "", "reconnected", None),
        ("lag, median of the median viewer", "ms", "p50", None),
        ("lag, 99th percentile of the worst viewer", "ms", "p99", 300),
        ("frames of the viewer with most", "/s", "frames", frames),
        ("final score on the last viewer, after the last write", "ms", "final", 2000),
    ):
        yield Figure(
            f"hot board, {viewers:,} viewers: {name}",
            options.store,
            unit,
            [measured[key]],
            comparisons={"article's listener, RethinkDB": [article[key]]} if article else {},
            targets=() if most is None else (at_most(most, "value"),),
        )
