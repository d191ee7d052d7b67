"""Measure the processor time that each part of the service takes for one operation.

The operations are a poll, an increment, a viewer who connects, a snapshot that the listener reads
and publishes, a publish, and a frame that a viewer is sent. `bench/sizing.py` calculates with these
costs.

Polls and increments are spread over a thousand boards, so that few are coalesced. They bypass
Pushpin, which they would cost about as much as a connect does.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

from bench.changes import control_port, write_then_publish
from bench.delays import BOARD, measure_change
from bench.figure import Figure
from bench.fill import make_boards
from bench.loads import publish, write
from bench.service import Options, post, process, processor_seconds, requests_per_second, service
from bench.viewers import Viewer, open_viewers
from tests.support.stack import Stack

WEB, LISTENER, PROXY, STORE = "web processes", "listener", "Pushpin", "store's server"
# The parts that take part in each operation. What others do meanwhile belongs to another one.
PARTS = {
    "poll": (WEB, STORE),
    "increment": (WEB, STORE),
    "connect": (WEB, PROXY, STORE),
    "frame to a viewer": (PROXY,),
    "publish": (PROXY,),
    "snapshot": (LISTENER,),
}
CostsByPart = dict[str, dict[str, float]]  # by operation and part, in milliseconds


def settle_seconds(options: Options) -> float:
    """Return how long work may go on after an operation: the repeat, the proxy's queue."""
    return options.pick(0.2, 3.0, 3.0)


class Work:
    """Work on the stack: one kind of operation a method, which returns how many it did."""

    def __init__(self, stack: Stack, options: Options) -> None:
        self.stack, self.store = stack, options.store
        self.viewers, self.boards, self.frames, self.seconds = options.pick(
            (20, 10, 3, 1), (2000, 1000, 30, 5), (2000, 1000, 30, 5)
        )
        self.opened: list[Viewer] = []
        self.scores = itertools.count(1_000_000_000)  # which the service cannot have

    async def poll(self) -> float:
        return await self._request("/boards/bNUMBER/", "GET")

    async def increment(self) -> float:
        return await self._request("/boards/bNUMBER/players/p/score-add/", "POST")

    async def _request(self, path: str, method: str) -> float:
        port, players = self.stack.web_port, self.boards
        rate = await asyncio.to_thread(
            requests_per_second, port, path, self.seconds, method=method, players=players
        )
        return rate * self.seconds

    async def connect(self) -> float:
        self.opened += await open_viewers(self.stack.port, [BOARD] * self.viewers)
        return float(self.viewers)

    async def send_frames(self) -> float:
        """Publish to the viewers who have connected."""
        change = write_then_publish(self.stack, lambda: next(self.scores))
        for _ in range(self.frames):
            await measure_change(self.opened, change)
        return float(self.frames * self.viewers)

    async def publish(self) -> float:
        """Publish boards that have no viewers."""
        port, scores = control_port(self.stack), range(self.frames)
        await asyncio.to_thread(publish, port, self.boards, scores)
        return float(self.frames * self.boards)

    async def change_boards(self, executor: ProcessPoolExecutor) -> float:
        """Change every board once. The listener publishes each, and repeats it."""
        written = executor.submit(write, self.store, self.boards, 1, float("inf"), 0.0)
        await asyncio.wrap_future(written)
        return 2.0 * self.boards

    def close(self) -> None:
        for viewer in self.opened:
            viewer.close()


async def measure_operations(stack: Stack, options: Options) -> CostsByPart:
    settle, work, costs = settle_seconds(options), Work(stack, options), {}

    async def measure_costs(do: Callable[[], Awaitable[float]]) -> dict[str, float]:
        """Do the work; return how many milliseconds each part used for one operation."""
        before = processor_seconds(stack)
        operations = await do()
        await asyncio.sleep(settle)
        after = processor_seconds(stack)
        return {part: (after[part] - before[part]) * 1000 / operations for part in before}

    with process(stack.env["DATABASE_URL"]) as executor:
        filled = executor.submit(make_boards, options.store, work.boards)
        await asyncio.wrap_future(filled)
        await asyncio.sleep(2 * settle)
        costs["snapshot"] = await measure_costs(lambda: work.change_boards(executor))
    costs["publish"] = await measure_costs(work.publish)
    costs["connect"] = await measure_costs(work.connect)
    costs["frame to a viewer"] = await measure_costs(work.send_frames)
    work.close()
    stack.listener.stop()  # its reads are not part of polls and increments
    costs["poll"] = await measure_costs(work.poll)
    costs["increment"] = await measure_costs(work.increment)
    return costs


def measure(options: Options) -> Iterator[Figure]:
    runs: list[CostsByPart] = []
    for _ in range(options.runs):
        with service(options.store) as stack:
            post(stack, "/boards/", {"id": "b"})
            post(stack, f"{BOARD}players/", {"id": "p", "name": "P"})
            time.sleep(settle_seconds(options))
            runs.append(asyncio.run(measure_operations(stack, options)))
    for operation, parts in PARTS.items():
        for part in parts:
            if part == STORE and options.store == "sqlite":
                continue  # it has no server
            values = [run[operation][part] for run in runs]
            yield Figure(name_of(operation, part), options.store, "ms", values)


def name_of(operation: str, part: str) -> str:
    return f"processor for one {operation}, {part}"
