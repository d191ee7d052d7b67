"""Programs that tests start, and what they wait for."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar

import psutil

PROJECT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 30.0
T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, seconds: float = 10.0) -> T:
    """The condition's first true value. AssertionError, naming `what`, if there is none in time:
    if it is false when looked at after the deadline. Time in which this process was not run, as
    when the machine stands still, does not count."""
    deadline = time.monotonic() + seconds
    while True:
        looked = time.monotonic()
        value = condition()
        if value:
            return value
        if looked > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        paused = time.monotonic()
        time.sleep(0.01)
        deadline += max(0.0, time.monotonic() - paused - 0.1)


def free_ports(count: int) -> list[int]:
    """Ports that were free just now, all different. From a range of their own for each process
    that runs tests beside others, and none that the system gives to outgoing connections."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 10_000 + worker % 4 * 5_000
    chance = random.SystemRandom()  # tests seed the other one, each the same
    found: dict[int, socket.socket] = {}
    with ExitStack() as stack:
        while len(found) < count:
            port, each = (
                chance.randrange(first, first + 5_000),
                stack.enter_context(socket.socket()),
            )
            with suppress(OSError):
                each.bind(("127.0.0.1", port))
                found[port] = each
        return list(found)


class Program:
    """A program in a session of its own, with its output in a file."""

    def __init__(
        self,
        command: list[str],
        log: Path,
        env: dict[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        """`user`: as whom it runs, if not as whoever runs the tests."""
        self.command, self.log, self.env, self.user = command, log, env or {}, user
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=PROJECT,
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self.user,
            )

    def signal_all(self, signum: signal.Signals) -> None:
        """The program first, so that it starts no more of them."""
        known = self.processes()
        self.process.send_signal(signum)
        self.send({*known, *self.processes()}, signum)

    def send(self, processes: set[psutil.Process], signum: signal.Signals) -> None:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signum)

    def processes(self) -> set[psutil.Process]:
        """The program and whatever it started, such as Pushpin's services, each of which has a
        process group of its own, and PostgreSQL's, which have sessions of their own."""
        found: set[psutil.Process] = set()
        with suppress(psutil.NoSuchProcess):
            found.update(psutil.Process(self.process.pid).children(recursive=True))
        for process in psutil.process_iter():
            with suppress(ProcessLookupError):
                if os.getsid(process.pid) == self.process.pid:
                    found.add(process)
        return found

    def stop(self) -> None:
        stop([self])

    def wait_for_port(self, port: int) -> None:
        def listens() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.command[0]} ended:\n{self.log.read_text()}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_until(listens, f"{self.command[0]} on port {port}", START_SECONDS)


def stop(programs: Sequence[Program]) -> None:
    """Tell all of them to end, and then end them."""
    # Whom nobody would find when their parent is gone.
    known = [program.processes() for program in programs]
    for program in programs:
        program.process.terminate()
    for program, others in zip(programs, known, strict=True):
        with suppress(subprocess.TimeoutExpired):
            program.process.wait(10)
        program.send({*others, *program.processes()}, signal.SIGKILL)
        program.process.wait()
