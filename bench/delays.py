"""From a change to the viewers, while little happens: an increment now and then, and the time from
its answer until each viewer shows it. The limit is what Pushpin takes alone: from the start of a
publish of the same size, past the service, until each viewer has it. The median and the 99th
percentile of all viewers and changes.

The two clocks do not start alike: a change is there somewhat before its answer, and a viewer may be
shown it first. What lies between, some milliseconds, is not counted as the service's delay."""

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection

from bench.figure import Figure
from bench.service import Options, post, service
from bench.viewers import Viewer, watch
from tests.processes import Stack

BOARD = "/boards/b/"
EVENT = (
    'event: update\nid: {0:032}\ndata: {{"id":"b","name":"","players":[{{"id":"p","name":"P",'
    '"score":{0},"rank":1}}]}}\n\n'
)
PAUSE_SECONDS, GIVE_UP_SECONDS = 0.5, 10.0


class Service:
    """Adds 1 by a POST. The change is there when it is answered."""

    def __init__(self, stack: Stack) -> None:
        self.port = stack.web_port

    def __call__(self, score: int) -> float:
        connection = HTTPConnection("localhost", self.port)
        connection.request("POST", f"{BOARD}players/p/score-add/")
        response = connection.getresponse()
        assert response.status == 200
        answered = time.monotonic()
        assert json.loads(response.read())["score"] == score
        connection.close()
        return answered


class Publish:
    """Publishes an event of the same size to the board's channel, past the service."""

    def __init__(self, stack: Stack) -> None:
        self.port = int(stack.env["GRIP_URL"].partition("?")[0].rpartition(":")[2])

    def __call__(self, score: int) -> float:
        item = {"channel": "board-b", "http-stream": {"content": EVENT.format(score)}}
        began = time.monotonic()
        connection = HTTPConnection("localhost", self.port)
        connection.request("POST", "/publish/", json.dumps({"items": [item]}))
        assert connection.getresponse().status == 200
        connection.close()
        return began


async def delays(
    viewers: list[Viewer], change: Callable[[int], float], scores: range
) -> list[float]:
    """In milliseconds, of each viewer and score."""
    found = []
    for score in scores:
        seen = [len(viewer.shown) for viewer in viewers]
        changed = await asyncio.to_thread(change, score)
        await asyncio.sleep(PAUSE_SECONDS)
        for viewer, before in zip(viewers, seen, strict=True):
            while not (when := [at for at, shown in viewer.shown[before:] if shown == score]):
                assert time.monotonic() < changed + GIVE_UP_SECONDS, f"a viewer lacks {score}"
                await asyncio.sleep(0.1)
            found.append((when[0] - changed) * 1000)
    return found


async def measure_all(
    stack: Stack, number: int, options: Options
) -> list[tuple[list[float], list[float]]]:
    """For each run, the delays of the service's changes, and of bare publishes."""
    changes = 4 if options.short else 20
    viewers = await watch(stack.port, BOARD, number)
    await asyncio.sleep(3)  # for the repeat
    runs = []
    score = itertools.count(1, changes)
    first = viewers[0].shown[-1][1] + 1
    for _ in range(options.runs):
        scores = range(first, first := first + changes)
        mine = await delays(viewers, Service(stack), scores)
        await asyncio.sleep(3)
        # Scores that the service cannot have.
        fake = next(score) + 1_000_000_000
        runs.append((mine, await delays(viewers, Publish(stack), range(fake, fake + changes))))
    for viewer in viewers:
        viewer.close()
    return runs


def measure(options: Options) -> Iterator[Figure]:
    for number in (1, 20) if options.short else (1, 1000, 10_000):
        with service(options.store) as stack:
            post(stack, "/boards/", {"id": "b"})
            post(stack, f"{BOARD}players/", {"id": "p", "name": "P"})
            runs = asyncio.run(measure_all(stack, number, options))
        for name, share, more in (("median", 50, 5), ("99th percentile", 99, 20)):
            mine, limit = (
                [statistics.quantiles(run[which], n=100)[share - 1] for run in runs]
                for which in (0, 1)
            )
            yield Figure(
                f"change to viewer, {number:,} viewers, {name}",
                options.store,
                "ms",
                mine,
                limit,
                at_most=more,
                marked="difference",
                more_is_better=False,
            )
