"""Start the parts of a local run, print what they write, and say which of them ended and why."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from threading import Lock, Thread

from local_run.sessions import end_sessions
from local_run.watchdog import Watchdog

COLOURS = (36, 33, 32, 35, 34)  # of terminals
DRAIN_SECONDS = 1.0


class Output:
    """Standard output, which may go away: a terminal that is closed, a pipe that nobody reads."""

    def __init__(self) -> None:
        self.is_terminal = os.isatty(1)
        self.is_lost = False
        self._lock = Lock()

    def write(self, text: bytes) -> None:
        """Write a line, or nothing once the output has gone away."""
        # Not through sys.stdout, whose lock would be held at the end by a thread that is stuck.
        with self._lock:
            try:
                while text:
                    text = text[os.write(1, text) :]
            except OSError as error:
                self.is_lost = self.is_lost or isinstance(error, BrokenPipeError)

    def has_gone(self) -> bool:
        """Return whether the terminal was closed, or the pipe has no reader any more.

        A process in the background is sent no SIGHUP when its terminal is closed."""
        return self.is_lost or (self.is_terminal and not os.isatty(1))


class Part:
    """A command that runs as the leader of a session of its own."""

    def __init__(self, name: str, command: str, env: dict[str, str]) -> None:
        self.name = name
        self.last_line = ""
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def copy_output(self, output: Output, prefix: bytes) -> None:
        """Print all lines of the part, each with the time and the prefix."""
        assert self.process.stdout
        for line in self.process.stdout:
            if text := line.decode(errors="replace").strip():
                self.last_line = text
            output.write(f"{time.strftime('%H:%M:%S')} ".encode() + prefix + line.rstrip() + b"\n")

    def describe_end(self) -> str:
        """Return how the part ended, with the last line that it wrote."""
        code = self.process.returncode
        how = f"with status {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        return f"{self.name} ended {how}" + (
            f", after it wrote: {self.last_line}" if self.last_line else ""
        )


class Parts:
    """The parts of a local run. They end together."""

    def __init__(self, output: Output, width: int, on_end: Callable[[Part], None]) -> None:
        """Prepare to start parts. `on_end` is called for each that ends, in a thread."""
        self.output, self.width, self.on_end = output, width, on_end
        self.watchdog = Watchdog()
        self.parts: list[Part] = []
        self.readers: list[Thread] = []

    def start(self, name: str, command: str, env: dict[str, str]) -> Part:
        """Start a part; return it."""
        part = Part(name, command, env)
        self.watchdog.watch(part.process.pid)
        reader = Thread(target=part.copy_output, args=(self.output, self._prefix(name)))
        for thread in (reader, Thread(target=self._wait_for, args=(part,))):
            thread.daemon = True
            thread.start()
        self.parts.append(part)
        self.readers.append(reader)
        return part

    def end(self) -> None:
        """End all parts, and print what they still write."""
        end_sessions({part.process.pid for part in self.parts})
        deadline = time.monotonic() + DRAIN_SECONDS
        for reader in self.readers:
            reader.join(max(0.0, deadline - time.monotonic()))

    def _wait_for(self, part: Part) -> None:
        part.process.wait()
        self.on_end(part)

    def _prefix(self, name: str) -> bytes:
        prefix = f"{name:<{self.width}} | "
        if self.output.is_terminal and "NO_COLOR" not in os.environ:
            prefix = f"\033[{COLOURS[len(self.parts) % len(COLOURS)]}m{prefix}\033[0m"
        return prefix.encode()


def say(output: Output, text: str) -> None:
    """Print a line of the local run itself."""
    output.write(f"{text}\n".encode(sys.stdout.encoding or "utf-8", errors="replace"))
