"""A thousand boards that all change, with ten viewers each: how much of it the listener carries.

The limit is how many snapshots a second one process can read of these boards when nothing else
happens, in batches as large as the listener's. As many changes are offered, past the web processes
and many boards in one statement: through the API, increments would come to their end long before
the listener's reads, and would take the processor that those need. Each round changes every board
once, so no change hides another one that a listener at the limit would have shown. Where the store
takes fewer changes than that, the row of what was offered says so. Afterwards the same at a light
load, whose delays are the ones to expect.

A change is carried to a viewer who shows it, or a newer one. Writer, viewers, Pushpin and store
share the machine with the listener: rows of the processor say how many cores' time each took.
"""

import asyncio
import itertools
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import psutil

from bench.figure import Figure
from bench.fill import add_one, make_boards
from bench.hot_board import percentile
from bench.service import Options, process, service
from bench.viewers import Viewer, watch_all
from tests.processes import Stack

LIGHT = 100.0  # changes per second
STATEMENTS = 20  # per second, each of as many boards as it takes
FINAL_SECONDS, GIVE_UP_SECONDS = 2.0, 10.0
FULL_LOAD, LIGHT_LOAD = "", f" at {LIGHT:g}/s"


class Change(NamedTuple):
    board: int
    score: int
    acknowledged: float


def read(boards: int, seconds: float) -> float:
    """Snapshots per second, in batches as the listener's."""
    from leaderboardapp import snapshots
    from leaderboardapp.edge import MAX_BOARDS_READ

    names, taken = [f"b{n}" for n in range(boards)], 0
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        taken += len(snapshots.take(random.sample(names, min(boards, MAX_BOARDS_READ))))
    return taken / (time.monotonic() - began)


def write(
    store: str, boards: int, first: int, rate: float, seconds: float
) -> tuple[list[Change], float]:
    """Bring all boards to the score `first`, then to the next, at no more than this rate, until the
    time is over. The changes, and the processor's seconds that this process took for them."""
    changes: list[Change] = []
    at_once = max(1, int(rate / STATEMENTS))
    began, used = time.monotonic(), time.process_time()
    for score in itertools.count(first):
        order = random.sample(range(boards), boards)
        for start in range(0, boards, at_once):
            some = order[start : start + at_once]
            time.sleep(max(0.0, began + len(changes) / rate - time.monotonic()))
            add_one(store, some)
            now = time.monotonic()
            changes += [Change(board, score, now) for board in some]
        if now > began + seconds:
            break
    return changes, time.process_time() - used


def until_shown(shown: list[tuple[float, int]], changes: list[Change]) -> Iterator[float]:
    """For each change of the viewer's board, the seconds from its acknowledgement; infinite, if the
    viewer never showed it."""
    place = 0
    for change in changes:
        while place < len(shown) and shown[place][1] < change.score:
            place += 1
        when = shown[place][0] if place < len(shown) else float("inf")
        yield max(0.0, when - change.acknowledged)


def processor_seconds(stack: Stack) -> dict[str, float]:
    """Of each part of the service, and of this process, which has the viewers."""
    started = psutil.Process().children(recursive=True)
    parts = {
        "listener": stack.listener.processes(),
        "Pushpin": stack.pushpin.processes(),
        "viewers": [psutil.Process()],
        "store's server": [each for each in started if each.name() == "rethinkdb"],
    }
    return {
        name: sum(sum(each.cpu_times()[:2]) for each in processes)
        for name, processes in parts.items()
    }


async def carry(
    stack: Stack,
    viewers: list[Viewer],
    other: ProcessPoolExecutor,
    first: int,
    rate: float,
    options: Options,
) -> dict[str, float]:
    """What came of changes that bring all boards to the score `first`, and further."""
    boards, seconds = sizes(options)
    for viewer in viewers:
        del viewer.shown[:-1]
    began, before = time.monotonic(), processor_seconds(stack)
    writing = other.submit(write, options.store, boards, first, rate, seconds)
    changes, writer = await asyncio.wrap_future(writing)
    used = {name: now - before[name] for name, now in processor_seconds(stack).items()}
    final, ended = changes[-1].score, changes[-1].acknowledged
    while not all(viewer.shown[-1][1] == final for viewer in viewers):
        if time.monotonic() > ended + GIVE_UP_SECONDS:
            break
        await asyncio.sleep(0.05)
    took = ended - began
    shares = {
        "carried": sum(newest(viewer, ended) + 1 - first for viewer in viewers),
        "snapshots": sum(frames(viewer, ended) for viewer in viewers),
    }
    in_time = sum(newest(viewer, ended + FINAL_SECONDS) == final for viewer in viewers)
    return {
        "next": final + 1,
        "offered": len(changes) / took,
        **{name: share * boards / len(viewers) / took for name, share in shares.items()},
        **{name: each / took for name, each in {**used, "writer": writer}.items()},
        **delays(viewers, changes, boards),
        "final": in_time / len(viewers) * 100,
    }


def newest(viewer: Viewer, until: float) -> int:
    return max(score for when, score in viewer.shown if when <= until)


def frames(viewer: Viewer, until: float) -> int:
    """Without repeats, and the one from before."""
    return len({score for when, score in viewer.shown if when <= until}) - 1


def delays(viewers: list[Viewer], changes: list[Change], boards: int) -> dict[str, float]:
    """In milliseconds, of all viewers and changes."""
    of_board = defaultdict(list)
    for change in changes:
        of_board[change.board].append(change)
    waits: list[float] = []
    for number, viewer in enumerate(viewers):
        waits += until_shown(viewer.shown, of_board[number % boards])
    waits.sort()
    return {
        name: min(GIVE_UP_SECONDS, percentile(waits, share)) * 1000
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }


async def carry_all(stack: Stack, options: Options) -> dict[str, list[dict[str, float]]]:
    """What came of each run, by the load."""
    boards, seconds = sizes(options)
    found: dict[str, list[dict[str, float]]] = {FULL_LOAD: [], LIGHT_LOAD: []}
    first = 1
    with process(stack.env["DATABASE_URL"]) as other:
        other.submit(make_boards, options.store, boards).result()
        number = boards * (2 if options.short else 10)
        viewers = await watch_all(stack.port, [f"/boards/b{n % boards}/" for n in range(number)])
        for _ in range(options.runs):
            await asyncio.sleep(3)  # for the repeat
            limit = await asyncio.wrap_future(other.submit(read, boards, seconds / 4))
            for load, rate in ((FULL_LOAD, limit), (LIGHT_LOAD, LIGHT)):
                run = await carry(stack, viewers, other, first, rate, options)
                found[load].append({**run, "limit": limit})
                first = int(run["next"])
        for viewer in viewers:
            viewer.close()
    return found


def sizes(options: Options) -> tuple[int, float]:
    """Boards, and seconds of a run."""
    return (10, 1.0) if options.short else (1000, 20.0)


def measure(options: Options) -> Iterator[Figure]:
    boards, _ = sizes(options)
    with service(options.store) as stack:
        found = asyncio.run(carry_all(stack, options))

    def figure(
        name: str, unit: str, key: str, limit: str = "", load: str = FULL_LOAD, **marks: Any
    ) -> Figure:
        limits = [run[limit] for run in found[load]] if limit else []
        name = f"{boards:,} boards{load}: {name}"
        return Figure(name, options.store, unit, [run[key] for run in found[load]], limits, **marks)

    yield figure("snapshots carried to viewers", "/s", "snapshots", "limit", at_least=0.8)
    yield figure("changes offered", "/s", "offered", "limit")
    for load in (FULL_LOAD, LIGHT_LOAD):
        yield figure("changes carried to viewers", "/s", "carried", "offered", load)
        for name, key in (("median", "p50"), ("99th percentile", "p99")):
            name = f"acknowledged to shown, {name}"
            yield figure(name, "ms", key, load=load, more_is_better=False)
        name = f"viewers with the final score in {FINAL_SECONDS:g} s"
        yield figure(name, "%", "final", load=load, at_least=100, marked="value")
    for part in ("listener", "Pushpin", "viewers", "writer", "store's server"):
        yield figure(f"processor, {part}", "cores", part, more_is_better=False)
