"""Measure how many changes of a thousand boards, with ten viewers each, the listener carries.

The baseline is how many snapshots of these boards one process reads a second when nothing else
happens, in batches as large as the listener's. As many changes are offered. They bypass the web
processes, with many boards in one statement, because increments through the API are slower than the
listener's reads and take its processor time. Each round changes every board once. So no change
hides another one that a listener as fast as the baseline would have shown. A store may take fewer
changes than that, so there is a figure for those that were offered.

Afterwards comes a light load, whose delays are the ones to expect. A second baseline is how many
snapshots Pushpin carries to these viewers when it is published to without the service.

A change is carried to a viewer when the viewer shows it, or a newer one. So one snapshot may carry
several changes, when they come faster than snapshots leave. Writer, viewers, Pushpin and store
share the machine with the listener, so there are figures for the processor time of each.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from bench.changes import control_port
from bench.figure import Figure, Target, at_least
from bench.fill import make_boards
from bench.hot_board import percentile
from bench.loads import Change, publish, read, write
from bench.service import Options, process, processor_seconds, service
from bench.viewers import Viewer, open_viewers
from tests.support.stack import Stack

LIGHT = 100.0  # changes per second
FINAL_SECONDS, GIVE_UP_SECONDS = 2.0, 10.0
FULL_LOAD, LIGHT_LOAD = "", f" at {LIGHT:g}/s"
PUSHPIN_ALONE = "baseline: Pushpin alone"


def seconds_until_shown(
    received: list[tuple[float, int]], changes: list[Change]
) -> Iterator[float]:
    """Yield for each change of a viewer's board the seconds from its acknowledgement.

    They are infinite if the viewer never showed it.
    """
    index = 0
    for change in changes:
        while index < len(received) and received[index][1] < change.score:
            index += 1
        when = received[index][0] if index < len(received) else float("inf")
        yield max(0.0, when - change.acknowledged)


async def carry(
    stack: Stack,
    viewers: list[Viewer],
    executor: ProcessPoolExecutor,
    first: int,
    rate: float,
    options: Options,
) -> dict[str, float]:
    """Bring all boards to the score `first`, and further; return what was measured, by name."""
    boards, seconds = sizes(options)
    for viewer in viewers:
        del viewer.received[:-1]
    began, before = time.monotonic(), processor_seconds(stack)
    writing = executor.submit(write, options.store, boards, first, rate, seconds)
    changes, writer_seconds = await asyncio.wrap_future(writing)
    used = {name: after - before[name] for name, after in processor_seconds(stack).items()}
    final, ended = changes[-1].score, changes[-1].acknowledged
    await wait_for_score(viewers, final)
    took = ended - began
    counts = {  # of all viewers
        "carried": sum(newest_score(viewer, ended) + 1 - first for viewer in viewers),
        "snapshots": sum(count_snapshots(viewer, ended) for viewer in viewers),
    }
    in_time = sum(newest_score(viewer, ended + FINAL_SECONDS) == final for viewer in viewers)
    return {
        "next": final + 1,
        "offered": len(changes) / took,
        **{name: count * boards / len(viewers) / took for name, count in counts.items()},
        **{name: cpu / took for name, cpu in {**used, "writer": writer_seconds}.items()},
        **delay_percentiles(viewers, changes, boards),
        "final": in_time / len(viewers) * 100,
    }


async def wait_for_score(viewers: list[Viewer], final: int) -> None:
    """Wait until all viewers show the final score, for at most GIVE_UP_SECONDS."""
    end = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < end and not all(v.received[-1][1] == final for v in viewers):
        await asyncio.sleep(0.05)


def newest_score(viewer: Viewer, until: float) -> int:
    return max(score for when, score in viewer.received if when <= until)


def count_snapshots(viewer: Viewer, until: float) -> int:
    """Return how many snapshots came, without repeats and the first one, which is older."""
    return len({score for when, score in viewer.received if when <= until}) - 1


def delay_percentiles(
    viewers: list[Viewer], changes: list[Change], boards: int
) -> dict[str, float]:
    """Return median and 99th percentile of all viewers and changes, in milliseconds."""
    changes_of_board = defaultdict(list)
    for change in changes:
        changes_of_board[change.board].append(change)
    delays: list[float] = []
    for number, viewer in enumerate(viewers):
        delays += seconds_until_shown(viewer.received, changes_of_board[number % boards])
    delays.sort()
    return {
        name: min(GIVE_UP_SECONDS, percentile(delays, share)) * 1000
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }


async def measure_loads(stack: Stack, options: Options) -> dict[str, list[dict[str, float]]]:
    """Return what was measured in each run, by the load."""
    boards, seconds = sizes(options)
    measured: dict[str, list[dict[str, float]]] = {FULL_LOAD: [], LIGHT_LOAD: []}
    first = 1
    with process(stack.env["DATABASE_URL"]) as executor:
        executor.submit(make_boards, options.store, boards).result()
        number = boards * options.pick(2, 10, 10)
        viewers = await open_viewers(stack.port, [f"/boards/b{n % boards}/" for n in range(number)])
        for _ in range(options.long_runs):
            await asyncio.sleep(3)  # for the repeat
            reads = await asyncio.wrap_future(executor.submit(read, boards, seconds / 4))
            for load, rate in ((FULL_LOAD, reads), (LIGHT_LOAD, LIGHT)):
                run = await carry(stack, viewers, executor, first, rate, options)
                measured[load].append({**run, "reads": reads})
                first = int(run["next"])
    pushpin_rates = await measure_pushpin_alone(stack, viewers, boards, options)
    for run, rate in zip(measured[FULL_LOAD], pushpin_rates, strict=True):
        run[PUSHPIN_ALONE] = rate
    for viewer in viewers:
        viewer.close()
    return measured


async def measure_pushpin_alone(
    stack: Stack, viewers: list[Viewer], boards: int, options: Options
) -> list[float]:
    """Return how many snapshots a second Pushpin carries in each run.

    They are published to it without the service, with scores that the service cannot have.
    """
    port = control_port(stack)
    rounds = options.pick(3, 10, 10)
    rates = []
    for number in range(options.long_runs):
        first = 1_000_000_000 + number * rounds
        scores, began = range(first, first + rounds), time.monotonic()
        await asyncio.to_thread(publish, port, boards, scores)
        await wait_for_score(viewers, scores[-1])
        rates.append(rounds * boards / (max(v.received[-1][0] for v in viewers) - began))
    return rates


def sizes(options: Options) -> tuple[int, float]:
    """Return the number of boards, and the seconds of a run."""
    return options.pick((10, 1.0), (100, 2.0), (1000, 20.0))


def measure(options: Options) -> Iterator[Figure]:
    boards, _ = sizes(options)
    with service(options.store) as stack:
        measured = asyncio.run(measure_loads(stack, options))

    def figure(
        name: str,
        unit: str,
        key: str,
        baseline: str = "",
        comparisons: Sequence[str] = (),
        load: str = FULL_LOAD,
        targets: Sequence[Target] = (),
    ) -> Figure:
        def runs(of: str) -> list[float]:
            return [run[of] for run in measured[load]] if of else []

        name, others = f"{boards:,} boards{load}: {name}", {of: runs(of) for of in comparisons}
        return Figure(name, options.store, unit, runs(key), runs(baseline), others, targets)

    carried, snapshots = "changes carried to viewers", "snapshots that carried them"
    yield figure("changes offered", "/s", "offered", "reads")
    yield figure(carried, "/s", "carried", "reads", targets=(at_least(0.8),))
    yield figure(snapshots, "/s", "snapshots", "reads", [PUSHPIN_ALONE])
    yield figure(carried, "/s", "carried", "offered", load=LIGHT_LOAD)
    for load in (FULL_LOAD, LIGHT_LOAD):
        for name, key in (("median", "p50"), ("99th percentile", "p99")):
            yield figure(f"acknowledged to shown, {name}", "ms", key, load=load)
        name = f"viewers with the final score in {FINAL_SECONDS:g} s"
        yield figure(name, "%", "final", load=load, targets=(at_least(100, "value"),))
    for part in ("listener", "Pushpin", "viewers", "writer", "store's server"):
        yield figure(f"processor, {part}", "cores", part)
