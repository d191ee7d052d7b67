"""The store in an SQLite database, and its feed."""

import os
import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import Error, connection, transaction
from django.db.models import Max

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.stores.base import EncodedMessage, Feed, MessageStream, now_us
from leaderboardapp.stores.sql.message_stream import EXPIRE
from leaderboardapp.stores.sql.models import ChangeRow
from leaderboardapp.stores.sql.sqlite.feed import SqliteFeed, SqliteMessageStream
from leaderboardapp.stores.sql.statements import write
from leaderboardapp.stores.sql.store import SqlStore, maps_db_errors

R = TypeVar("R")

# After these the commit may be in the log already, and counts when the log is read again.
MAY_BE_COMMITTED = {
    "SQLITE_IOERR_FSYNC",
    "SQLITE_IOERR_DIR_FSYNC",
    "SQLITE_IOERR_SHMMAP",
    "SQLITE_IOERR_SHMSIZE",
}
TURN_SECONDS = 2.5  # as long as SQLite waits for the lock of another process
PUBLISH = """
    INSERT INTO message (exchange, topic, payload, at)
    VALUES (%(exchange)s, %(topic)s, %(payload)s, %(at)s)
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

    def run(self, work: Callable[[], R]) -> R:
        """A broken connection is not used again."""
        try:
            return work()
        except Error as error:
            connection.close_if_unusable_or_obsolete()
            if getattr(error.__cause__, "sqlite_errorname", "") in MAY_BE_COMMITTED:
                raise OutcomeUnknown(str(error)) from error
            raise StoreUnavailable(str(error)) from error

    def transaction(self, board: str | None, work: Callable[[], R]) -> R:
        """The transaction holds the database's write lock from its start."""
        if not _turn.acquire(timeout=TURN_SECONDS):
            raise StoreUnavailable("The database is busy with other writes.")
        try:
            return self.run(transaction.atomic(work))
        finally:
            _turn.release()

    @maps_db_errors
    def open_feed(self) -> Feed:
        return SqliteFeed()

    @maps_db_errors
    def open_message_stream(self) -> MessageStream:
        return SqliteMessageStream()

    def publish(self, exchange: str, message: EncodedMessage) -> None:
        values = {"exchange": exchange, **message._asdict(), "at": now_us()}
        self.transaction(None, lambda: write(PUBLISH, values))

    def expire_messages(self, older: float) -> None:
        values = {"older": older}
        self.transaction(None, lambda: write(EXPIRE.format(now=now_us()), values))

    @maps_db_errors
    def position(self) -> int:
        # Writers take turns, so numbers are given in the order of commits.
        return int(ChangeRow.objects.aggregate(newest=Max("seq", default=0))["newest"])
