"""SQLite: the feed, and the stream of messages."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from django.db import Error, connections

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import Changes
from leaderboardapp.stores.sql.message_stream import SqlMessageStream
from leaderboardapp.stores.sql.statements import decode_joined
from leaderboardapp.stores.streams import EncodedMessage, Feed, Subscription

R = TypeVar("R")

# Between two polls: while nothing happens, which takes 0.9 % of a core of a small cloud machine;
# and for BUSY_FOR_SECONDS after each change.
IDLE_SECONDS, BUSY_SECONDS = 0.015, 0.004
BUSY_FOR_SECONDS = 2.0
PUBLISHED = """
    SELECT (SELECT min(id) FROM message), id, exchange, topic, payload
    FROM message WHERE id > %s ORDER BY id
"""


class Commits:
    """Notices the commits of other connections. `PRAGMA data_version` changes with each of them,
    and needs no read of the file; only then are the tables read."""

    def __init__(self) -> None:
        # A connection of its own: its own commits would not change its data_version.
        self.connection = connections.create_connection("default")
        self.version = self._read_version()
        self.asleep = threading.Lock()  # cheaper than an Event, hundreds of times a second
        self.asleep.acquire()
        self.last_activity = self.last_change = time.monotonic()

    def wait(self, timeout: float, read: Callable[[], R]) -> R | None:
        """Return what `read` returns after a commit, if that is not empty; None if nothing comes
        in time, or when it is woken. Raises StoreUnavailable."""
        deadline = time.monotonic() + timeout
        try:
            while True:
                version = self._read_version()
                if version != self.version:
                    result = read()
                    self.version = version
                    self.last_activity = time.monotonic()
                    if result:  # else it was the listener's own heartbeat, say
                        self.last_change = self.last_activity
                        return result
                if time.monotonic() >= deadline:
                    return None
                busy = time.monotonic() < self.last_change + BUSY_FOR_SECONDS
                if self.asleep.acquire(timeout=BUSY_SECONDS if busy else IDLE_SECONDS):
                    return None  # and it is asleep again
        except Error as error:
            raise StoreUnavailable(str(error)) from error

    def wake(self) -> None:
        """Have the wait of another thread, or else the next one, end soon."""
        with suppress(RuntimeError):  # it is woken already
            self.asleep.release()

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the query's rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def _read_version(self) -> int:
        # It is read a hundred times a second, and Django's cursor costs more than the query.
        self.connection.ensure_connection()
        with self.connection.wrap_database_errors:
            return int(self.connection.connection.execute("PRAGMA data_version").fetchone()[0])


class SqliteFeed(Commits, Feed):
    """Reads which boards have changed, from the table that triggers keep."""

    def __init__(self) -> None:
        super().__init__()
        [[self.seq]] = self.query("SELECT coalesce(max(seq), 0) FROM change")

    def poll(self, timeout: float) -> Changes:
        return self.wait(timeout, self._read) or {}

    def _read(self) -> Changes:
        rows = self.query("SELECT board, seq, joined FROM change WHERE seq > %s", self.seq)
        changes = {
            board: decode_joined(joined, lambda seq: seq > self.seq) for board, _, joined in rows
        }
        self.seq = max((seq for _, seq, _ in rows), default=self.seq)
        return changes


class SqliteMessageStream(Commits, SqlMessageStream):
    """Reads the table of messages."""

    def __init__(self) -> None:
        Commits.__init__(self)
        SqlMessageStream.__init__(self)
        [[self.last_id]] = self.query("SELECT coalesce(max(id), 0) FROM message")

    def poll(self, timeout: float) -> list[tuple[Subscription, EncodedMessage | None]]:
        self.polled_at = time.time()
        return self.wait(timeout, self._read) or []

    def check(self) -> None:
        """Do nothing: a file has no other end."""

    def _read(self) -> list[tuple[Subscription, EncodedMessage | None]]:
        rows = self.query(PUBLISHED, self.last_id)
        return self.dispatch(rows[0][0], [row[1:] for row in rows]) if rows else []
