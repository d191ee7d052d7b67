"""What each part of the service spends of the processor for one operation: a poll, an increment, a
viewer who connects, a snapshot that the listener reads and publishes, a publish, a frame that is
handed to a viewer. `bench/sizing.py` reckons with these costs.

Polls and increments are spread over a thousand boards, so that few are asked for together, and do
not come through Pushpin. (There, each costs it about as much as a connect.)
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator

from bench.changes import publisher
from bench.delays import BOARD, one_change
from bench.figure import Figure
from bench.fill import make_boards
from bench.loads import publish, write
from bench.service import Options, post, process, processor_seconds, requests_per_second, service
from bench.viewers import Viewer, watch
from tests.support.stack import Stack

WEB, LISTENER, EDGE, STORE = "web processes", "listener", "Pushpin", "store's server"
# What is told of. What else a part does meanwhile belongs to another operation.
PARTS = {
    "poll": (WEB, STORE),
    "increment": (WEB, STORE),
    "connect": (WEB, EDGE, STORE),
    "frame to a viewer": (EDGE,),
    "publish": (EDGE,),
    "snapshot": (LISTENER,),
}
Costs = dict[str, dict[str, float]]  # by operation and part, in milliseconds


def settle_seconds(options: Options) -> float:
    """Until what was begun is done: the repeat, a proxy's queue."""
    return 0.2 if options.short else 3.0


async def spent(
    stack: Stack, work: Callable[[], Awaitable[float]], settle: float
) -> dict[str, float]:
    """By each part, in milliseconds for one of the operations that `work` counts."""
    before = processor_seconds(stack)
    operations = await work()
    await asyncio.sleep(settle)
    after = processor_seconds(stack)
    return {part: (after[part] - before[part]) * 1000 / operations for part in before}


async def costs(stack: Stack, options: Options) -> Costs:
    viewers, boards, frames, seconds = (20, 10, 3, 1) if options.short else (2000, 1000, 30, 5)
    settle = settle_seconds(options)
    port = int(stack.env["GRIP_URL"].partition("?")[0].rpartition(":")[2])
    fake = itertools.count(1_000_000_000)  # scores that the service cannot have
    watched: list[Viewer] = []
    found: Costs = {}

    async def requests(path: str, method: str) -> float:
        rate = await asyncio.to_thread(
            requests_per_second, stack.web_port, path, seconds, method=method, players=boards
        )
        return rate * seconds

    async def connect() -> float:
        watched.extend(await watch(stack.port, BOARD, viewers))
        return float(viewers)

    async def hand_over() -> float:
        change = publisher(stack, lambda: next(fake))
        for _ in range(frames):
            await one_change(watched, change)
        return float(frames * viewers)

    async def publish_unwatched() -> float:
        await asyncio.to_thread(publish, port, boards, range(frames))
        return float(frames * boards)

    with process(stack.env["DATABASE_URL"]) as other:

        async def change_boards() -> float:
            once = other.submit(write, options.store, boards, 1, float("inf"), 0.0)
            await asyncio.wrap_future(once)
            return 2.0 * boards  # each is published, and repeated

        await asyncio.wrap_future(other.submit(make_boards, options.store, boards))
        await asyncio.sleep(2 * settle)
        found["snapshot"] = await spent(stack, change_boards, settle)
    found["publish"] = await spent(stack, publish_unwatched, settle)
    found["connect"] = await spent(stack, connect, settle)
    found["frame to a viewer"] = await spent(stack, hand_over, settle)
    for viewer in watched:
        viewer.close()
    stack.listener.stop()  # whose reads are not theirs
    found["poll"] = await spent(stack, lambda: requests("/boards/bNUMBER/", "GET"), settle)
    add = "/boards/bNUMBER/players/p/score-add/"
    found["increment"] = await spent(stack, lambda: requests(add, "POST"), settle)
    return found


def measure(options: Options) -> Iterator[Figure]:
    runs: list[Costs] = []
    for _ in range(options.runs):
        with service(options.store) as stack:
            post(stack, "/boards/", {"id": "b"})
            post(stack, f"{BOARD}players/", {"id": "p", "name": "P"})
            time.sleep(settle_seconds(options))
            runs.append(asyncio.run(costs(stack, options)))
    for operation, parts in PARTS.items():
        for part in parts:
            if part == STORE and options.store == "sqlite":
                continue  # it has no server
            values = [run[operation][part] for run in runs]
            name = name_of(operation, part)
            yield Figure(name, options.store, "ms", values, more_is_better=False)


def name_of(operation: str, part: str) -> str:
    return f"processor for one {operation}, {part}"
