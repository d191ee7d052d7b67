"""End the sessions of a local run whose first process is gone, however it was ended.

Their ids come through standard input, one a line. It is a pipe, which the system closes with the
process that writes to it, even if that was killed with SIGKILL.
"""

import os
import signal
import subprocess
import sys

from local_run.sessions import end_sessions


class Watchdog:
    """The watchdog's process, seen from the one that it watches."""

    def __init__(self) -> None:
        # In a session of its own, which no terminal sends signals to.
        command = [sys.executable, "-m", __name__]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        assert process.stdin
        self.pipe = process.stdin.fileno()
        self.process = process

    def watch(self, session: int) -> None:
        """Have the session ended when this process is gone. Without a watchdog, nothing happens."""
        try:
            os.write(self.pipe, f"{session}\n".encode())
        except BrokenPipeError:
            pass


def main() -> None:
    """Read the ids until the pipe is closed, then end what is left of their sessions."""
    for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
    end_sessions({int(line) for line in sys.stdin})


if __name__ == "__main__":
    main()
