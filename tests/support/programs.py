"""Programs that tests start, and waiting for what they do."""

import fcntl
import functools
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import BinaryIO, TypeVar

import psutil

from tests.support import forks
from tests.support.forks import PROJECT as PROJECT

# How long a start, and most else, is waited for. Only what never comes takes so long. A machine
# with much else to do may need ten times its usual time.
START_SECONDS = 60.0
WAIT_SECONDS = 30.0
PORTS = range(10_000, 30_000)  # the system gives none of them to outgoing connections
SETTINGS_MODULE = "DJANGO_SETTINGS_MODULE"
T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, seconds: float = WAIT_SECONDS) -> T:
    """Return the condition's first true value.

    Raises AssertionError, naming `what`, if the condition is still false after the deadline. Time
    in which this process did not run, as when the machine stands still, does not count. Nor is more
    than a fifth of a processor spent on asking: what is waited for needs it."""
    deadline = time.monotonic() + seconds
    while True:
        asked_at, used = time.monotonic(), time.thread_time()
        value = condition()
        if value:
            return value
        if asked_at > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        paused_at = time.monotonic()
        pause = min(0.5, max(0.01, 4 * (time.thread_time() - used)))
        time.sleep(pause)
        deadline += max(0.0, time.monotonic() - paused_at - pause - 0.1)


def free_ports(count: int) -> list[int]:
    """Return ports that were free just now, all different.

    No process that runs tests on this machine is given them as long as this one runs, and this one
    is not given them twice: what they are for may begin late, or begin again."""
    chance = random.SystemRandom()  # tests seed the other generator, all with the same seed
    ports: list[int] = []
    while len(ports) < count:
        port = chance.choice(PORTS)
        if reserve(port):
            ports.append(port)
    return ports


_reserved: set[int] = set()


def reserve(port: int) -> bool:
    """Reserve the port for this process if it is free; return whether it is."""
    if port in _reserved:
        return False
    with socket.socket() as probe, suppress(OSError):
        fcntl.lockf(open_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        _reserved.add(port)
        probe.bind(("127.0.0.1", port))
        return True
    return False


@functools.cache
def open_reservations() -> int:
    """Open the file of reserved ports. A process locks the byte of each, until the process ends.

    It is the same file for all runs of tests, which may have different folders for others."""
    file = Path("/tmp", f"leaderboard-tests-ports-{os.getuid()}")
    return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)


def is_ready(port: int) -> bool:
    """Return whether the service at this port says that it is ready."""
    connection = HTTPConnection("localhost", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def program_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program under test: ours, and the variables.

    Our DJANGO_SETTINGS_MODULE is left out, because a program has to set its own."""
    inherited = {name: value for name, value in os.environ.items() if name != SETTINGS_MODULE}
    return {**inherited, **variables}


class ProgramEnded(AssertionError):
    """A program has ended that was waited for."""


class Program:
    """A program in a session of its own, with its output in a file."""

    def __init__(
        self,
        command: list[str],
        log: Path,
        env: dict[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        """Start the program. `user` is as whom it runs, by default as the one of the tests."""
        self.command, self.log, self.env, self.user = command, log, env or {}, user
        self.start()

    def start(self) -> None:
        """Start the program, again if it has ended."""
        with self.log.open("ab") as log:
            self.written_before = log.tell()
            self.process = self._begin(log)
        self.created = 0.0
        with suppress(psutil.NoSuchProcess):  # it has ended
            self.created = psutil.Process(self.process.pid).create_time()

    def _begin(self, log: BinaryIO) -> subprocess.Popen[bytes] | forks.Fork:
        env = program_environment(self.env)
        if not self.user and (arguments := forks.arguments_of(self.command)):
            return forks.Fork(arguments, env, self.log, self.log)
        return subprocess.Popen(
            self.command,
            cwd=PROJECT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=self.user,
        )

    def output(self) -> str:
        """Return what the program has written since it was started last."""
        with self.log.open("rb") as log:
            log.seek(self.written_before)
            return log.read().decode()

    def signal_all(self, signum: signal.Signals) -> set[psutil.Process]:
        """Send a signal to all processes of the program; return them.

        To its first process first, so that it starts no more of them."""
        before = self.processes()
        self.process.send_signal(signum)
        processes = {*before, *self.processes()}
        send_signal(processes, signum)
        return processes

    def processes(self) -> set[psutil.Process]:
        """Return the program's processes.

        With all that it started, such as Pushpin's services, each in a process group of its own,
        and PostgreSQL's, in sessions of their own."""
        processes: set[psutil.Process] = set()
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.process.pid)
            if first.create_time() != self.created:  # the number is another one's by now
                return processes
            processes.update(first.children(recursive=True))
        for process in psutil.process_iter():
            with suppress(ProcessLookupError):
                if os.getsid(process.pid) == self.process.pid:
                    processes.add(process)
        return processes

    def stop(self) -> None:
        """Tell the program to end, then kill what is left of it."""
        stop([self])

    def restart(self) -> None:
        """Kill the program, and start it again once all of its processes are gone.

        PostgreSQL does not start while one of its former processes is alive."""
        processes = self.signal_all(signal.SIGKILL)
        self.process.wait()
        _, alive = psutil.wait_procs(processes, timeout=30)
        assert not alive
        self.start()

    def wait_for_port(self, port: int, host: str = "127.0.0.1") -> None:
        """Wait until somebody listens at the port. Raises ProgramEnded."""

        def listens() -> bool:
            if self.process.poll() is not None:
                raise ProgramEnded(f"{self.command[0]}:\n{self.log.read_text()}")
            with socket.socket() as probe:
                return probe.connect_ex((host, port)) == 0

        wait_until(listens, f"{self.command[0]} on port {port}", START_SECONDS)


@contextmanager
def kept_running(program: Program) -> Iterator[None]:
    """Start the program again whenever it ends meanwhile, as a service manager does."""
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.2):
            if program.process.poll() is not None:
                program.start()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def send_signal(processes: set[psutil.Process], signum: signal.Signals) -> None:
    """Send a signal to those of the processes that have not ended."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signum)


def stop(programs: Sequence[Program]) -> None:
    """Tell all programs to end, wait up to 10 s for each, then kill what is left of them."""
    # Before they end: nobody finds a process whose parent is gone.
    known = [program.processes() for program in programs]
    for program in programs:
        program.process.terminate()
    for program, others in zip(programs, known, strict=True):
        with suppress(subprocess.TimeoutExpired):
            program.process.wait(10)
        send_signal({*others, *program.processes()}, signal.SIGKILL)
        program.process.wait()
