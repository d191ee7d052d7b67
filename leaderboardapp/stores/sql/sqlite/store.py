"""The store in an SQLite database, and its feed."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import Error, connection, connections, transaction
from django.db.models import Max

from leaderboardapp.stores.base import Changes, Feed, OutcomeUnknown, StoreUnavailable, now_us
from leaderboardapp.stores.messages import Group, Messages, Sent
from leaderboardapp.stores.sql.message_stream import EXPIRE, SqlMessages
from leaderboardapp.stores.sql.models import ChangeRow
from leaderboardapp.stores.sql.statements import write
from leaderboardapp.stores.sql.store import SqlStore, newcomers, translated

R = TypeVar("R")

# After these the commit may be in the log already, and counts when the log is read again.
MAY_BE_COMMITTED = {
    "SQLITE_IOERR_FSYNC",
    "SQLITE_IOERR_DIR_FSYNC",
    "SQLITE_IOERR_SHMMAP",
    "SQLITE_IOERR_SHMSIZE",
}
TURN_SECONDS = 2.5  # as long as SQLite waits for the lock of another process

# Between two looks: while nothing happens, which takes 0.9 % of a core of a small cloud machine;
# and for a while after each change.
IDLE_SECONDS, BUSY_SECONDS = 0.015, 0.004
BUSY_FOR_SECONDS = 2.0

PUBLISH = """
    INSERT INTO message (exchange, topic, payload, at)
    VALUES (%(exchange)s, %(topic)s, %(payload)s, %(at)s)
"""
PUBLISHED = """
    SELECT (SELECT min(id) FROM message), id, exchange, topic, payload
    FROM message WHERE id > %s ORDER BY id
"""

# The process's threads write in turns: those who wait for SQLite's own lock sleep and look again,
# and of sixteen busy threads some never came to it (docs/performance.md).
_turn = threading.RLock()


def _begin_turns() -> None:
    """In a forked process, where nobody would ever end a turn that was under way."""
    global _turn
    _turn = threading.RLock()


os.register_at_fork(after_in_child=_begin_turns)


class SqliteStore(SqlStore):
    def check(self) -> None:
        """A file is never known to be away."""

    def ask(self, work: Callable[[], R]) -> R:
        """A broken connection is not used again."""
        try:
            return work()
        except Error as error:
            connection.close_if_unusable_or_obsolete()
            if getattr(error.__cause__, "sqlite_errorname", "") in MAY_BE_COMMITTED:
                raise OutcomeUnknown(str(error)) from error
            raise StoreUnavailable(str(error)) from error

    def change(self, board: str | None, work: Callable[[], R]) -> R:
        """The transaction holds the database's write lock from its start."""
        if not _turn.acquire(timeout=TURN_SECONDS):
            raise StoreUnavailable("The database is busy with other writes.")
        try:
            return self.ask(transaction.atomic(work))
        finally:
            _turn.release()

    @translated
    def open_feed(self) -> Feed:
        return SqliteFeed()

    @translated
    def open_messages(self) -> Messages:
        return SqliteMessages()

    def publish(self, exchange: str, message: Sent) -> None:
        values = {"exchange": exchange, **message._asdict(), "at": now_us()}
        self.change(None, lambda: write(PUBLISH, values))

    def expire_messages(self, older: float) -> None:
        values = {"older": older}
        self.change(None, lambda: write(EXPIRE.format(now=now_us()), values))

    @translated
    def position(self) -> int:
        # Writers take turns, so numbers are given in the order of commits.
        return int(ChangeRow.objects.aggregate(newest=Max("seq", default=0))["newest"])


class Watch:
    """`PRAGMA data_version` tells, without reading the file, whether another connection has
    committed; only then are the tables read."""

    def __init__(self) -> None:
        # Its own connection: one's own commits do not move one's own data_version.
        self.connection = connections.create_connection("default")
        self.version = self._version()
        self.heard = self.moved = time.monotonic()

    def wait(self, timeout: float, look: Callable[[], R]) -> R | None:
        """What `look` finds, if that is anything, in that time."""
        deadline = time.monotonic() + timeout
        try:
            while True:
                version = self._version()
                if version != self.version:
                    found = look()
                    self.version = version
                    self.heard = time.monotonic()
                    if found:  # and not the listener's own heartbeat, say
                        self.moved = self.heard
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

    def changed(self, timeout: float) -> Changes:
        return self.wait(timeout, self._read) or {}

    def _read(self) -> Changes:
        rows = self.rows("SELECT board, seq, joined FROM change WHERE seq > %s", self.seq)
        changes = {
            board: newcomers(joined, lambda seq: seq > self.seq) for board, _, joined in rows
        }
        self.seq = max((seq for _, seq, _ in rows), default=self.seq)
        return changes


class SqliteMessages(Watch, SqlMessages):
    def __init__(self) -> None:
        Watch.__init__(self)
        SqlMessages.__init__(self)
        [[self.last]] = self.rows("SELECT coalesce(max(id), 0) FROM message")

    def read(self, timeout: float) -> list[tuple[Group, Sent | None]]:
        self.looked = time.time()
        return self.wait(timeout, self._read) or []

    def check(self) -> None:
        """A file has no other end."""

    def _read(self) -> list[tuple[Group, Sent | None]]:
        rows = self.rows(PUBLISHED, self.last)
        return self.sort(rows[0][0], [row[1:] for row in rows]) if rows else []
