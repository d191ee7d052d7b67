"""Measure how many snapshots one, two and four listeners publish that share the boards.

So that listeners and not the machine are the limit, each may use about a tenth of a core: it is
stopped and continued twenty times a second. More changes are offered than four of them can publish,
on a thousand boards with a viewer each, over ZeroMQ. `bench/sizing.py` calculates as if a snapshot
took as much processor time however many listeners there are. So the baseline is what it takes one.
"""

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from bench.figure import Figure, at_most
from bench.fill import make_boards
from bench.loads import write
from bench.many_boards import count_snapshots
from bench.service import LISTENER, Options, process, service
from bench.viewers import Viewer, open_viewers
from tests.support.programs import START_SECONDS, Program, wait_until
from tests.support.stack import Stack

NUMBERS = (1, 2, 4)  # of listeners
SHARE = 0.1  # of a core, for each
PERIOD_SECONDS = 0.05
RATE = 4_000.0  # changes a second
SETTLE_SECONDS = 3.0  # until the listeners are as far behind as they will be


@contextmanager
def throttled(programs: list[Program]) -> Iterator[None]:
    """Let each program run for its share of a period, one after the other."""
    processes = [psutil.Process(program.process.pid) for program in programs]
    ended = threading.Event()

    def run_in_turn() -> None:
        while not ended.is_set():
            for one in processes:
                one.send_signal(signal.SIGCONT)
                ended.wait(PERIOD_SECONDS * SHARE)
                one.send_signal(signal.SIGSTOP)
            ended.wait(PERIOD_SECONDS * (1 - SHARE * len(processes)))

    thread = threading.Thread(target=run_in_turn)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for one in processes:
            one.send_signal(signal.SIGCONT)


@contextmanager
def listeners(stack: Stack, number: int) -> Iterator[list[Program]]:
    """Run so many listeners, each with its share of the boards."""
    with ExitStack() as exits:
        programs = []
        for index in range(number):
            programs.append(
                Program(
                    [sys.executable, *LISTENER],
                    Path(stack.folder, f"listener-{number}-{index}.log"),
                    stack.env,
                )
            )
            exits.callback(programs[-1].stop)
        wait_until(lambda: all(map(has_parts, programs)), "the listeners", START_SECONDS)
        time.sleep(SETTLE_SECONDS)  # until all have as many parts
        yield programs


def has_parts(program: Program) -> bool:
    return "listening to" in program.log.read_text()


def processor_of(programs: list[Program]) -> float:
    return sum(sum(psutil.Process(one.process.pid).cpu_times()[:2]) for one in programs)


def sizes(options: Options) -> tuple[int, float]:
    """Return the number of boards, and the seconds of a measurement."""
    return options.pick((20, 1.0), (1_000, 3.0), (1_000, 10.0))


async def measure_listeners(
    stack: Stack, options: Options, number: int, first: int
) -> tuple[float, float, int]:
    """Return the snapshots a second of so many listeners, the milliseconds of processor time for
    each, and the next score that boards may be brought to, from `first`."""
    boards, seconds = sizes(options)
    with (
        process(stack.env["DATABASE_URL"]) as executor,
        listeners(stack, number) as programs,
    ):
        viewers = await open_viewers(stack.port, [f"/boards/b{n}/" for n in range(boards)])
        with throttled(programs):
            rate, lasts = RATE * boards / 1_000, SETTLE_SECONDS + seconds
            writing = executor.submit(write, options.store, boards, first, rate, lasts)
            await asyncio.sleep(SETTLE_SECONDS)
            before, used, began = count(viewers), processor_of(programs), time.monotonic()
            await asyncio.sleep(seconds)
            snapshots = count(viewers) - before
            used, took = processor_of(programs) - used, time.monotonic() - began
        changes, _ = await asyncio.wrap_future(writing)
        for viewer in viewers:
            viewer.close()
    return snapshots / took, used / snapshots * 1000, changes[-1].score + 1


def count(viewers: list[Viewer]) -> int:
    now = time.monotonic()
    return sum(count_snapshots(viewer, now) for viewer in viewers)


async def measure_all(stack: Stack, options: Options) -> dict[int, tuple[float, float]]:
    """Return snapshots a second, and their cost in milliseconds, by the number of listeners."""
    stack.listener.stop()
    with process(stack.env["DATABASE_URL"]) as executor:
        executor.submit(make_boards, options.store, sizes(options)[0]).result()
    measured, first = {}, 1
    for number in NUMBERS:
        rate, cost, first = await measure_listeners(stack, options, number, first)
        measured[number] = rate, cost
    return measured


def measure(options: Options) -> Iterator[Figure]:
    with service(options.store, "tcp") as stack:
        measured = asyncio.run(measure_all(stack, options))
    _, one = measured[1]
    for number, (rate, cost) in measured.items():
        name = f"parts of {sizes(options)[0]:,} boards, {number} at work"
        yield Figure(f"{name}: snapshots", options.store, "/s", [rate])
        yield Figure(
            f"{name}: processor for one snapshot",
            options.store,
            "ms",
            [cost],
            [one],
            targets=(at_most(1.25),),
        )
