"""Run the service on this machine until Ctrl-C, a closed terminal, or the end of one part.

Whatever ends it, no process of it is left ten seconds later.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from types import FrameType
from urllib.request import urlopen

from django.core.exceptions import ImproperlyConfigured

from local_run.ports import find_conflict, ports_of
from local_run.programs import Output, Program, Programs, say

PREPARE = ["python", "-m", "local_run.prepare"]
# No .env for honcho, which would let it override the environment. Settings do not.
HONCHO = ["honcho", "--env", "/dev/null", "--procfile", "Procfile.dev", "start"]
TUNNEL = ["python", "-m", "ssh_tunnel"]  # runs a command as soon as the tunnel is open
START_SECONDS = 60.0
PORT_SETTINGS = (
    "LOCAL_HTTP_PORT",
    "LOCAL_PUSHPIN_PORT",
    "LOCAL_WEBSOCKETS_PORT",
    "LOCAL_WEB_PORT",
)

# What may end the run: a program that has ended, a signal, or the output that has gone away.
Ending = Program | signal.Signals | Output


class LocalRun:
    """One run of all parts."""

    def __init__(self, port: int, folder: str, through: Sequence[str] = ()) -> None:
        """Prepare a run at this port. `folder` is an empty one. `through` is the beginning of the
        commands that need the store."""
        self.port, self.through = port, through
        self.end_file = Path(folder) / "end"  # the first part of Procfile.dev to end writes it
        self.endings: SimpleQueue[Ending] = SimpleQueue()
        self.output = Output()
        self.catch_signals()
        self.programs = Programs(self.endings.put)

    def catch_signals(self) -> None:
        """Have signals end the run, but for those that whoever started it has us ignore (nohup)."""
        for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(signum) != signal.SIG_IGN:
                signal.signal(signum, self.note_signal)

    def note_signal(self, signum: int, _: FrameType | None) -> None:
        """Have the signal end the run."""
        self.endings.put(signal.Signals(signum))

    def run(self) -> int:
        """Prepare, start all parts, and wait for whatever ends them; return our exit status."""
        ending = self.prepare() or self.serve()
        self.programs.end()
        return self.report(ending)

    def prepare(self) -> Ending | None:
        """Prepare the store and the static files; return what ended the run meanwhile, if any."""
        program = self.programs.start("prepare", [*self.through, *PREPARE], {**os.environ})
        ending = self.wait()
        return None if ending is program and not program.process.returncode else ending

    def serve(self) -> Ending:
        """Have honcho start the parts; return what ends the run."""
        env = {**os.environ, "LOCAL_RUN_END": str(self.end_file)}
        self.programs.start("honcho", [*self.through, *HONCHO], env)
        Thread(target=self.announce, daemon=True).start()
        return self.wait()

    def wait(self) -> Ending:
        """Return what ends the run, or the program that is being waited for, once it happens."""
        while True:
            try:
                return self.endings.get(timeout=1)
            except Empty:
                if self.output.has_gone():
                    return self.output

    def announce(self) -> None:
        """Say where the service is, once it answers."""
        url = f"http://localhost:{self.port}"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            time.sleep(0.1)
            try:
                urlopen(f"{url}/readyz", timeout=5).close()  # noqa: S310
            except OSError:
                continue
            say(self.output, f"→ Serving at {url} until Ctrl-C. Make a board with")
            say(self.output, f"→   {example(self.port)}")
            say(self.output, "→ and read on in README.md, 'Try it'.")
            return
        say(self.output, f"→ {url}/readyz does not answer yet.")

    def report(self, ending: Ending) -> int:
        """Say what ended the run, as the last line; return our exit status."""
        if isinstance(ending, Program):
            how = ending.describe_end()
            with suppress(FileNotFoundError):
                how = self.end_file.read_text()
            say(self.output, f"server: {how}. All other parts were ended.")
            return 1
        if isinstance(ending, signal.Signals):
            say(self.output, f"server: ended by {ending.name}.")
            return 128 + ending
        return 1


def example(port: int) -> str:
    """Return the first command of README.md, "Try it"."""
    board = '{"id": "demo", "name": "Demo"}'
    return (
        f"curl -w '\\n' -H 'Content-Type: application/json' -d '{board}' "
        f"http://localhost:{port}/boards/"
    )


def main() -> None:
    """Run the service. Exits with 1 if a part ended, and with 128 and its number after a signal."""
    try:
        from leaderboard_project import settings
    except ImproperlyConfigured as error:
        sys.exit(f"server: {error}")
    controls = [str(proxy["control_uri"]) for proxy in settings.GRIP_PROXIES]
    if conflict := find_conflict(ports_of(vars(settings), controls)):
        sys.exit(f"server: {conflict}")
    for name in PORT_SETTINGS:
        os.environ[name] = str(getattr(settings, name))
    with tempfile.TemporaryDirectory() as folder:
        through = TUNNEL if settings.SSH_TUNNEL_TARGET else []
        status = LocalRun(settings.LOCAL_HTTP_PORT, folder, through).run()
    os._exit(status)  # a thread may be stuck in writing to a terminal that stands still


if __name__ == "__main__":
    main()
