"""Connections with real timeouts, which the driver's do not have."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from os import getpid
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from rethinkdb import RethinkDB
from rethinkdb.errors import (
    ReqlDriverError,
    ReqlError,
    ReqlInternalError,
    ReqlOpIndeterminateError,
    ReqlRuntimeError,
)

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.stores.circuit_breaker import CircuitBreaker, Unreachable, peer_closed

r = RethinkDB()

CONNECT_SECONDS = 2.0
# A dead link is noticed within this time, though nothing is being sent (the driver: two hours).
KEEP_ALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}


def parse_url(url: str) -> dict[str, Any]:
    """The driver's arguments for `rethinkdb://user:password@host:28015/db?ssl_ca=/path/ca.pem`; all
    but the database may be left out. (The driver's own parser does not decode %-escapes.)"""
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    return {
        "host": parts.hostname or "localhost",
        "port": parts.port or 28015,
        "user": unquote(parts.username or "admin"),
        "password": unquote(parts.password or ""),
        "db": unquote(parts.path.strip("/")),
        "ssl": {"ca_certs": options["ssl_ca"][0]} if "ssl_ca" in options else {},
    }


class CompiledFunction(r.ast.Func):  # type: ignore[misc, name-defined]
    """A function of ReQL as it is sent, made once: the driver asks each of its hundreds of terms,
    in every query anew."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self.wire = json.loads(r.ast.ReQLEncoder().encode(super().build()))
        self._args: list[Any] = []  # which the driver would look through, too

    def build(self) -> Any:
        return self.wire


class Connection:
    """One connection, for one thread. `answer_seconds` is how long an answer may take; None: for
    ever. Raises StoreUnavailable, as all its methods do."""

    def __init__(self, address: dict[str, Any], answer_seconds: float) -> None:
        self.answer_seconds: float | None = answer_seconds
        try:
            self.driver = r.connect(**address, timeout=CONNECT_SECONDS)
        except (ReqlDriverError, OSError) as error:
            where = f"{address['host']}:{address['port']}"
            raise Unreachable(f"RethinkDB at {where}: {error}") from error
        # Kept, because the driver does not close it when the other end has gone first.
        self.socket: socket.socket = self.driver._instance._socket._socket
        self._limit_read_time(self.driver._instance._socket)
        for name, value in KEEP_ALIVE.items():
            if hasattr(socket, name):  # Linux has them all
                self.socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def run(self, query: Any) -> Any:
        """One round trip; a cursor's rows as a list."""
        with self._map_driver_errors():
            result = query.run(self.driver)
            return list(result) if isinstance(result, r.net.DefaultCursor) else result

    def run_concurrently(self, queries: Iterable[Any]) -> None:
        """All at the same time, until they are done. What fails says nothing."""
        with self._map_driver_errors():
            for query in queries:
                query.run(self.driver, noreply=True)
            self.driver.noreply_wait()

    def open_cursor(self, query: Any) -> Any:
        """The driver's own result, which may be a cursor."""
        with self._map_driver_errors():
            return query.run(self.driver)

    def stream(self, query: Any) -> Iterator[Any]:
        """A cursor's rows as they come."""
        with self._map_driver_errors():
            yield from query.run(self.driver)

    @contextmanager
    def _map_driver_errors(self) -> Iterator[None]:
        """After any failure but a refusal by the server the connection is closed: an answer may
        still be on its way through it."""
        try:
            yield
        except (ReqlOpIndeterminateError, ReqlInternalError) as error:
            raise OutcomeUnknown(f"RethinkDB: {error.message}") from error
        except ReqlRuntimeError as error:
            raise StoreUnavailable(f"RethinkDB: {error.message}") from error
        except (ReqlDriverError, OSError, AttributeError) as error:  # the last: it was closed
            self.close()
            raise OutcomeUnknown(f"RethinkDB: {error}") from error

    def is_alive(self) -> bool:
        return self.socket.fileno() >= 0 and not peer_closed(self.socket.fileno())

    def close(self) -> None:
        try:
            self.driver.close(noreply_wait=False)
        except (ReqlError, OSError):
            pass
        self.socket.close()

    def _limit_read_time(self, wrapper: Any) -> None:
        """The driver can read with a deadline, and never does for a query. (SO_RCVTIMEO would be
        the system's way, but Python's TLS sockets do not heed it.)"""
        recvall = wrapper.recvall

        def bounded(length: int, deadline: float | None) -> bytes:
            if deadline is None and self.answer_seconds is not None:
                deadline = time.time() + self.answer_seconds
            data: bytes = recvall(length, deadline)
            return data

        wrapper.recvall = bounded


class Connections:
    """A connection for each thread."""

    def __init__(self, address: dict[str, Any], answer_seconds: float) -> None:
        self.address, self.answer_seconds = address, answer_seconds
        self.local = threading.local()
        self.breaker = CircuitBreaker("RethinkDB", answer_seconds)

    def run(self, query: Any) -> Any:
        with self.breaker.guard():
            return self.get_connection().run(query)

    def get_connection(self) -> Connection:
        """This thread's, made anew if the server has closed it."""
        connection = self._find_connection()
        if connection is None or not connection.is_alive():
            if connection is not None:
                connection.close()
            connection = Connection(self.address, self.answer_seconds)
            self.local.connection = (getpid(), connection)
        return connection

    def close(self) -> None:
        """This thread's."""
        connection = self._find_connection()
        if connection is not None:
            connection.close()

    def _find_connection(self) -> Connection | None:
        """This thread's, if it has one. One from before a fork is the parent's."""
        pid, connection = getattr(self.local, "connection", (None, None))
        return connection if pid == getpid() else None
