"""What a local run starts, each in a session of its own, and where it writes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from threading import Lock, Thread

from local_run.sessions import end_sessions
from local_run.watchdog import Watchdog


class Output:
    """Standard output, which may go away: a terminal that is closed, a pipe that nobody reads."""

    def __init__(self) -> None:
        self.is_terminal = os.isatty(1)
        self._lock = Lock()

    def write(self, text: bytes) -> None:
        """Write a line, or nothing once the output has gone away."""
        # Not through sys.stdout, whose lock would be held at the end by a thread that is stuck.
        with self._lock:
            try:
                while text:
                    text = text[os.write(1, text) :]
            except OSError:
                pass

    def has_gone(self) -> bool:
        """Return whether the terminal was closed.

        A process in the background is sent no SIGHUP then."""
        return self.is_terminal and not os.isatty(1)


class Program:
    """A command that runs as the leader of a session of its own."""

    def __init__(self, name: str, command: list[str], env: dict[str, str]) -> None:
        self.name = name
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def describe_end(self) -> str:
        """Return how the program ended."""
        return describe_end(self.name, self.process.returncode)


class Programs:
    """The programs that a local run starts. They end together, with all that they have started."""

    def __init__(self, on_end: Callable[[Program], None]) -> None:
        """Prepare to start programs. `on_end` is called for each that ends, in a thread."""
        self.on_end = on_end
        self.watchdog = Watchdog()
        self.programs: list[Program] = []

    def start(self, name: str, command: list[str], env: dict[str, str]) -> Program:
        """Start a program; return it."""
        program = Program(name, command, env)
        self.watchdog.watch(program.process.pid)
        Thread(target=self._wait_for, args=(program,), daemon=True).start()
        self.programs.append(program)
        return program

    def end(self) -> None:
        """End all programs, and whatever they have started."""
        end_sessions({program.process.pid for program in self.programs})

    def _wait_for(self, program: Program) -> None:
        program.process.wait()
        self.on_end(program)


def describe_end(name: str, code: int) -> str:
    """Return how a process with this exit status, or minus a signal's number, has ended."""
    how = f"with status {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
    return f"{name} ended {how}"


def say(output: Output, text: str) -> None:
    """Print a line of the local run itself."""
    output.write(f"{text}\n".encode(sys.stdout.encoding or "utf-8", errors="replace"))
