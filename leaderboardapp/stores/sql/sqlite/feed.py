"""SQLite: the feed, and the stream of messages."""

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import Error, connections

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import Changes
from leaderboardapp.stores.sql.message_stream import SqlMessageStream
from leaderboardapp.stores.sql.sqlite.log_writes import REST_SECONDS, LogWrites
from leaderboardapp.stores.sql.statements import decode_joined
from leaderboardapp.stores.streams import (
    SHORTEST_REST,
    EncodedMessage,
    Feed,
    Rest,
    Subscription,
)

R = TypeVar("R")

LATER = 0.02  # how long a rest may be, of the time since anything was found

PUBLISHED = """
    SELECT (SELECT min(id) FROM message), id, exchange, topic, payload
    FROM message WHERE id > ? ORDER BY id
"""


class Commits:
    """Reads what other connections commit, soon after each commit."""

    # Between two looks while others write on and on, of which nothing is for this reader.
    most_rest = REST_SECONDS

    def __init__(self, newest: str, rest: Rest) -> None:
        """`newest` is a query for the position from which on to read."""
        self.connection = connections.create_connection("default")
        self.connection.ensure_connection()
        [[self.position]] = self.query(newest)  # which opens the log, too
        # It stands beside the file itself, wherever a link to that is.
        self.writes = LogWrites(f"{os.path.realpath(self.connection.settings_dict['NAME'])}-wal")
        self.last_activity = self.found_at = time.monotonic()
        self.rest = rest

    def wait(self, timeout: float, read: Callable[[], R]) -> R | None:
        """Return what `read` returns, once it is not empty; None if nothing comes in time, or when
        it is woken. Raises StoreUnavailable."""
        deadline = time.monotonic() + timeout
        if (pause := self.rest.left(timeout)) and self.writes.rest(pause):
            return None
        try:
            while not (result := read()):
                self.last_activity = time.monotonic()
                left = deadline - self.last_activity
                rest = max(REST_SECONDS, (self.last_activity - self.found_at) * LATER)
                if left <= 0 or self.writes.wait(left, min(rest, self.most_rest)):
                    return None
        except Error as error:
            raise StoreUnavailable(str(error)) from error
        self.last_activity = self.found_at = time.monotonic()
        self.rest.begin()
        return result

    def wake(self) -> None:
        """Have the wait of another thread, or else the next one, end at once."""
        self.writes.waker.wake()

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the query's rows."""
        # Hundreds of times a second, and Django's cursor costs more than the query.
        with self.connection.wrap_database_errors:
            rows: list[tuple[Any, ...]] = self.connection.connection.execute(sql, values).fetchall()
            return rows

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
        self.writes.close()


class SqliteFeed(Commits, Feed):
    """Reads which boards have changed, from the table that triggers keep."""

    def __init__(self) -> None:
        super().__init__("SELECT coalesce(max(seq), 0) FROM change", Rest())

    def poll(self, timeout: float) -> Changes:
        return self.wait(timeout, self._read) or {}

    def _read(self) -> Changes:
        last = self.position
        rows = self.query("SELECT board, seq, joined FROM change WHERE seq > ?", last)
        changes = {
            board: decode_joined(joined, lambda seq: seq > last) for board, _, joined in rows
        }
        self.position = max((seq for _, seq, _ in rows), default=last)
        return changes


class SqliteMessageStream(Commits, SqlMessageStream):
    """Reads the table of messages."""

    most_rest = 0.05

    def __init__(self) -> None:
        Commits.__init__(self, "SELECT coalesce(max(id), 0) FROM message", Rest(SHORTEST_REST))
        SqlMessageStream.__init__(self)
        self.last_id = self.position

    def poll(self, timeout: float) -> list[tuple[Subscription, EncodedMessage | None]]:
        self.polled_at = time.time()
        return self.wait(timeout, self._read) or []

    def check(self) -> None:
        """Do nothing: a file has no other end."""

    def _read(self) -> list[tuple[Subscription, EncodedMessage | None]]:
        rows = self.query(PUBLISHED, self.last_id)
        return self.dispatch(rows[0][0], [row[1:] for row in rows]) if rows else []
