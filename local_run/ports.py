"""The ports of a local run: which they are, and who has one that is taken."""

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil

SYSTEM_PUSHPIN = "'sudo systemctl disable --now pushpin' ends Debian's own service"
AIRPLAY = "on macOS it may be AirPlay: System Settings, AirDrop & Handoff"


class Port(NamedTuple):
    """A port of a local run."""

    number: int
    setting: str  # which names it
    purpose: str
    hint: str = ""


def ports_of(settings: Mapping[str, object], controls: Sequence[str]) -> list[Port]:
    """Return the ports of a local run with these settings. `controls` are the addresses of the
    proxies' control ports."""
    purposes = ("Pushpin's control port", "the control port of the Pushpin for WebSockets")
    return [
        _local_port(settings, "LOCAL_HTTP_PORT", "the address of everything", SYSTEM_PUSHPIN),
        _local_port(settings, "LOCAL_PUSHPIN_PORT", "Pushpin"),
        _local_port(settings, "LOCAL_WEBSOCKETS_PORT", "the Pushpin for WebSockets"),
        _local_port(settings, "LOCAL_WEB_PORT", "the web processes", AIRPLAY),
        *(
            Port(urlsplit(url).port or 80, "GRIP_URL", purpose, SYSTEM_PUSHPIN)
            for url, purpose in zip(controls, purposes, strict=False)
        ),
    ]


def find_conflict(ports: Sequence[Port]) -> str | None:
    """Return a sentence about the first port that is taken, or None if all are free."""
    seen: dict[int, Port] = {}
    for port in ports:
        if other := seen.get(port.number):
            return (
                f"port {port.number} is for {other.purpose} ({other.setting}) and for "
                f"{port.purpose} ({port.setting}): give each a port of its own."
            )
        seen[port.number] = port
        if error := try_port(port.number):
            is_denied = isinstance(error, PermissionError)
            return _describe_denial(port) if is_denied else _describe_conflict(port)
    return None


def try_port(number: int) -> OSError | None:
    """Listen at the port for a moment; return why that was not possible, or None."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
            probe.listen()
        except OSError as error:
            return error
    return None


def find_listener(number: int) -> psutil.Process | None:
    """Return the process that listens at the port, or None if the system does not tell."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            for connection in process.net_connections("tcp"):
                is_listener = connection.status == psutil.CONN_LISTEN
                if is_listener and connection.laddr.port == number:
                    return process
    return None


def _local_port(settings: Mapping[str, object], name: str, purpose: str, hint: str = "") -> Port:
    return Port(int(str(settings[name])), name, purpose, hint)


def _describe_denial(port: Port) -> str:
    return (
        f"port {port.number}, for {port.purpose}, is one that this user may not take. "
        f"Set a port above 1023 in {port.setting} (.env)."
    )


def _describe_conflict(port: Port) -> str:
    process = find_listener(port.number)
    owner = f"{process.name()} (pid {process.pid})" if process else "a program of another user"
    return (
        f"port {port.number}, for {port.purpose}, is taken by {owner}, perhaps a script/server "
        f"that already runs. End it, or set another port in {port.setting} (.env)."
        + (f" If it is the system's: {port.hint}." if port.hint else "")
    )
