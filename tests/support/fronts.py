"""Front proxies, each run from its file in deploy/ on free ports of this machine."""

import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import trustme

from tests.support.programs import PROJECT, Program, free_ports

FILES = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg", "caddy": "Caddyfile"}


class Front:
    """A front proxy at `https://localhost:{port}`, and `http://localhost:{plain_port}`.

    `streams` and `websockets` are the ports of the two Pushpins."""

    def __init__(self, name: str, folder: Path, streams: int, websockets: int) -> None:
        self.name, self.folder = name, folder
        self.port, self.plain_port, *others = free_ports(5)
        self.authority = trustme.CA()
        certificate = self.authority.issue_cert("localhost")
        self.authority.cert_pem.write_to_path(folder / "authority.pem")
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "all.pem")
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        for part in certificate.cert_chain_pems:
            part.write_to_path(folder / "chain.pem", append=True)
        self.file = folder / FILES[name]
        self.file.write_text(self._adapt([self.port, self.plain_port, *others], folder))
        self.replace({"127.0.0.1:7999": f"127.0.0.1:{streams}"})
        self.replace({"127.0.0.1:7998": f"127.0.0.1:{websockets}"})
        self.program = Program(self._command(), folder / f"{name}.log", {"HOME": str(folder)})
        try:
            for port in (self.port, self.plain_port):
                self.program.wait_for_port(port)
        except BaseException:  # the caller has no front to end yet
            self.__exit__()
            raise

    def _adapt(self, ports: list[int], folder: Path) -> str:
        """Return the file with other ports, certificates and folders, and without what only root
        may do. Nothing else is replaced."""
        port, plain_port, *others = ports
        text = (PROJECT / "deploy" / FILES[self.name]).read_text()
        replacements = {
            "nginx": {
                "user www-data;": "",
                "listen 80;": f"listen 127.0.0.1:{plain_port};",
                "listen [::]:80;": f"listen 127.0.0.1:{others[0]};",  # not all have IPv6
                "listen 443 ": f"listen 127.0.0.1:{port} ",
                "listen [::]:443 ": f"listen 127.0.0.1:{others[1]} ",
                "/etc/letsencrypt/live/leaderboard.example/fullchain.pem": f"{folder}/chain.pem",
                "/etc/letsencrypt/live/leaderboard.example/privkey.pem": f"{folder}/key.pem",
                "/var/log/nginx/": f"{folder}/",
            },
            "haproxy": {
                "    user haproxy\n": "",
                "    group haproxy\n": "",
                "log /dev/log local0": "log stdout format raw local0",
                "bind :::80 v4v6": f"bind 127.0.0.1:{plain_port}",
                "bind :::443 v4v6": f"bind 127.0.0.1:{port}",
                "/etc/haproxy/leaderboard.pem": f"{folder}/all.pem",
            },
            "caddy": {
                "{\n\tservers": f"{{\n\tadmin localhost:{others[0]}\n\thttp_port {plain_port}\n"
                f"\thttps_port {port}\n\tdefault_bind 127.0.0.1\n\tservers",
                "{$SITE:leaderboard.example} {": f"localhost {{\n"
                f"\ttls {folder}/chain.pem {folder}/key.pem",
            },
        }
        return replace(text, replacements[self.name])

    def _command(self) -> list[str]:
        program = find(self.name)
        if self.name == "nginx":
            own = f"daemon off; pid {self.folder}/nginx.pid; error_log {self.folder}/error.log;"
            return [program, "-e", "stderr", "-c", str(self.file), "-g", own]
        if self.name == "haproxy":
            return [program, "-W", "-f", str(self.file)]  # Debian's service has -Ws
        return [program, "run", "--adapter", "caddyfile", "--config", str(self.file)]

    def trust(self) -> ssl.SSLContext:
        """Return a client's TLS, which trusts the front. Clients put their own protocols in it."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.authority.configure_trust(tls)
        return tls

    def replace(self, texts: Mapping[str, str]) -> None:
        """Replace texts in the front's file."""
        self.file.write_text(replace(self.file.read_text(), texts))

    def reload(self) -> None:
        """Have the front read its file anew, as its service does."""
        if self.name == "nginx":
            self.program.process.send_signal(signal.SIGHUP)
        elif self.name == "haproxy":
            self.program.process.send_signal(signal.SIGUSR2)
        else:
            command = [find("caddy"), "reload", "--adapter", "caddyfile"]
            command += ["--config", str(self.file)]
            subprocess.run(command, check=True, capture_output=True, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.stop()


def find(name: str) -> str:
    """Return the path of a program, which Debian may have where only root looks."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert path, f"script/test installs {name}"
    return path


def replace(text: str, replacements: Mapping[str, str]) -> str:
    """Return the text with replacements, each of which has to be there."""
    for old, new in replacements.items():
        assert old in text, f"{old!r} is not in the file"
        text = text.replace(old, new)
    return text
