"""Measure the memory of Pushpin, the web processes and the listener.

It is measured at rest, for each viewer, for each board, and over ten minutes of a light load, in
which viewers come and go. The baseline of the last is the second minute.

Memory that a process has written counts; memory that several share counts in equal parts. Files of
programs do not count, because other programs of the machine share them. Nor do the stores: SQLite
is part of the processes, and RethinkDB takes what it is given. There is one run, because a process
seldom gives memory back.
"""

import asyncio
import re
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import psutil

from bench.changes import post_increment
from bench.delays import BOARD
from bench.figure import Figure, Target, at_most
from bench.fill import make_boards
from bench.service import Options, get, post, process, requests_per_second, service
from bench.viewers import open_viewers
from tests.support.stack import Stack

SETTLE_SECONDS = 4.0  # longer than a board is quiet before it is repeated
IDLE_PERCENT = 5.0
PAUSE_SECONDS = 0.1
FEW_VIEWERS = 10
MB, KB = 1e6, 1e3


def bytes_of_all(programs: Iterable[psutil.Process]) -> float:
    return sum(map(bytes_of, programs))


def bytes_of(program: psutil.Process) -> float:
    """Return the bytes that a process has written, with its part of those that it shares."""
    shares = Path(f"/proc/{program.pid}/smaps_rollup")
    if shares.exists():
        [kibibytes] = re.findall(r"^Pss_Anon:\s+(\d+) kB$", shares.read_text(), re.MULTILINE)
        return float(kibibytes) * 1024
    return float(program.memory_full_info().uss)


def memory(stack: Stack) -> dict[str, float]:
    """Return the bytes of each program."""
    programs = {"Pushpin": stack.pushpin, "web processes": stack.web, "listener": stack.listener}
    return {name: bytes_of_all(program.processes()) for name, program in programs.items()}


def settled_memory(stack: Stack) -> float:
    """Return the bytes of all programs together, once the listener is idle."""
    listener = psutil.Process(stack.listener.process.pid)
    while listener.cpu_percent(SETTLE_SECONDS) > IDLE_PERCENT:
        pass
    return sum(memory(stack).values())


def make_board(stack: Stack) -> None:
    post(stack, "/boards/", {"id": "b"})
    post(stack, f"{BOARD}players/", {"id": "p", "name": "P"})


async def bytes_for_each_viewer(stack: Stack, number: int) -> float:
    viewers = await open_viewers(stack.port, [BOARD] * FEW_VIEWERS)
    before = settled_memory(stack)
    viewers += await open_viewers(stack.port, [BOARD] * (number - FEW_VIEWERS))
    after = settled_memory(stack)
    for viewer in viewers:
        viewer.close()
    return (after - before) / (number - FEW_VIEWERS)


def bytes_for_each_board(stack: Stack, store: str, boards: int) -> float:
    before = settled_memory(stack)
    with process(stack.env["DATABASE_URL"]) as executor:
        executor.submit(make_boards, store, boards).result()
    return (settled_memory(stack) - before) / boards


async def sample_under_load(stack: Stack, seconds: float, samples: int) -> list[dict[str, float]]:
    """Return the memory at so many moments of a light load.

    Again and again the board is changed and read, and a new viewer takes the place of the oldest.
    """
    viewers = await open_viewers(stack.port, [BOARD] * FEW_VIEWERS)
    increment = post_increment(stack.web_port)
    measured: list[dict[str, float]] = []
    began = time.monotonic()
    while len(measured) < samples:
        await asyncio.to_thread(increment)
        await asyncio.to_thread(get, stack.web_port, BOARD)
        viewers.pop(0).close()
        viewers += await open_viewers(stack.port, [BOARD])
        await asyncio.sleep(PAUSE_SECONDS)
        if time.monotonic() >= began + (len(measured) + 1) * seconds / samples:
            measured.append(await asyncio.to_thread(memory, stack))
    for viewer in viewers:
        viewer.close()
    return measured


def measure(options: Options) -> Iterator[Figure]:
    viewers, boards = options.pick((100, 100), (1000, 1000), (5000, 10_000))
    seconds, samples = options.pick((2.0, 10), (10.0, 10), (600.0, 100))

    def figure(
        name: str,
        unit: str,
        size: float,
        baseline: Sequence[float] = (),
        targets: Sequence[Target] = (),
    ) -> Figure:
        return Figure(f"memory {name}", options.store, unit, [size], baseline, targets=targets)

    with service(options.store) as stack:
        at_rest = memory(stack)
        master = stack.web.process.pid
        workers = [worker for worker in stack.web.processes() if worker.pid != master]
        at_rest["a web process"] = bytes_of_all(workers) / len(workers)
        for name in ("Pushpin", "a web process", "listener"):
            yield figure(f"of {name} at rest", "MB", at_rest[name] / MB)
        make_board(stack)
        # So that the memory of each thread's first requests does not count as the viewers'.
        requests_per_second(stack.web_port, BOARD, 1)
        size = asyncio.run(bytes_for_each_viewer(stack, viewers))
        yield figure(f"of each of {viewers:,} viewers", "kB", size / KB)
        size = bytes_for_each_board(stack, options.store, boards)
        yield figure(f"of each of {boards:,} boards", "kB", size / KB)

    with service(options.store) as stack:
        make_board(stack)
        measured = asyncio.run(sample_under_load(stack, seconds, samples))
    tenth = samples // 10
    for part in measured[0]:
        early, late = (
            statistics.mean(sample[part] / MB for sample in of_minute)
            for of_minute in (measured[tenth : 2 * tenth], measured[-tenth:])
        )
        name = f"after {seconds:g} s of light load, {part}"
        yield figure(name, "MB", late, [early], (at_most(1.1),))
