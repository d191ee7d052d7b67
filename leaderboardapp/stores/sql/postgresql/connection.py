"""Connections to PostgreSQL: sessions that listen, and what an error says of a connection."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.stores.circuit_breaker import Unreachable, peer_closed

NOTIFY_SECONDS = 2.0  # within which a notification has to arrive
# Without this the session of a machine that has vanished would keep a sleeping feed's lock.
KEEP_ALIVE = """
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2;
    SET tcp_user_timeout = 20000
"""


class Session(ABC):
    """A connection of its own that receives notifications, and knows which changes it has read."""

    channel: str

    def __init__(self) -> None:
        self.connection = connections.create_connection("feed")
        try:
            connect(self.connection)
            self.query(KEEP_ALIVE)
            self.query(f"LISTEN {self.channel}")
            self.start()
        except Error as error:
            kind = Unreachable if is_gone(error) else StoreUnavailable
            self.close()
            raise kind(f"PostgreSQL, the feed (DATABASE_FEED_URL): {error}") from error

    @abstractmethod
    def start(self) -> None:
        """Begin to read: everything from now on is new."""

    def check_notifications(self) -> None:
        """Raise StoreUnavailable unless a notification arrives."""
        with self.maps_errors():
            if not self.wait(NOTIFY_SECONDS):
                raise StoreUnavailable(
                    "PostgreSQL's notifications do not arrive; if DATABASE_URL goes through a pool"
                    " of connections, name one past it, or one of whole sessions, in"
                    " DATABASE_FEED_URL"
                )

    def remember(self, snapshot: str) -> None:
        """Remember the snapshot of the last read, as PostgreSQL writes it:
        `oldest:next:running,running`."""
        _, following, running = snapshot.split(":")
        self.next, self.running = int(following), [int(xid) for xid in running.split(",") if xid]

    def is_new(self, seq: int) -> bool:
        """Return whether the last read did not show the changes of this transaction."""
        # A transaction's number says when it began, not when it was committed. So those that were
        # running at the last read are new, too.
        return seq >= self.next or seq in self.running

    def wait(self, seconds: float) -> bool:
        """Wait for a notification; return whether one has come."""
        with self.connection.wrap_database_errors:
            notifications = self.connection.connection.notifies(timeout=seconds, stop_after=1)
            return bool(list(notifications))

    def query(self, sql: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Execute a statement; return its rows, if it has any."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
            return rows

    @contextmanager
    def maps_errors(self) -> Iterator[None]:
        """Raise StoreUnavailable for what the database raises in the body."""
        try:
            yield
        except Error as error:
            raise map_error(self.connection, error) from error

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def connect(wrapper: BaseDatabaseWrapper) -> None:
    """Connect, again if the server has closed the connection."""
    driver: Any = wrapper.connection
    if driver is not None and (driver.closed or peer_closed(driver.fileno())):
        wrapper.close()
    wrapper.ensure_connection()


def is_gone(error: Error) -> bool:
    """Return whether the error is the connection's end. A refusal has another code."""
    code = getattr(error.__cause__, "sqlstate", None)
    return code is None or code.startswith(("08", "57P"))


def map_error(wrapper: BaseDatabaseWrapper, error: Error) -> StoreUnavailable:
    """Return the store's error for the database's. The connection is closed unless the error is a
    refusal: a late answer may still come through it. It is closed as well if a transaction is open
    on it, whose end was refused: everything else would be, too."""
    driver, gone = wrapper.connection, is_gone(error)
    if gone or (driver and driver.info.transaction_status != TransactionStatus.IDLE):
        wrapper.close()
    return (Unreachable if gone else StoreUnavailable)(f"PostgreSQL: {error}")
