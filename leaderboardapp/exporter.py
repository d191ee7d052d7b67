"""The exporter: serves a process's metrics to Prometheus, at an address of its own.

Web processes share one address, and each shows the sum of all. They count in files, which the
client library adds up. A file is a slot's, not a process's: the next process that takes a slot goes
on counting there. So dead processes leave nothing behind, and what they have counted stays.
"""

import fcntl
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from leaderboardapp import metrics
from leaderboardapp.concurrency.supervise import supervise
from leaderboardapp.domain.addresses import Address

SLOTS = 256  # web processes of a machine, at most
SLOT_BYTES = 2_000_000  # of each kind of metric: any method on every route takes half of it
KINDS = ("counter", "histogram")
ASKING_SECONDS = 10.0  # for a request, after which it is given up


def export(setting: str) -> None:
    """Serve the metrics of this process at the address in the setting, if there is one."""
    address: Address | None = getattr(settings, setting)
    if address:
        from prometheus_client import REGISTRY, make_wsgi_app

        metrics.begin()
        _start(setting, address, _Server, make_wsgi_app(REGISTRY))


def export_together(setting: str) -> None:
    """Serve the metrics of all processes that call this with the address in the setting, if there
    is one. Call it after a fork. Raises ImproperlyConfigured if their files cannot be used."""
    address: Address | None = getattr(settings, setting)
    if not address:
        return
    from prometheus_client import CollectorRegistry, make_wsgi_app, values
    from prometheus_client.multiprocess import MultiProcessCollector

    folder = settings.METRICS_FOLDER / str(address.port)
    try:
        slot = claim_slot(folder)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{setting}={address} needs the folder {folder}, which cannot be used ({error}): let "
            f"the web processes write it, or unset {setting}."
        ) from error
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # where the library looks
    values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]
    metrics.begin()
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    _start(setting, address, _SharedServer, make_wsgi_app(registry))


def claim_slot(folder: Path) -> int:
    """Take a slot that no living process has, until this one ends; return its number.

    The first of all processes begins with new files. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    # Never closed: the end of the process, whatever it is, frees the slot.
    file = os.open(folder / "slots", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.lockf(file, fcntl.LOCK_EX, 1, SLOTS)  # one process at a time
    try:
        if _try_lock(file, SLOTS, 0):
            for path in folder.glob("*.db"):
                path.unlink()
            fcntl.lockf(file, fcntl.LOCK_UN, SLOTS, 0)
        slot = next((number for number in range(SLOTS) if _try_lock(file, 1, number)), None)
        if slot is None:
            raise OSError(f"it has files for {SLOTS} processes only")
        for kind in KINDS:
            _reserve(folder / f"{kind}_{slot}.db")
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, SLOTS)
    return slot


def _try_lock(file: int, length: int, start: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
    except OSError:  # another process has one of these
        return False
    return True


def _reserve(path: Path) -> None:
    """Make the file, if there is none. Written, not left as a hole, as the library would: if the
    disk is full later, a hole would kill the process."""
    if not path.exists():
        path.write_bytes(bytes(SLOT_BYTES))


class _Handler(WSGIRequestHandler):
    timeout = ASKING_SECONDS

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _SharedServer(_Server):
    allow_reuse_port = True  # each process takes some of the connections


def _start(
    setting: str, address: Address, kind: type[_Server], application: Callable[..., Any]
) -> None:
    """Serve in a thread until the process ends. While another program has the address, the service
    works without: a listener that is replaced still has it, say."""

    def serve() -> None:
        family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        server_class = type(kind.__name__, (kind,), {"address_family": family})
        with server_class(address, _Handler) as server:
            server.set_app(application)
            server.serve_forever()

    name = f"metrics at {address} ({setting})"
    wait = threading.Event().wait
    work = threading.Thread(
        target=lambda: supervise(name, serve, wait, (OSError,)), name=name, daemon=True
    )
    work.start()
