"""The store in a PostgreSQL database, and its feed."""

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.db import Error, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import DeadlockDetected, SerializationFailure

from leaderboardapp.stores.away import Away, Unreachable, has_ended
from leaderboardapp.stores.base import (
    Changes,
    Feed,
    OutcomeUnknown,
    Row,
    StoreUnavailable,
)
from leaderboardapp.stores.sql.postgresql_backend.base import ANSWER_SECONDS
from leaderboardapp.stores.sql.postgresql_triggers import ASLEEP, CHANNEL, NUMBER
from leaderboardapp.stores.sql.statements import (
    ALL_TOPS,
    BOARD_COLUMNS,
    board_row,
    player_row,
    read,
    write,
)
from leaderboardapp.stores.sql.store import SqlStore, newcomers, translated

R = TypeVar("R")

HEAR_SECONDS = 2.0  # within which a notification has to come through
# Between two changes, which wake the feed; between two looks of one that is awake; without a
# change, after which it falls asleep.
BUSY_SECONDS, LOOK_SECONDS, CALM_SECONDS = 0.03, 0.004, 0.2
# A writer waits so long for its turn on a board; one that has stopped holds it no longer; and the
# server gives up before the driver does, which could only say that it has not heard.
LOCK = """
    SET LOCAL lock_timeout = 2500;
    SET LOCAL idle_in_transaction_session_timeout = 3500;
    SET LOCAL statement_timeout = 3000;
    SELECT FROM board WHERE id = %s FOR NO KEY UPDATE
"""
TRIES = 3  # of a transaction that met another one's locks in the other order
# A listener that vanished without a word would keep the lock of one that is asleep.
KEEP_ALIVE = """
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2;
    SET tcp_user_timeout = 20000
"""
SNAPSHOT = "SELECT pg_current_snapshot()::text"
# A transaction's number says when it began, not when it was committed. So what is new is what
# the last snapshot did not show: begun since, or under way then.
CHANGED = """
    SELECT pg_current_snapshot()::text, board, joined
    FROM (SELECT) AS one LEFT JOIN change ON seq >= %(next)s OR seq = ANY(%(running)s)
"""
POSITION = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1"
# Of a dump that was loaded into another server, numbers may be ahead of this one's.
AHEAD = "seq >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
IS_AHEAD = f"SELECT {AHEAD} FROM (SELECT %s::bigint AS seq) AS position"
RENUMBER = f"UPDATE change SET seq = {NUMBER}, joined = '[]' WHERE {AHEAD}"


class PostgresStore(SqlStore):
    """One connection for each thread (of a web process: two processes of 16 threads need 32), none
    before gunicorn forks."""

    def __init__(self) -> None:
        self.away = Away("PostgreSQL", ANSWER_SECONDS)
        super().__init__()

    def check(self) -> None:
        self.away.check()

    def ask(self, work: Callable[[], R]) -> R:
        if connection.in_atomic_block:
            return work()
        with self.away.asking():
            try:
                connect(connection)
                return work()
            except Error as error:
                raise translate(connection, error) from error

    def change(self, board: str | None, work: Callable[[], R]) -> R:
        if connection.in_atomic_block:
            return work()
        return self.ask(lambda: transact(board, work))

    @translated
    def tops(self, boards: Iterable[str]) -> dict[str, tuple[Row, list[Row]]]:
        found: dict[str, tuple[Row, list[Row]]] = {}
        for row in read(ALL_TOPS, {"boards": list(boards)}):
            board, player = row[: len(BOARD_COLUMNS)], row[len(BOARD_COLUMNS) :]
            _, players = found.setdefault(board[0], (board_row(board), []))
            if player[0] is not None:
                players.append(player_row(player))
        return found

    @translated
    def open_feed(self) -> Feed:
        self.change(None, lambda: write(RENUMBER, {}))
        feed = PostgresFeed()
        try:
            write(f"NOTIFY {CHANNEL}", {})
            feed.hear(HEAR_SECONDS)
        except (Error, StoreUnavailable):
            feed.close()
            raise
        return feed

    @translated
    def position(self) -> int:
        return int(read(POSITION, [])[0][0])

    @translated
    def changed_since(self, position: int) -> Iterable[str]:
        [[ahead]] = read(IS_AHEAD, [position])
        return super().changed_since(0 if ahead else position)


def transact(board: str | None, work: Callable[[], R], tries: int = TRIES) -> R:
    done = False
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(LOCK, [board])
            result = work()
            done = True
        return result
    except Error as error:
        if done and is_gone(error):
            raise OutcomeUnknown(f"PostgreSQL: {error}") from error
        if tries > 1 and isinstance(error.__cause__, (DeadlockDetected, SerializationFailure)):
            return transact(board, work, tries - 1)
        raise


class PostgresFeed(Feed):
    """Reads which boards have changed: what is lost while a connection is down is found in the
    table. While little happens it sleeps until it is notified; when change follows change it looks
    every few milliseconds, and nobody needs to notify it (postgresql_triggers.py)."""

    def __init__(self) -> None:
        self.connection = connections.create_connection("feed")
        self.asleep = False
        try:
            connect(self.connection)
            self._rows(KEEP_ALIVE)
            self._rows(f"LISTEN {CHANNEL}")
            self.seen(*self._rows(SNAPSHOT)[0])
        except Error as error:
            self.close()
            raise Unreachable(f"PostgreSQL, the feed (DATABASE_FEED_URL): {error}") from error
        self.heard = self.moved = time.monotonic()

    def hear(self, seconds: float) -> None:
        """Raises StoreUnavailable unless a notification comes through."""
        if not self._wait(seconds):
            raise StoreUnavailable(
                "PostgreSQL's notifications do not arrive; if DATABASE_URL goes through a pool of"
                " connections, name one past it, or one of whole sessions, in DATABASE_FEED_URL"
            )

    def changed(self, timeout: float) -> Changes:
        deadline = time.monotonic() + timeout
        try:
            while True:
                changes = self._read()
                self.heard = time.monotonic()
                if changes:
                    self._move()
                if changes or self.heard >= deadline:
                    return changes
                self._pause(deadline - self.heard)
        except Error as error:
            raise translate(self.connection, error) from error

    def close(self) -> None:
        self.connection.close()

    def seen(self, snapshot: str) -> None:
        """`snapshot`: as PostgreSQL writes it, `oldest:next:running,running`."""
        _, following, running = snapshot.split(":")
        self.next, self.running = int(following), [int(xid) for xid in running.split(",") if xid]

    def is_new(self, seq: int) -> bool:
        return seq >= self.next or seq in self.running

    def _read(self) -> Changes:
        rows = self._rows(CHANGED, {"next": self.next, "running": self.running})
        changed = [(board, joined) for _, board, joined in rows if board is not None]
        changes = {board: newcomers(joined, self.is_new) for board, joined in changed}
        self.seen(rows[0][0])
        return changes

    def _move(self) -> None:
        if self.asleep and self.heard < self.moved + BUSY_SECONDS:
            self._rows(f"SELECT pg_advisory_unlock({ASLEEP})")
            self.asleep = False
        self.moved = self.heard

    def _pause(self, seconds: float) -> None:
        """Until the table is to be read again."""
        if self.asleep:
            self._wait(seconds)
        elif self.heard < self.moved + CALM_SECONDS:
            time.sleep(min(LOOK_SECONDS, seconds))
            self._wait(0)  # so that what others notify another feed of does not pile up
        else:
            # Only if all who have not notified have committed, and nobody else sleeps.
            [[self.asleep]] = self._rows(f"SELECT pg_try_advisory_lock({ASLEEP})")
            self.moved = self.heard

    def _wait(self, seconds: float) -> bool:
        """Whether a notification has come."""
        with self.connection.wrap_database_errors:
            found = list(self.connection.connection.notifies(timeout=seconds, stop_after=1))
        return bool(found)

    def _rows(self, sql: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
            return rows


def connect(wrapper: BaseDatabaseWrapper) -> None:
    """Connected, anew if the server has closed it."""
    driver: Any = wrapper.connection
    if driver is not None and (driver.closed or has_ended(driver.fileno())):
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
