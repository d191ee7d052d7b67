"""Connections to PostgreSQL: what has become of one, and those that listen."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.stores.circuit_breaker import Unreachable, peer_closed

HEAR_SECONDS = 2.0  # within which a notification has to come through
# A listener that vanished without a word would keep the lock of one that is asleep.
KEEP_ALIVE = """
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2;
    SET tcp_user_timeout = 20000
"""


class Session(ABC):
    """A connection of its own that hears what is notified, and knows what it has read."""

    channel: str

    def __init__(self) -> None:
        self.connection = connections.create_connection("feed")
        try:
            connect(self.connection)
            self.rows(KEEP_ALIVE)
            self.rows(f"LISTEN {self.channel}")
            self.begin()
        except Error as error:
            kind = Unreachable if is_gone(error) else StoreUnavailable
            self.close()
            raise kind(f"PostgreSQL, the feed (DATABASE_FEED_URL): {error}") from error

    @abstractmethod
    def begin(self) -> None:
        """All from now on is new."""

    def hear(self) -> None:
        """Raises StoreUnavailable unless a notification comes through."""
        with self.translated():
            if not self.wait(HEAR_SECONDS):
                raise StoreUnavailable(
                    "PostgreSQL's notifications do not arrive; if DATABASE_URL goes through a pool"
                    " of connections, name one past it, or one of whole sessions, in"
                    " DATABASE_FEED_URL"
                )

    def seen(self, snapshot: str) -> None:
        """`snapshot`: as PostgreSQL writes it, `oldest:next:running,running`."""
        _, following, running = snapshot.split(":")
        self.next, self.running = int(following), [int(xid) for xid in running.split(",") if xid]

    def is_new(self, seq: int) -> bool:
        # A transaction's number says when it began, not when it was committed. So what is new is
        # what the last snapshot did not show: begun since, or under way then.
        return seq >= self.next or seq in self.running

    def wait(self, seconds: float) -> bool:
        """Whether a notification has come."""
        with self.connection.wrap_database_errors:
            found = list(self.connection.connection.notifies(timeout=seconds, stop_after=1))
        return bool(found)

    def rows(self, sql: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
            return rows

    @contextmanager
    def translated(self) -> Iterator[None]:
        try:
            yield
        except Error as error:
            raise translate(self.connection, error) from error

    def close(self) -> None:
        self.connection.close()


def connect(wrapper: BaseDatabaseWrapper) -> None:
    """Connected, anew if the server has closed it."""
    driver: Any = wrapper.connection
    if driver is not None and (driver.closed or peer_closed(driver.fileno())):
        wrapper.close()
    wrapper.ensure_connection()


def is_gone(error: Error) -> bool:
    """Whether it is the connection's end, and no refusal: those have other codes."""
    code = getattr(error.__cause__, "sqlstate", None)
    return code is None or code.startswith(("08", "57P"))


def translate(wrapper: BaseDatabaseWrapper, error: Error) -> StoreUnavailable:
    """The connection is closed after any failure but a refusal: an answer may still be on its way
    through it."""
    if is_gone(error):
        wrapper.close()
        return Unreachable(f"PostgreSQL: {error}")
    return StoreUnavailable(f"PostgreSQL: {error}")
