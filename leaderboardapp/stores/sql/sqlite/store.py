"""The store in an SQLite database."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import Error, connection, transaction
from django.db.models import Max

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.parts import ALL_PARTS, Parts
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.examination import Examination
from leaderboardapp.stores.sql.access import maps_db_errors
from leaderboardapp.stores.sql.examination import list_faults
from leaderboardapp.stores.sql.message_stream import EXPIRE
from leaderboardapp.stores.sql.models import ChangeRow
from leaderboardapp.stores.sql.sqlite.feed import SqliteFeed, SqliteMessageStream
from leaderboardapp.stores.sql.statements import write
from leaderboardapp.stores.sql.store import SqlStore
from leaderboardapp.stores.streams import Feed, MessageStream

R = TypeVar("R")

# Errors after which the commit may be in the log already. It counts when the log is read again.
MAY_BE_COMMITTED = {
    "SQLITE_IOERR_FSYNC",
    "SQLITE_IOERR_DIR_FSYNC",
    "SQLITE_IOERR_SHMMAP",
    "SQLITE_IOERR_SHMSIZE",
}
LOCK_SECONDS = 2.5  # as long as SQLite waits for the lock of another process
PUBLISH = """
    INSERT INTO message (exchange, topic, payload, at)
    VALUES (%(exchange)s, %(topic)s, %(payload)s, %(at)s)
"""

# One thread of the process writes at a time. Those who wait for SQLite's own lock only sleep and
# retry, and some of sixteen busy threads never got it (docs/performance.md).
_write_lock = threading.RLock()


def _renew_lock() -> None:
    """Replace the write lock in a forked process: the thread that held it does not run there."""
    global _write_lock
    _write_lock = threading.RLock()


os.register_at_fork(after_in_child=_renew_lock)


class SqliteStore(SqlStore):
    """The store in an SQLite database. Transactions hold the write lock of the whole database."""

    begin_snapshot = "BEGIN"  # of the log (WAL), as it is at the first read; waits for no writer

    def check(self) -> None:
        """Do nothing: a file is never known to be unreachable."""

    def run(self, work: Callable[[], R]) -> R:
        try:
            return work()
        except Error as error:
            connection.close_if_unusable_or_obsolete()
            if getattr(error.__cause__, "sqlite_errorname", "") in MAY_BE_COMMITTED:
                raise OutcomeUnknown(str(error)) from error
            raise StoreUnavailable(str(error)) from error

    @maps_db_errors
    def examine(self) -> Examination:
        return Examination(list_faults(), time.time())  # the file has no clock

    def transaction(self, board: str | None, work: Callable[[], R]) -> R:
        if not _write_lock.acquire(timeout=LOCK_SECONDS):
            raise StoreUnavailable("The database is busy with other writes.")
        try:
            return self.run(transaction.atomic(work))
        finally:
            _write_lock.release()

    @maps_db_errors
    def open_feed(self, parts: Parts = ALL_PARTS) -> Feed:
        return SqliteFeed()

    @maps_db_errors
    def open_message_stream(self) -> MessageStream:
        return SqliteMessageStream()

    def publish(self, exchange: str, topic: str, payloads: Sequence[str]) -> None:
        values = {"exchange": exchange, "topic": topic, "at": now_us()}

        def write_all() -> None:
            for payload in payloads:
                write(PUBLISH, {**values, "payload": payload})

        self.transaction(None, write_all)

    def expire_messages(self, older: float) -> None:
        values = {"older": older}
        self.transaction(None, lambda: write(EXPIRE.format(now=now_us()), values))

    @maps_db_errors
    def position(self) -> int:
        # There is one writer at a time, so changes are numbered in the order of commits.
        return int(ChangeRow.objects.aggregate(newest=Max("seq", default=0))["newest"])
