"""Connections with timeouts on answers, which the driver does not have."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from os import getpid
from typing import Any, TypeVar

from rethinkdb import RethinkDB, net
from rethinkdb.errors import (
    ReqlDriverError,
    ReqlError,
    ReqlInternalError,
    ReqlOpFailedError,
    ReqlOpIndeterminateError,
    ReqlRuntimeError,
    ReqlTimeoutError,
)
from rethinkdb.net import ConnectionInstance, SocketWrapper, pQuery, pResponse

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.stores.circuit_breaker import (
    CircuitBreaker,
    NoAnswer,
    Unreachable,
    peer_closed,
)
from leaderboardapp.stores.rethinkdb.address import Address, Host
from leaderboardapp.stores.rethinkdb.hosts import CONNECT_SECONDS, Hosts
from leaderboardapp.stores.rethinkdb.tls import explain_failure
from leaderboardapp.stores.rethinkdb.wire import are_reads, to_wire, write_one_document

r = RethinkDB()

T = TypeVar("T")

# What nearly all requests read. A host that cannot, because it is cut off from others, is left.
PROBE = r.expr([r.table(name).limit(1).count() for name in ("boards", "players")])
RECEIVED_BYTES = 65_536  # in one call of the system, at most
QUERIES_AT_ONCE = 4  # of those that are run together, so that none waits long for its answer
# A dead link is noticed within this time, though nothing is being sent (the driver: two hours).
KEEP_ALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}


def keep_alive(connected: socket.socket) -> None:
    """Let the system notice a dead link within the times of KEEP_ALIVE."""
    for name, value in KEEP_ALIVE.items():
        if hasattr(socket, name):  # Linux has them all
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class CompiledFunction(r.ast.Func):  # type: ignore[misc, name-defined]
    """A function of ReQL in the form in which it is sent, built once. The driver would build its
    hundreds of terms again for every query."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self.wire = to_wire(super().build())
        self._args: list[Any] = []  # the driver would go through these, too

    def build(self) -> Any:
        """Return the built form. The driver calls this for each query."""
        return self.wire


class DriverSocket(SocketWrapper):  # type: ignore[misc]
    """The driver's socket, with a limit on answers, and closed whoever closed it first."""

    answer_seconds: float | None = None
    unread = b""
    _socket: socket.socket | None

    def recvall(self, length: int, deadline: float | None) -> bytes:
        """Read `length` bytes before `deadline`. The driver sets none for a query, and the
        system's own, SO_RCVTIMEO, has no effect on Python's TLS sockets.

        What else has come is kept for the next call. The driver reads the answers to its greeting
        byte by byte, each time with the interpreter's lock given away and waited for: under load it
        took seconds to connect."""
        if deadline is None and self.answer_seconds is not None:
            deadline = time.time() + self.answer_seconds
        while len(self.unread) < length:
            self.unread += self._receive(deadline)
        data, self.unread = self.unread[:length], self.unread[length:]
        return data

    def _receive(self, deadline: float | None) -> bytes:
        """Return what has come, a byte at least. Raises what the driver does."""
        if self._socket is None:
            raise ReqlDriverError("Connection is closed.")
        self._socket.settimeout(deadline and max(0.0, deadline - time.time()))
        try:
            received = self._socket.recv(RECEIVED_BYTES)
            self._socket.settimeout(None)
        except (TimeoutError, BlockingIOError) as error:
            self._socket.settimeout(None)
            raise ReqlTimeoutError(self.host, self.port) from error
        except OSError as error:
            self.close()
            message = f"Connection interrupted receiving from {self.host}:{self.port} - {error}"
            raise ReqlDriverError(message) from error
        if not received:
            self.close()
            raise ReqlDriverError("Connection is closed.")
        return received

    def close(self) -> None:
        """Close the socket. The driver's own leaves it open when the server was first."""
        opened, self._socket = self._socket, None
        if opened is not None:
            with suppress(OSError):  # the server was first
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()


class DriverInstance(ConnectionInstance):  # type: ignore[misc]
    """What the driver's connection is made of, with our socket."""

    def connect(self, timeout: float) -> Any:
        """Connect, and return the driver's connection."""
        self._socket = DriverSocket(self, timeout)
        return self._parent

    def run_together(self, queries: list[Any]) -> list[Any]:
        """Send queries that answer no stream, some before the first answer; return the answers. The
        driver waits for each, and the server works at several at once."""
        bodies: dict[int, bytes] = {}
        tokens = {query.token for query in queries}
        for sent, query in enumerate(queries):
            if sent - len(bodies) == QUERIES_AT_ONCE:
                self._read_body_into(bodies, tokens)
            self._socket.sendall(query.serialize(self._parent._get_json_encoder(query)))
        while len(bodies) < len(queries):
            self._read_body_into(bodies, tokens)
        return [self._parse_answer(query, bodies[query.token]) for query in queries]

    def _read_body_into(self, bodies: dict[int, bytes], tokens: set[int]) -> None:
        """Read the next answer to one of these queries. They come in any order, and after those
        that the driver has not waited for, such as to the end of a stream."""
        token = None
        while token not in tokens:
            token, length = struct.unpack("<qL", self._socket.recvall(12, None))
            body = self._socket.recvall(length, None)
        bodies[token] = body

    def _parse_answer(self, query: Any, body: bytes) -> Any:
        answer = net.Response(query.token, body, self._parent._get_json_decoder(query))
        if answer.type != pResponse.SUCCESS_ATOM:
            raise answer.make_error(query)
        return answer.data[0]


class DriverConnection(net.Connection):  # type: ignore[misc]
    """The driver's connection, with our socket."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(DriverInstance, *arguments, **options)

    def run_together(self, terms: Iterable[Any]) -> list[Any]:
        """Run queries as the instance does."""
        self.check_open()
        options = {"db": r.db(self.db)}
        queries = [net.Query(pQuery.START, self._new_token(), term, options) for term in terms]
        answers: list[Any] = self._instance.run_together(queries)
        return answers


r.connection_type = DriverConnection
# OpenSSL has compared the names by then. The driver's own function, from Python 3.12 on, takes no
# addresses.
net.match_hostname = lambda certificate, hostname: None


class Refused(StoreUnavailable):
    """The host could not do it now, such as without a majority of the servers."""


class Connection:
    """One connection, for one thread. Its methods raise StoreUnavailable."""

    def __init__(self, address: Address, answer_seconds: float, host: Host | None = None) -> None:
        """Connect to a host, by default the first. Raises Unreachable."""
        self.host = host or address.hosts[0]
        try:
            self.driver = r.connect(**address.arguments(self.host), timeout=CONNECT_SECONDS)
        except (ReqlDriverError, OSError) as error:
            authority = address.login["ssl"].get("ca_certs")
            reason = explain_failure(error, self.host.name, authority) or error
            raise Unreachable(f"RethinkDB at {self.host}: {reason}") from error
        self.socket: socket.socket = self.driver._instance._socket._socket
        keep_alive(self.socket)
        self.limit_answers(answer_seconds)

    def limit_answers(self, seconds: float | None) -> None:
        """Let an answer take `seconds`, or for ever with None."""
        self.driver._instance._socket.answer_seconds = seconds

    def run(self, query: Any) -> Any:
        """Send a query. Return its answer; a cursor's rows as a list."""
        with self._map_driver_errors():
            result = query.run(self.driver)
            return list(result) if isinstance(result, r.net.DefaultCursor) else result

    def run_together(self, queries: Iterable[Any]) -> list[Any]:
        """Send queries, none of which answers a stream; return their answers. They are worked at
        at the same time."""
        with self._map_driver_errors():
            answers: list[Any] = self.driver.run_together(queries)
            return answers

    def run_concurrently(self, queries: Iterable[Any]) -> None:
        """Send queries without waiting for each, and return when all are done. Their errors are
        not reported."""
        with self._map_driver_errors():
            for query in queries:
                query.run(self.driver, noreply=True)
            self.driver.noreply_wait()

    def open_cursor(self, query: Any) -> Any:
        """Send a query, and return the driver's cursor."""
        with self._map_driver_errors():
            return query.run(self.driver)

    def stream(self, query: Any) -> Iterator[Any]:
        """Send a query, and yield its rows as they come."""
        with self._map_driver_errors():
            yield from query.run(self.driver)

    @contextmanager
    def _map_driver_errors(self) -> Iterator[None]:
        # After any failure but a refusal by the server the connection is closed: an answer may
        # still be on its way through it.
        try:
            yield
        except (ReqlOpIndeterminateError, ReqlInternalError) as error:
            raise OutcomeUnknown(f"RethinkDB: {error.message}") from error
        except ReqlOpFailedError as error:
            raise Refused(f"RethinkDB: {error.message}") from error
        except ReqlRuntimeError as error:
            raise StoreUnavailable(f"RethinkDB: {error.message}") from error
        except (ReqlDriverError, OSError, AttributeError) as error:  # AttributeError: it was closed
            self.close()
            raise NoAnswer(f"RethinkDB at {self.host}: {error}") from error

    def is_alive(self) -> bool:
        """Return whether neither end has closed the connection."""
        return self.socket.fileno() >= 0 and not peer_closed(self.socket.fileno())

    def close(self) -> None:
        """Close the connection without waiting for the server."""
        with suppress(ReqlError, OSError):
            self.driver.close(noreply_wait=False)


class Connections:
    """Connections for each thread, one to each host that it asks, and one circuit breaker."""

    def __init__(self, address: Address, answer_seconds: float) -> None:
        self.address, self.answer_seconds = address, answer_seconds
        self.hosts = Hosts(address.hosts, self._probe)
        self.local = threading.local()
        self.breaker = CircuitBreaker("RethinkDB", answer_seconds)

    def run(self, query: Any) -> Any:
        """Send a query. Return its answer. With an open breaker, fail at once."""
        with self.breaker.guard():
            return self._ask([query], lambda connection: connection.run(query))

    def run_together(self, queries: Iterable[Any]) -> list[Any]:
        """Send queries as Connection does. Return their answers."""
        together = [*queries]
        with self.breaker.guard():
            return self._ask(together, lambda connection: connection.run_together(together))

    def open(self, answer_seconds: float) -> Connection:
        """Return a connection of the caller's own, to the host that this thread asks. Raises
        Unreachable."""
        return self.hosts.connect(lambda host: Connection(self.address, answer_seconds, host))

    def get_connection(self, avoid: Host | None = None) -> Connection:
        """Return this thread's connection. Connect if there is none, or the server closed it."""
        return self.hosts.connect(self._connect, avoid)

    def close(self) -> None:
        """Close this thread's connections."""
        for connection in self._list_own().values():
            connection.close()

    def _ask(
        self, queries: Sequence[Any], ask: Callable[[Connection], T], avoid: Host | None = None
    ) -> T:
        """Return the answer of the host that this thread asks. With `avoid`, that host has failed
        just now. If not, another one is asked if this one fails, once, and where that cannot do
        anything twice."""
        connection = self.get_connection(avoid)
        host, is_repeat = connection.host, avoid is not None
        try:
            answer = ask(connection)
        except NoAnswer as error:
            self.hosts.leave(host)
            if not self.hosts.answers():
                raise
            is_late = isinstance(error.__cause__, TimeoutError)
            if is_repeat or is_late or not are_reads(queries):
                # It says nothing of the others, for which the breaker stays closed.
                raise OutcomeUnknown(str(error)) from error
        except Refused:
            if is_repeat or not self.hosts.answers(besides=host):
                raise
            if not are_reads(queries) and not write_one_document(queries):
                with suppress(StoreUnavailable):  # a read shows whether it is this host's fault
                    self._ask([PROBE], lambda connection: connection.run(PROBE))
                raise
        else:
            self.hosts.take_back(host)
            return answer
        answer = self._ask(queries, ask, avoid=host)
        self.hosts.leave(host)  # which could not do what another one did
        return answer

    def _connect(self, host: Host) -> Connection:
        """Return this thread's connection to the host. Raises Unreachable."""
        own = self._list_own()
        connection = own.get(host)
        if connection is None or not connection.is_alive():
            if connection is not None:
                connection.close()
            connection = own[host] = Connection(self.address, self.answer_seconds, host)
        return connection

    def _list_own(self) -> dict[Host, Connection]:
        """Return this thread's connections. Those from before a fork are the parent's."""
        pid, own = getattr(self.local, "connections", (None, {}))
        if pid != getpid():
            own = {}
            self.local.connections = getpid(), own
        return own

    def _probe(self, host: Host) -> None:
        connection = Connection(self.address, CONNECT_SECONDS, host)
        try:
            connection.run(PROBE)
        finally:
            connection.close()
