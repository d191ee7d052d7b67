"""Parse the settings of an SSH tunnel: the server, the keys, and what is forwarded.

Each function raises ValueError, with what is wrong and what is accepted, and nothing secret."""

import re
from base64 import b64decode
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
    load_ssh_public_key,
)

from leaderboardapp.stores.rethinkdb.address import Host, parse_host

SSH_PORT = 22
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
HOST_NAME = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:-]*")
# The ends of messages: what is accepted.
TARGET = "write it like tunnel@db.example or tunnel@db.example:22."
KEY = (
    "set it to the whole text of a key's file, from -----BEGIN to -----END, or in one line to "
    "base64: and what 'base64 -w0 FILE' prints."
)
HOST_KEY = (
    "set it to a line like ssh-ed25519 AAAA..., which is in /etc/ssh/ssh_host_ed25519_key.pub on "
    "the server (several: one a line)."
)
FORWARDS = (
    "write a port of this machine, and where it leads as the SSH server sees it, like "
    "28015:localhost:28015 (several: separate them by spaces)."
)


class Target(NamedTuple):
    """An SSH server, and the user to log in as."""

    user: str
    host: Host

    def __str__(self) -> str:
        return f"{self.user}@{self.host}"


class Forward(NamedTuple):
    """A port of this machine, and where it leads, as the SSH server sees it."""

    port: int
    target: Host

    def __str__(self) -> str:
        return f"{self.port}:{self.target}"


def parse_target(text: str) -> Target:
    """Parse `user@host` or `user@host:port`, an IPv6 address in brackets."""
    user, _, host = text.rpartition("@")
    try:
        if not USER.fullmatch(user):
            raise ValueError("there is no user before an @")
        return Target(user, _parse_named_host(host, SSH_PORT))
    except ValueError as error:
        # Not the user, which may be a password, too.
        raise ValueError(f"names no SSH server in {host!r}, because {error}: {TARGET}") from None


def parse_private_key(text: str) -> str:
    """Parse a private key, as it is in its file or that in base64; return it as OpenSSH has it."""
    try:
        pem = _decode(text).strip().encode()
        load = load_ssh_private_key if b"OPENSSH PRIVATE" in pem else load_pem_private_key
        key = load(pem, None)
        return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    except TypeError:
        reason = "it needs a passphrase, which nobody could type"
    except (ValueError, UnsupportedAlgorithm):
        reason = "it cannot be read"
    raise ValueError(f"has no usable private key, because {reason}: {KEY}")


def parse_host_keys(text: str) -> list[str]:
    """Parse lines like `ssh-ed25519 AAAA… comment`; return them without the comments."""
    keys = []
    for line in filter(None, map(str.strip, text.splitlines())):
        try:
            load_ssh_public_key(line.encode())
        except (ValueError, UnsupportedAlgorithm):
            # Only its beginning: it may be a private key.
            raise ValueError(f"has no public key in {line[:12] + '…'!r}: {HOST_KEY}") from None
        keys.append(" ".join(line.split()[:2]))
    return keys


def parse_forwards(text: str) -> list[Forward]:
    """Parse entries like `port:host:port`, an IPv6 address in brackets."""
    forwards: dict[int, Forward] = {}
    for entry in text.split():
        try:
            forward = _parse_forward(entry)
            if forward.port in forwards:
                raise ValueError(f"port {forward.port} leads elsewhere already")
        except ValueError as error:
            raise ValueError(f"has the entry {entry!r}, but {error}: {FORWARDS}") from None
        forwards[forward.port] = forward
    return [*forwards.values()]


def _decode(text: str) -> str:
    if text.startswith("base64:"):
        return b64decode(text.removeprefix("base64:"), validate=True).decode()
    return text


def _parse_forward(entry: str) -> Forward:
    port, _, target = entry.partition(":")
    if not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65_535:
        raise ValueError("it does not begin with a port from 1 to 65535")
    return Forward(int(port), _parse_named_host(target, default_port=0))  # which is no port


def _parse_named_host(text: str, default_port: int) -> Host:
    host = parse_host("the host", text, default_port)
    if not HOST_NAME.fullmatch(host.name):  # which ssh might take for an option
        raise ValueError("the host's name is not one")
    return host
