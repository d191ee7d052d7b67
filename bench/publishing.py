"""Compare publishing over ZeroMQ, where Pushpin tells whom it holds, with publishing over HTTP.

Of 10,000 boards, of which a hundred have ten viewers each, all change in turn: 500 changes a second
that bypass the web processes. What the listener sends to Pushpin passes through a link that counts
it. Then come the delay from a change to the only viewer of a board, and a hot board.

Both ways are measured in each run, one after the other, each with a service of its own.
"""

import asyncio
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator

from bench.changes import timed_writer
from bench.delays import BOARD, measure_delays
from bench.figure import Figure, Target, at_most
from bench.fill import make_boards
from bench.hot_board import BOARD as HOT_BOARD
from bench.hot_board import measure_board
from bench.loads import write
from bench.many_boards import FINAL_SECONDS, newest_score
from bench.service import LISTENER, Options, listen, post, process, processor_seconds, service
from bench.viewers import held_viewers, open_viewers
from tests.faults.link import Link
from tests.support.stack import Stack

WAYS = {"http": "HTTP", "tcp": "ZeroMQ"}  # the scheme in GRIP_URL, and its name
VIEWERS_OF_BOARD = 10
RATE = 500.0  # changes per second

# By the name of a figure: the values of all runs.
Measured = defaultdict[str, list[float]]


def many_boards(options: Options) -> tuple[int, int]:
    """Return how many boards change, and how many of them are watched."""
    return options.pick((200, 2), (1_000, 10), (10_000, 100))


def hot_board(options: Options) -> tuple[int, float]:
    """Return the viewers of the hot board, and for how many seconds increments come."""
    return options.pick((20, 1), (100, 3), (1000, 30))


async def measure_many_boards(stack: Stack, options: Options, measured: Measured) -> None:
    """Change many boards of which few are watched, each once. The stack is left without its
    listener."""
    boards, watched = many_boards(options)
    with process(stack.env["DATABASE_URL"]) as executor:
        await asyncio.wrap_future(executor.submit(make_boards, options.store, boards))
        address = stack.env["GRIP_URL"]
        port = address.partition("?")[0].rpartition(":")[2]
        with Link(int(port)) as link:
            stack.env["GRIP_URL"] = address.replace(f":{port}?", f":{link.port}?")
            listen(stack, LISTENER)
            paths = [f"/boards/b{n % watched}/" for n in range(watched * VIEWERS_OF_BOARD)]
            viewers = await open_viewers(stack.port, paths)
            await asyncio.sleep(options.pick(0.5, 3, 10))  # until all is quiet
            before, sent, began = processor_seconds(stack), link.sent, time.monotonic()
            writing = executor.submit(write, options.store, boards, 1, RATE, 0.0)
            changes, _ = await asyncio.wrap_future(writing)
            await asyncio.sleep(FINAL_SECONDS + 1)  # with the repeats
            took, after = time.monotonic() - began, processor_seconds(stack)
            measured["changes"].append(len(changes) / (took - FINAL_SECONDS - 1))
            measured["listener"].append((after["listener"] - before["listener"]) / took * 100)
            measured["Pushpin"].append((after["Pushpin"] - before["Pushpin"]) / took * 100)
            measured["bytes"].append((link.sent - sent) / took / 1000)
            late = [viewer for viewer in viewers if newest_score(viewer, time.monotonic()) < 1]
            measured["outdated"].append(float(len(late)))
            for viewer in viewers:
                viewer.close()
            stack.listener.stop()


async def measure_delay(stack: Stack, options: Options, measured: Measured) -> None:
    """Measure the delay from a change to the one viewer of a board."""
    post(stack, "/boards/", {"id": "b"})
    post(stack, f"{BOARD}players/", {"id": "p", "name": "P"})
    with timed_writer(stack.env["DATABASE_URL"]) as change:
        async with held_viewers(stack.port, BOARD, 1) as viewers:
            delays = await measure_delays(viewers, change, options.pick(2, 5, 40))
    measured["delay"].append(statistics.median(delays))


async def measure_hot_board(stack: Stack, options: Options, measured: Measured) -> None:
    """Measure one board with many viewers."""
    viewers, seconds = hot_board(options)
    post(stack, "/boards/", {"id": "hot"})
    post(stack, f"{HOT_BOARD}players/", {"id": "hero", "name": "H"})
    for name, value in (await measure_board(stack, viewers, seconds)).items():
        measured[f"hot {name}"].append(value)


async def measure_all(stack: Stack, options: Options, measured: Measured) -> None:
    await measure_delay(stack, options, measured)
    await measure_hot_board(stack, options, measured)
    await measure_many_boards(stack, options, measured)


def measure(options: Options) -> Iterator[Figure]:
    measured: dict[str, Measured] = {way: defaultdict(list) for way in WAYS}
    for _ in range(options.long_runs):
        for way, name in WAYS.items():
            print(f"→ publishing over {name}", file=sys.stderr, flush=True)
            with service(options.store, way) as stack:
                asyncio.run(measure_all(stack, options, measured[way]))
    a_tenth: tuple[Target, ...] = (at_most(0.1),)
    (boards, _), (viewers, _) = many_boards(options), hot_board(options)
    hot = f"hot board of {viewers:,} viewers"
    for name, unit, key, targets in (
        ("changes", "/s", "changes", ()),
        ("processor of the listener", "% of a core", "listener", a_tenth),
        ("processor of Pushpin", "% of a core", "Pushpin", ()),
        ("sent to Pushpin", "kB/s", "bytes", a_tenth),
        ("viewers who are outdated", "", "outdated", (at_most(0, "value"),)),
        ("change to one viewer, median", "ms", "delay", (at_most(-2, "difference"),)),
        (f"{hot}, increments", "/s", "hot writes", ()),
        (f"{hot}, lag of the median viewer", "ms", "hot p50", (at_most(1.1),)),
        (f"{hot}, lag of the worst viewer, 99th percentile", "ms", "hot p99", (at_most(1.1),)),
        (f"{hot}, viewers without the final score", "", "hot without the final score", ()),
    ):
        runs, baseline = measured["tcp"][key], measured["http"][key]
        name = f"publishing, {boards:,} boards: {name}"
        yield Figure(name, options.store, unit, runs, baseline, targets=targets)
