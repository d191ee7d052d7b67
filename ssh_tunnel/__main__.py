"""Keep an SSH tunnel open, and run a command that needs it, if there is one.

usage: script/tunnel [COMMAND [ARGUMENT ...]]

The command is started when the tunnel is open, and the tunnel ends with it. Without
SSH_TUNNEL_TARGET there is no tunnel, and the command is all that runs. docs/tunnel.md has more.
"""

import logging
import logging.config
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from types import FrameType

from django.core.exceptions import ImproperlyConfigured

from leaderboard_project.ssh_values import Forward
from leaderboardapp.concurrency.supervise import supervise
from local_run.ports import find_listener, try_port
from ssh_tunnel.client import Refused, SshClient, TunnelDown, find_missing_program

logger = logging.getLogger("ssh_tunnel")
SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
NEEDED = ("SSH_TUNNEL_KEY", "SSH_TUNNEL_HOST_KEY", "SSH_TUNNEL_FORWARDS")


class Tunnel:
    """The tunnel, and the command that runs as long as it does."""

    def __init__(self, client: SshClient, command: list[str]) -> None:
        self.client, self.command = client, command
        self.process: subprocess.Popen[bytes] | None = None  # the command's
        # The signal that came before there was one. Not the handler ends the tunnel: it would wait
        # for ever for a lock that the main thread has.
        self.ended_by, self.told = 0, SimpleQueue[int]()
        self.was_open = False
        self.stop = threading.Event()
        for signum in SIGNALS:
            if signal.getsignal(signum) != signal.SIG_IGN:  # as with nohup
                signal.signal(signum, self.pass_on)

    def pass_on(self, signum: int, _: FrameType | None) -> None:
        """Send a signal to the command. Without one, end the tunnel."""
        if self.process:
            self.process.send_signal(signum)
        else:
            self.told.put(signum)

    def end_when_told(self) -> None:
        """Wait for a signal that comes before the command, and have the tunnel end by it."""
        self.ended_by = self.told.get()
        self.end()

    def end(self) -> None:
        """Have the tunnel end for good."""
        self.stop.set()
        self.client.end()

    def run(self) -> int:
        """Keep the tunnel open until it is ended; return the command's exit status. Raises Refused
        if it was never open, and will not be."""
        threading.Thread(target=self.end_when_told, daemon=True).start()
        retry_on = (TunnelDown,)
        supervise("tunnel", self.run_once, self.stop.wait, retry_on, retry_on=retry_on)
        # A command that was never started has not succeeded.
        status = self.process.wait() if self.process else -self.ended_by if self.command else 0
        return status if status >= 0 else 128 - status

    def run_once(self) -> float | None:
        """Keep the tunnel open until ssh ends; return None if it was told to. Raises TunnelDown."""
        try:
            self.client.run(self.note_open)
        except Refused as error:
            if not self.was_open:
                raise
            raise TunnelDown(str(error)) from None
        except TunnelDown:
            if not self.stop.is_set():
                raise
        return None

    def note_open(self) -> None:
        """Log that the tunnel is open, and start the command the first time."""
        for forward in self.client.forwards:
            way = (forward.port, forward.target, self.client.target)
            logger.info("port %d leads to %s by way of %s", *way)
        if self.command and not self.was_open:
            self.start_command()
        self.was_open = True

    def start_command(self) -> None:
        """Start the command. Linux tells it to end if this process ends before it."""
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *self.command])
        if self.stop.is_set():  # by a signal that came a moment ago
            self.process.terminate()
        threading.Thread(target=self.wait_for_command, args=(self.process,), daemon=True).start()

    def wait_for_command(self, process: "subprocess.Popen[bytes]") -> None:
        """End the tunnel with the command."""
        process.wait()
        self.end()


def main() -> None:
    """Run the tunnel, or only the command. Exits with the command's status, or with 1 and the
    reason if the tunnel cannot be opened as it is set."""
    command = sys.argv[1:]
    try:
        from leaderboard_project import settings
    except ImproperlyConfigured as error:
        sys.exit(f"tunnel: {error}")
    logging.config.dictConfig(settings.LOGGING)
    target = settings.SSH_TUNNEL_TARGET
    if not target:
        go_without_tunnel(command)
        return
    for name in NEEDED:
        if not getattr(settings, name):
            sys.exit(
                f"tunnel: SSH_TUNNEL_TARGET={str(target)!r} needs {name}, which is not set: "
                "docs/tunnel.md says how to set it."
            )
    key, host_keys, forwards = (getattr(settings, name) for name in NEEDED)
    if problem := find_missing_program() or find_taken_port(forwards):
        sys.exit(f"tunnel: {problem}")
    try:
        sys.exit(Tunnel(SshClient(target, key, host_keys, forwards), command).run())
    except Refused as error:
        sys.exit(f"tunnel: {error}")


def go_without_tunnel(command: list[str]) -> None:
    """Become the command. Without one, wait to be ended."""
    if command:
        try:
            os.execvp(command[0], command)
        except OSError as error:
            sys.exit(f"tunnel: {command[0]} cannot be run: {error.strerror}")
    logger.info("SSH_TUNNEL_TARGET is not set, so there is nothing to do")
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    signal.sigwait(SIGNALS)


def find_taken_port(forwards: Sequence[Forward]) -> str | None:
    """Return a sentence about the first of our ports that is taken, or None."""
    for forward in forwards:
        error = try_port(forward.port)
        if isinstance(error, PermissionError):
            return f"SSH_TUNNEL_FORWARDS has the port {forward.port}, which only root may take."
        if error:
            owner = find_listener(forward.port)
            named = f"{owner.name()} (pid {owner.pid})" if owner else "a program of another user"
            return (
                f"SSH_TUNNEL_FORWARDS='{forward}' begins with a port that {named} has, perhaps a "
                "tunnel that is open already. End it, or set another port."
            )
    return None


if __name__ == "__main__":
    main()
