"""The feed of an SQLite database, and its stream of messages."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import Error, connections

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import Changes
from leaderboardapp.stores.base import EncodedMessage, Feed, Subscription
from leaderboardapp.stores.sql.message_stream import SqlMessageStream
from leaderboardapp.stores.sql.store import newcomers

R = TypeVar("R")

# Between two looks: while nothing happens, which takes 0.9 % of a core of a small cloud machine;
# and for a while after each change.
IDLE_SECONDS, BUSY_SECONDS = 0.015, 0.004
BUSY_FOR_SECONDS = 2.0
PUBLISHED = """
    SELECT (SELECT min(id) FROM message), id, exchange, topic, payload
    FROM message WHERE id > %s ORDER BY id
"""


class Watch:
    """`PRAGMA data_version` tells, without reading the file, whether another connection has
    committed; only then are the tables read."""

    def __init__(self) -> None:
        # Its own connection: one's own commits do not move one's own data_version.
        self.connection = connections.create_connection("default")
        self.version = self._version()
        self.last_activity = self.moved = time.monotonic()

    def wait(self, timeout: float, look: Callable[[], R]) -> R | None:
        """What `look` finds, if that is anything, in that time."""
        deadline = time.monotonic() + timeout
        try:
            while True:
                version = self._version()
                if version != self.version:
                    found = look()
                    self.version = version
                    self.last_activity = time.monotonic()
                    if found:  # and not the listener's own heartbeat, say
                        self.moved = self.last_activity
                        return found
                if time.monotonic() >= deadline:
                    return None
                busy = time.monotonic() < self.moved + BUSY_FOR_SECONDS
                time.sleep(BUSY_SECONDS if busy else IDLE_SECONDS)
        except Error as error:
            raise StoreUnavailable(str(error)) from error

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def close(self) -> None:
        self.connection.close()

    def _version(self) -> int:
        # A hundred times a second: past Django's cursor, which costs more than the question.
        self.connection.ensure_connection()
        with self.connection.wrap_database_errors:
            return int(self.connection.connection.execute("PRAGMA data_version").fetchone()[0])


class SqliteFeed(Watch, Feed):
    def __init__(self) -> None:
        super().__init__()
        [[self.seq]] = self.rows("SELECT coalesce(max(seq), 0) FROM change")

    def poll(self, timeout: float) -> Changes:
        return self.wait(timeout, self._read) or {}

    def _read(self) -> Changes:
        rows = self.rows("SELECT board, seq, joined FROM change WHERE seq > %s", self.seq)
        changes = {
            board: newcomers(joined, lambda seq: seq > self.seq) for board, _, joined in rows
        }
        self.seq = max((seq for _, seq, _ in rows), default=self.seq)
        return changes


class SqliteMessageStream(Watch, SqlMessageStream):
    def __init__(self) -> None:
        Watch.__init__(self)
        SqlMessageStream.__init__(self)
        [[self.last]] = self.rows("SELECT coalesce(max(id), 0) FROM message")

    def poll(self, timeout: float) -> list[tuple[Subscription, EncodedMessage | None]]:
        self.looked = time.time()
        return self.wait(timeout, self._read) or []

    def check(self) -> None:
        """A file has no other end."""

    def _read(self) -> list[tuple[Subscription, EncodedMessage | None]]:
        rows = self.rows(PUBLISHED, self.last)
        return self.sort(rows[0][0], [row[1:] for row in rows]) if rows else []
