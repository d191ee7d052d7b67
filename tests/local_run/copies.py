"""A copy of the project in which script/server runs, and terminals that it runs in."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import psutil

from local_run.ports import try_port
from tests.support.programs import free_ports, is_ready, wait_until

SERVER = "script/server"
MARK = "LEADERBOARD_TEST_RUN"
LOCAL_PORTS = (
    "LOCAL_HTTP_PORT",
    "LOCAL_PUSHPIN_PORT",
    "LOCAL_WEBSOCKETS_PORT",
    "LOCAL_WEB_PORT",
)
DEFAULT_PORTS = (7999, 7997, 7998, 5000, 5561, 5571)
ENDING_SECONDS = 60.0  # ten are promised, on a machine with little else to do
START_SECONDS = 120.0  # with bootstrap, ensure_store and collectstatic
# Makes the terminal at standard input the one that controls the session, then runs a command. Like
# a login it ignores no signal, whatever was ignored where the tests were started (nohup).
LOG_IN = (
    "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "[signal.signal(s, signal.SIG_DFL) for s in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)];"
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


class ProjectCopy:
    """A copy of the project, with ports of its own in .env."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mark = folder, uuid.uuid4().hex
        self.ports = free_ports(len(DEFAULT_PORTS))
        example = (folder / ".env.example").read_text()
        self.variables = {line.partition("=")[0] for line in example.splitlines()}
        self.write_env(example)

    def write_env(self, text: str) -> None:
        """Write .env from the text of an example, with this copy's ports and with keys."""
        text = text.replace("SECRET_KEY=\n", f"SECRET_KEY={'s' * 50}\n")
        text = text.replace("&key=", f"&key=base64:{'a' * 44}")
        for port, default in zip(self.ports, DEFAULT_PORTS, strict=True):
            text = text.replace(f"={default}\n", f"={port}\n").replace(f":{default}?", f":{port}?")
        (self.folder / ".env").write_text(text)

    @property
    def port(self) -> int:
        """Return the port of everything."""
        return self.ports[0]

    def environment(self, **variables: str) -> dict[str, str]:
        """Return an environment that has no setting but these, and the mark of our processes."""
        inherited = {name: text for name, text in os.environ.items() if name not in self.variables}
        inherited.pop("DJANGO_SETTINGS_MODULE", None)
        return {**inherited, MARK: self.mark, "TERM": "xterm", **variables}

    def processes(self) -> list[psutil.Process]:
        """Return all processes that have come from a start in this copy."""
        processes = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(MARK) == self.mark:
                    processes.append(process)
        return processes

    def part(self, *words: str) -> psutil.Process:
        """Return the process whose command line has all these words, which is not that of the one
        that honcho has started for it, and whose parent is no such process."""
        parents: dict[psutil.Process, int] = {}
        for process in self.processes():
            with suppress(psutil.Error):
                command = " ".join(process.cmdline())
                if all(word in command for word in words) and "local_run.part" not in command:
                    parents[process] = process.ppid()
        ids = {process.pid for process in parents}
        for process, parent in parents.items():
            if parent not in ids:  # the ids' order tells nothing: they begin anew with low ones
                return process
        raise AssertionError(f"no process of {words}")

    def is_live(self) -> bool:
        """Return whether the service is ready, asked through Pushpin."""
        return is_ready(self.port)

    def has_ended(self) -> bool:
        """Return whether no process is left, and no port is taken."""
        return not self.processes() and not any(map(try_port, self.ports))

    def wait_for_end(self) -> None:
        """Wait until nothing is left."""
        wait_until(self.has_ended, "no process and no port left", ENDING_SECONDS)

    def kill(self) -> None:
        """Kill all that is left, and return when it has ended: until then it has its ports."""

        def kill_all() -> bool:
            for process in self.processes():
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            return self.has_ended()

        wait_until(kill_all, "no process and no port left", ENDING_SECONDS)


class Terminal:
    """A terminal with a command in it, and what the command has written there."""

    def __init__(self, project: ProjectCopy, *command: str, **variables: str) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", LOG_IN, *command],
            cwd=project.folder,
            env=project.environment(**variables),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.text = b""
        self.is_closed = Event()
        self.reader = Thread(target=self._read, daemon=True)
        self.reader.start()

    def type(self, text: bytes) -> None:
        """Type a text."""
        os.write(self.master, text)

    def signal(self, signum: signal.Signals) -> None:
        """Send a signal to the command."""
        os.kill(self.process.pid, signum)

    def close(self) -> None:
        """Close the terminal, as its window's button does."""
        if not self.is_closed.is_set():
            self.is_closed.set()
            self.reader.join()
            os.close(self.master)

    def lines(self) -> list[str]:
        """Return the lines that were written, without their colours."""
        return re.sub("\x1b\\[[0-9;]*m", "", self.text.decode(errors="replace")).splitlines()

    def wait_for(self, text: str, count: int = 1) -> None:
        """Wait until the text was written this often."""
        wanted = text.encode()
        try:
            wait_until(lambda: self.text.count(wanted) >= count, text, START_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}, but\n{self.text.decode(errors='replace')}") from None

    def _read(self) -> None:
        while not self.is_closed.is_set():
            # A read that waits would keep the terminal open.
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.text += os.read(self.master, 65_536)
                except OSError:  # nobody has the other side any more
                    return


@contextmanager
def live(project: ProjectCopy, *command: str, **variables: str) -> Iterator[Terminal]:
    """Run a command, by default script/server, in a terminal; go on once the service is live.

    At the end the terminal is closed, and whatever is left is killed."""
    terminal = Terminal(project, *(command or (SERVER,)), **variables)
    try:
        terminal.wait_for("Serving at")
        yield terminal
    finally:
        terminal.close()
        project.kill()
        terminal.process.wait()
