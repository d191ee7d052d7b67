"""A thousand boards that all change, with ten viewers each: how much of it the listener carries.

The limit is how many snapshots a second one process can read of these boards when nothing else
happens, in batches as large as the listener's. As many changes are offered, past the web processes
and many boards in one statement: through the API, increments would come to their end long before
the listener's reads, and would take the processor that those need. Each round changes every board
once, so no change hides another one that a listener at the limit would have shown. Where the store
takes fewer changes than that, the row of what was offered says so. Afterwards the same at a light
load, whose delays are the ones to expect. A second limit is what Pushpin carries to these viewers
when it is published to past the service.

A change is carried to a viewer who shows it, or a newer one, so one snapshot may carry several, as
it does when they come faster than snapshots leave. Writer, viewers, Pushpin and store share the
machine with the listener: rows of the processor say how many cores' time each took.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from bench.figure import Figure
from bench.fill import make_boards
from bench.hot_board import percentile
from bench.loads import Change, publish, read, write
from bench.service import Options, process, processor_seconds, service
from bench.viewers import Viewer, watch_all
from tests.support.stack import Stack

LIGHT = 100.0  # changes per second
FINAL_SECONDS, GIVE_UP_SECONDS = 2.0, 10.0
FULL_LOAD, LIGHT_LOAD = "", f" at {LIGHT:g}/s"


def until_shown(shown: list[tuple[float, int]], changes: list[Change]) -> Iterator[float]:
    """For each change of the viewer's board, the seconds from its acknowledgement; infinite, if the
    viewer never showed it."""
    place = 0
    for change in changes:
        while place < len(shown) and shown[place][1] < change.score:
            place += 1
        when = shown[place][0] if place < len(shown) else float("inf")
        yield max(0.0, when - change.acknowledged)


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
    await all_show(viewers, final)
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


async def all_show(viewers: list[Viewer], final: int) -> None:
    """Wait for it, but not for ever."""
    end = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < end and not all(v.shown[-1][1] == final for v in viewers):
        await asyncio.sleep(0.05)


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
    alone = await publish_alone(stack, viewers, boards, options)
    for run, rate in zip(found[FULL_LOAD], alone, strict=True):
        run["alone"] = rate
    for viewer in viewers:
        viewer.close()
    return found


async def publish_alone(
    stack: Stack, viewers: list[Viewer], boards: int, options: Options
) -> list[float]:
    """Snapshots per second, of each run, with scores that the service cannot have."""
    port = int(stack.env["GRIP_URL"].partition("?")[0].rpartition(":")[2])
    rounds = 3 if options.short else 10
    rates = []
    for number in range(options.runs):
        first = 1_000_000_000 + number * rounds
        scores, began = range(first, first + rounds), time.monotonic()
        await asyncio.to_thread(publish, port, boards, scores)
        await all_show(viewers, scores[-1])
        rates.append(rounds * boards / (max(v.shown[-1][0] for v in viewers) - began))
    return rates


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

    yield figure("changes offered", "/s", "offered", "limit")
    yield figure("changes carried to viewers", "/s", "carried", "limit", at_least=0.8)
    yield figure("snapshots that carried them", "/s", "snapshots", "limit")
    yield figure("snapshots that carried them, beside Pushpin alone", "/s", "snapshots", "alone")
    yield figure("changes carried to viewers", "/s", "carried", "offered", LIGHT_LOAD)
    for load in (FULL_LOAD, LIGHT_LOAD):
        for name, key in (("median", "p50"), ("99th percentile", "p99")):
            name = f"acknowledged to shown, {name}"
            yield figure(name, "ms", key, load=load, more_is_better=False)
        name = f"viewers with the final score in {FINAL_SECONDS:g} s"
        yield figure(name, "%", "final", load=load, at_least=100, marked="value")
    for part in ("listener", "Pushpin", "viewers", "writer", "store's server"):
        yield figure(f"processor, {part}", "cores", part, more_is_better=False)
