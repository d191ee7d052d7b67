"""A real SSH server for the tests, and tunnels through it."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.support.programs import PROJECT, Program, free_ports


class SshServer:
    """OpenSSH's server, with keys of its own. It lets in whoever runs the tests, by `key`."""

    def __init__(self, folder: Path, *options: str) -> None:
        """Start the server. `options` are further lines of its configuration."""
        [self.port] = free_ports(1)
        self.folder, self.user = folder, pwd.getpwuid(os.getuid()).pw_name
        self.key, public = make_key(folder / "client_key")
        (folder / "authorized_keys").write_text(f"restrict,port-forwarding {public}")
        _, self.host_key = make_key(folder / "host_key")
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {folder}/host_key",
            f"AuthorizedKeysFile {folder}/authorized_keys",
            "PidFile none",
            "StrictModes no",  # anybody may write in the folder above ours
            *options,
        ]
        (folder / "sshd_config").write_text("\n".join([*lines, ""]))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # which the system's own service makes
        sshd = shutil.which("sshd") or "/usr/sbin/sshd"
        command = [sshd, "-D", "-e", "-f", str(folder / "sshd_config")]
        self.program = Program(command, folder / "sshd.log")
        self.program.wait_for_port(self.port)

    def settings(self, forwards: str) -> dict[str, str]:
        """Return the variables of a tunnel with these forwards."""
        return {
            "SSH_TUNNEL_TARGET": f"{self.user}@127.0.0.1:{self.port}",
            "SSH_TUNNEL_KEY": self.key,
            "SSH_TUNNEL_HOST_KEY": self.host_key,
            "SSH_TUNNEL_FORWARDS": forwards,
        }

    def tunnel(self, forwards: str, *command: str, **variables: str) -> Program:
        """Start script/tunnel with these forwards and perhaps a command. `variables` change its
        environment."""
        env = {**self.settings(forwards), **variables}
        return Program([f"{PROJECT}/script/tunnel", *command], self.folder / "tunnel.log", env)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.stop()


def make_key(file: Path, passphrase: str = "") -> tuple[str, str]:
    """Make a pair of keys; return the private and the public one."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-f", str(file), "-N", passphrase]
    subprocess.run(command, check=True)
    return file.read_text(), file.with_name(f"{file.name}.pub").read_text()
