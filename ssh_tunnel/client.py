"""OpenSSH's client, with its keys in memory only."""

import hashlib
import logging
import os
import re
import shutil
import subprocess
import threading
import time
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Collection, Sequence

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
)

from leaderboard_project.ssh_values import Forward, Target

logger = logging.getLogger(__name__)

OPEN = "the tunnel is open"  # what ssh is told to print
OPEN_SECONDS = 30.0  # a server that is silent after its greeting would be waited for, for ever
REPEAT_SECONDS = 10.0  # between two equal warnings, while stores go on trying
OPTIONS = {
    "BatchMode": "yes",
    "IdentitiesOnly": "yes",
    "IdentityAgent": "none",
    "PreferredAuthentications": "publickey",
    "StrictHostKeyChecking": "yes",
    "GlobalKnownHostsFile": "none",
    "UpdateHostKeys": "no",
    "ExitOnForwardFailure": "yes",
    "ConnectTimeout": "10",
    # A dead link is noticed after nine to twelve seconds.
    "ServerAliveInterval": "3",
    "ServerAliveCountMax": "3",
    # Once the ports are listened at.
    "PermitLocalCommand": "yes",
    "LocalCommand": f"echo {OPEN}",
}


class TunnelDown(Exception):
    """The tunnel has ended, or could not be opened."""


class Refused(Exception):
    """The server does not accept our key, or we do not accept the server's."""


class SshClient:
    """Runs ssh, again and again with the same settings."""

    def __init__(
        self, target: Target, key: str, host_keys: Sequence[str], forwards: Sequence[Forward]
    ) -> None:
        self.target, self.key, self.host_keys, self.forwards = target, key, host_keys, forwards
        known_hosts = "".join(f"* {host_key}\n" for host_key in host_keys)
        files = {"IdentityFile": key, "UserKnownHostsFile": known_hosts}
        in_memory = {name: keep_in_memory(name, text) for name, text in files.items()}
        self.command = build_command(target, forwards, {**OPTIONS, **in_memory})
        self.process: subprocess.Popen[str] | None = None
        self.is_ending = False
        self.warned_at: dict[str, float] = {}  # by the reason, in time.monotonic()

    def run(self, on_open: Callable[[], None]) -> None:
        """Run ssh until it ends, which raises TunnelDown or Refused. `on_open` is called when all
        ports are listened at."""
        # Without our environment, which has the key. Its own session, so that no terminal's Ctrl-C
        # ends the tunnel before those who use it.
        env = {"PATH": os.environ["PATH"], "SHELL": "/bin/sh"}
        self.process = subprocess.Popen(
            self.command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        if self.is_ending:
            self.process.terminate()
        with self.process:
            last_lines = self._follow(self.process, on_open)
        raise self._explain(last_lines)

    def end(self) -> None:
        """Have ssh end, now and whenever it is run again."""
        self.is_ending = True
        if self.process:
            self.process.terminate()

    def _follow(
        self, process: "subprocess.Popen[str]", on_open: Callable[[], None]
    ) -> Sequence[str]:
        """Read what ssh prints until it ends; return the last lines."""
        assert process.stdout
        lines: deque[str] = deque(maxlen=20)

        def give_up() -> None:
            lines.append(f"it did not open within {OPEN_SECONDS:g} s")
            process.kill()

        limit = threading.Timer(OPEN_SECONDS, give_up)
        limit.start()
        try:
            for line in map(str.strip, process.stdout):
                if line == OPEN:
                    limit.cancel()
                    on_open()
                elif failure := re.match(r"channel \d+: open failed: (.*)", line):
                    self._warn(failure[1])
                else:
                    lines.append(line.rstrip("."))
        finally:
            limit.cancel()
            process.terminate()  # if `on_open` failed
        return lines

    def _warn(self, reason: str) -> None:
        """Log that a forward failed, which ssh does not name."""
        if time.monotonic() - self.warned_at.get(reason, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return
        self.warned_at[reason] = time.monotonic()
        remedy = "does anything listen there, by this name, as the server sees it?"
        if "prohibited" in reason:
            remedy = (
                "does the server allow it, by AllowTcpForwarding and PermitOpen of its sshd_config "
                "and by what stands before the key in authorized_keys?"
            )
        forwards = " ".join(map(str, self.forwards))
        logger.warning(
            "%s opened no connection for one of SSH_TUNNEL_FORWARDS='%s' (%s): %s",
            *(self.target, forwards, reason, remedy),
        )

    def _explain(self, lines: Sequence[str]) -> TunnelDown | Refused:
        text = "\n".join(lines)
        if "Host key verification failed" in text:
            shown = re.search(r"SHA256:[\w+/]+", text)
            return Refused(
                f"{self.target} shows the host key {shown[0] if shown else '(not told)'}, and "
                f"SSH_TUNNEL_HOST_KEY has {', '.join(map(fingerprint, self.host_keys))}. Either "
                "somebody is in between, or the server has another key: "
                "cat /etc/ssh/ssh_host_ed25519_key.pub there."
            )
        if "Permission denied (" in text:
            return Refused(
                f"{self.target} does not accept SSH_TUNNEL_KEY. Add its public key to "
                f"~/.ssh/authorized_keys of {self.target.user} there: {public_key(self.key)}"
            )
        reason = "; ".join([*lines][-2:]) or "ssh ended without a word"
        return TunnelDown(f"SSH_TUNNEL_TARGET={str(self.target)!r}: {reason}")


def build_command(
    target: Target, forwards: Collection[Forward], options: dict[str, str]
) -> list[str]:
    """Return the command that runs ssh. Linux ends it with this process, however that ends."""
    command = ["setpriv", "--pdeathsig", "KILL", "ssh", "-F", "none", "-N", "-T"]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    for forward in forwards:
        command += ["-L", f"127.0.0.1:{forward}"]
    return [*command, "-l", target.user, "-p", str(target.host.port), target.host.name]


def find_missing_program() -> str | None:
    """Return a sentence about what the system lacks, or None."""
    if not hasattr(os, "memfd_create"):
        return "it needs Linux, where a file can be in memory only."
    for program, package in (("ssh", "openssh-client"), ("setpriv", "util-linux")):
        if not shutil.which(program):
            return f"{program} is not installed: 'apt-get install {package}' installs it."
    return None


def keep_in_memory(name: str, text: str) -> str:
    """Return the path of a file that is on no disk, and is gone when this process ends."""
    file = os.memfd_create(name)
    os.fchmod(file, 0o600)
    os.write(file, text.encode())
    return f"/proc/{os.getpid()}/fd/{file}"


def public_key(private: str) -> str:
    """Return the public key of a private one, as a line of authorized_keys."""
    key = load_ssh_private_key(private.encode(), None).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def fingerprint(host_key: str) -> str:
    """Return the fingerprint of a public key, as OpenSSH writes it."""
    digest = hashlib.sha256(b64decode(host_key.split()[1])).digest()
    return f"SHA256:{b64encode(digest).decode().rstrip('=')}"
