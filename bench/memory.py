"""The memory of Pushpin, the web processes and the listener: at rest, for each viewer, for each
board, and over ten minutes of a light load, in which viewers come and go.

Counted is what the processes have written, and what several of them share by its shares. Their
programs' files are not: those are shared with whatever else runs on the machine, and come and go
with it. Nor are the stores: SQLite's memory is that of the processes, and RethinkDB takes what it
is given. One run, because what a process has once taken it seldom gives back.
"""

import asyncio
import re
import statistics
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from bench.changes import poster
from bench.delays import BOARD
from bench.figure import Figure
from bench.fill import make_boards
from bench.service import Options, get, post, process, requests_per_second, service
from bench.viewers import watch
from tests.support.stack import Stack

SETTLE_SECONDS = 4.0  # longer than a board is quiet before it is repeated
IDLE_PERCENT = 5.0
PAUSE_SECONDS = 0.1
FEW_VIEWERS = 10
MB, KB = 1e6, 1e3


def used(processes: Iterable[psutil.Process]) -> float:
    """In bytes."""
    return sum(map(written, processes))


def written(process: psutil.Process) -> float:
    shares = Path(f"/proc/{process.pid}/smaps_rollup")
    if shares.exists():
        [kibibytes] = re.findall(r"^Pss_Anon:\s+(\d+) kB$", shares.read_text(), re.MULTILINE)
        return float(kibibytes) * 1024
    return float(process.memory_full_info().uss)


def memory(stack: Stack) -> dict[str, float]:
    """In bytes, by program."""
    programs = {"Pushpin": stack.pushpin, "web processes": stack.web, "listener": stack.listener}
    return {name: used(program.processes()) for name, program in programs.items()}


def settled(stack: Stack) -> float:
    """Of all programs, when the listener has nothing left to do."""
    listener = psutil.Process(stack.listener.process.pid)
    while listener.cpu_percent(SETTLE_SECONDS) > IDLE_PERCENT:
        pass
    return sum(memory(stack).values())


def make_board(stack: Stack) -> None:
    post(stack, "/boards/", {"id": "b"})
    post(stack, f"{BOARD}players/", {"id": "p", "name": "P"})


async def for_each_viewer(stack: Stack, most: int) -> float:
    viewers = await watch(stack.port, BOARD, FEW_VIEWERS)
    before = settled(stack)
    viewers += await watch(stack.port, BOARD, most - FEW_VIEWERS)
    after = settled(stack)
    for viewer in viewers:
        viewer.close()
    return (after - before) / (most - FEW_VIEWERS)


def for_each_board(stack: Stack, store: str, boards: int) -> float:
    before = settled(stack)
    with process(stack.env["DATABASE_URL"]) as other:
        other.submit(make_boards, store, boards).result()
    return (settled(stack) - before) / boards


async def over_time(stack: Stack, seconds: float, samples: int) -> list[dict[str, float]]:
    """The memory at so many moments, while each time after a pause the board is changed and read,
    and the viewer who has been there longest makes room for another one."""
    viewers = await watch(stack.port, BOARD, FEW_VIEWERS)
    increment = poster(stack)
    found: list[dict[str, float]] = []
    began = time.monotonic()
    while len(found) < samples:
        await asyncio.to_thread(increment)
        await asyncio.to_thread(get, stack, BOARD)
        viewers.pop(0).close()
        viewers += await watch(stack.port, BOARD, 1)
        await asyncio.sleep(PAUSE_SECONDS)
        if time.monotonic() >= began + (len(found) + 1) * seconds / samples:
            found.append(await asyncio.to_thread(memory, stack))
    for viewer in viewers:
        viewer.close()
    return found


def measure(options: Options) -> Iterator[Figure]:
    viewers, boards = (100, 100) if options.short else (5000, 10_000)
    seconds, samples = (2.0, 10) if options.short else (600.0, 100)

    def figure(
        name: str, unit: str, size: float, before: float | None = None, at_most: float | None = None
    ) -> Figure:
        return Figure(
            f"memory {name}",
            options.store,
            unit,
            [size],
            [] if before is None else [before],
            at_most=at_most,
            more_is_better=False,
        )

    with service(options.store) as stack:
        at_rest = memory(stack)
        master = stack.web.process.pid
        workers = [each for each in stack.web.processes() if each.pid != master]
        at_rest["a web process"] = used(workers) / len(workers)
        for name in ("Pushpin", "a web process", "listener"):
            yield figure(f"at rest, {name}", "MB", at_rest[name] / MB)
        make_board(stack)
        # Or what the first requests of each thread take would count as the viewers'.
        requests_per_second(stack.web_port, BOARD, 1)
        size = asyncio.run(for_each_viewer(stack, viewers))
        yield figure(f"for each of {viewers:,} viewers", "kB", size / KB)
        size = for_each_board(stack, options.store, boards)
        yield figure(f"for each of {boards:,} boards", "kB", size / KB)

    with service(options.store) as stack:
        make_board(stack)
        found = asyncio.run(over_time(stack, seconds, samples))
    tenth = samples // 10
    for name in found[0]:
        early, late = (
            statistics.mean(sample[name] / MB for sample in some)
            for some in (found[tenth : 2 * tenth], found[-tenth:])
        )
        yield figure(f"after {seconds:g} s of light load, {name}", "MB", late, early, at_most=1.1)
