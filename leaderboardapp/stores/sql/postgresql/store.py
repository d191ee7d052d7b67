"""The store in a PostgreSQL database (ADR 16)."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, connection, connections
from psycopg.errors import DeadlockDetected, SerializationFailure

from leaderboardapp.domain.board_ids import owner_of
from leaderboardapp.domain.exceptions import BoardNotFound, StoreUnavailable
from leaderboardapp.domain.parts import ALL_PARTS, Parts
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.circuit_breaker import CircuitBreaker, NoAnswer, Unreachable
from leaderboardapp.stores.examination import Examination
from leaderboardapp.stores.sql.access import maps_db_errors
from leaderboardapp.stores.sql.examination import list_faults
from leaderboardapp.stores.sql.message_stream import EXPIRE
from leaderboardapp.stores.sql.postgresql.backend.base import ANSWER_SECONDS, Rows
from leaderboardapp.stores.sql.postgresql.connection import Session, connect, is_gone, map_error
from leaderboardapp.stores.sql.postgresql.examination import list_session_faults
from leaderboardapp.stores.sql.postgresql.feed import PostgresFeed, PostgresMessageStream
from leaderboardapp.stores.sql.postgresql.listen_notify import MESSAGES, NUMBER
from leaderboardapp.stores.sql.statements import (
    ALL_TOPS,
    BOARD,
    BOARD_COLUMNS,
    SCORES,
    board_row,
    format_by_ids,
    player_row,
    read,
    write,
)
from leaderboardapp.stores.sql.store import SqlStore, WriteScores
from leaderboardapp.stores.streams import Feed, MessageStream

R = TypeVar("R")
L = TypeVar("L", bound=Session)

# To compile a query takes longer than to run any that has ranks.
WITHOUT_JIT = "SET LOCAL jit = off"
# Timeouts in milliseconds: waiting for the board's lock; holding it while idle; running one
# statement. The server gives up before the driver does, which could only say that no
# answer has come.
LOCK_BOARD = f"""
    {WITHOUT_JIT};
    SET LOCAL lock_timeout = 2500;
    SET LOCAL idle_in_transaction_session_timeout = 3500;
    SET LOCAL statement_timeout = 3000;
    {BOARD} FOR NO KEY UPDATE
"""
TRIES = 3  # of a transaction that deadlocked with another one
POSITION = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1"
# A dump from another server may have changes whose numbers this one has not reached.
AHEAD = "seq >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
IS_AHEAD = f"SELECT {AHEAD} FROM (SELECT %s::bigint AS seq) AS position"
RENUMBER = f"UPDATE change SET seq = {NUMBER}, joined = '[]' WHERE {AHEAD}"
NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
# Messages of a topic are numbered and committed in one order, because publishing locks the topic.
# It does not wait for the disk.
PUBLISH = f"""
    WITH ready AS MATERIALIZED (
        SELECT set_config('synchronous_commit', %(durability)s, TRUE),
            pg_advisory_xact_lock(hashtextextended(%(exchange)s || %(topic)s, 0))
    ), published AS (
        INSERT INTO message (seq, exchange, topic, payload, at)
        SELECT {NUMBER}, %(exchange)s, %(topic)s, payload, {NOW}
        FROM ready, unnest(%(payloads)s::text[]) WITH ORDINALITY AS given (payload, number)
        ORDER BY number
    )
    SELECT pg_notify('{MESSAGES}', '')
"""


class PostgresStore(SqlStore):
    """The store in a PostgreSQL database. Each thread has a connection, so two web processes of 16
    threads need 32. None is opened before gunicorn forks."""

    begin_snapshot = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {WITHOUT_JIT}"

    def __init__(self) -> None:
        self.breaker = CircuitBreaker("PostgreSQL", ANSWER_SECONDS)
        super().__init__()

    def check(self) -> None:
        self.breaker.check()

    @maps_db_errors
    def examine(self) -> Examination:
        faults = [*list_faults(), *list_session_faults()]
        [(now,)] = read(f"SELECT {NOW}", ())  # last: the others take a while
        return Examination(faults, now / 1_000_000)

    def run(self, work: Callable[[], R]) -> R:
        if connection.in_atomic_block:
            return work()
        with self.breaker.guard():
            try:
                connect(connection)
                return work()
            except Error as error:
                raise map_error(connection, error) from error

    def transaction(self, board: str | None, work: Callable[[], R]) -> R:
        if connection.in_atomic_block:
            return work()
        return self.run(lambda: transact(board, lambda opened: work()))

    def write_scores(self, board: str, players: Collection[str], work: WriteScores[R]) -> R:
        if connection.in_atomic_block or not players or board != owner_of(board):
            return super().write_scores(board, players, work)

        def take(opened: list[Rows]) -> R:
            boards, scores = opened
            if not boards:
                raise BoardNotFound(board)
            return work(board_row(boards[0]), scores)

        # After the lock: a statement sees what was committed before it began.
        read_scores = format_by_ids(SCORES, [board], players)
        return self.run(lambda: transact(board, take, read_scores, [board, *players]))

    @maps_db_errors
    def get_top_players(self, boards: Iterable[str]) -> dict[str, tuple[Row, list[Row]]]:
        tops: dict[str, tuple[Row, list[Row]]] = {}
        for row in read(ALL_TOPS, {"boards": list(boards)}):
            board, player = row[: len(BOARD_COLUMNS)], row[len(BOARD_COLUMNS) :]
            _, players = tops.setdefault(board[0], (board_row(board), []))
            if player[0] is not None:
                players.append(player_row(player))
        return tops

    @maps_db_errors
    def open_feed(self, parts: Parts = ALL_PARTS) -> Feed:
        self.transaction(None, lambda: write(RENUMBER, {}))
        return open_session(PostgresFeed)

    @maps_db_errors
    def open_message_stream(self) -> MessageStream:
        try:
            return open_session(PostgresMessageStream)
        except Unreachable as error:  # a failure that says nothing of DATABASE_URL
            raise StoreUnavailable(str(error)) from error

    @maps_db_errors
    def publish(self, exchange: str, topic: str, payloads: Sequence[str]) -> None:
        # In a transaction with other changes it is as durable as they are.
        durability = "on" if connection.in_atomic_block else "off"
        values = {"exchange": exchange, "topic": topic, "payloads": [*payloads]}
        write(PUBLISH, {**values, "durability": durability})

    def expire_messages(self, older: float) -> None:
        self.transaction(None, lambda: write(EXPIRE.format(now=NOW), {"older": older}))

    @maps_db_errors
    def position(self) -> int:
        return int(read(POSITION, [])[0][0])

    @maps_db_errors
    def changed_since(self, position: int) -> Iterable[str]:
        [[ahead]] = read(IS_AHEAD, [position])
        return super().changed_since(0 if ahead else position)


def transact(
    board: str | None,
    work: Callable[[list[Rows]], R],
    sql: str = "",
    values: Sequence[Any] = (),
    tries: int = TRIES,
) -> R:
    """Return what `work` returns, run in one transaction that holds the row of the board, or of the
    one to which a window belongs. It begins with that row and `sql`, and `work` takes the rows of
    both. Raises NoAnswer if the answer to the commit is lost."""
    is_committing = False
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    opening, ids = f"{LOCK_BOARD}; {sql}", [board and owner_of(board)]
    try:
        with wrapper.open_transaction(opening, [*ids, *values]) as opened:
            result = work(opened)
            is_committing = True
        return result
    except Error as error:
        if is_committing and is_gone(error):
            raise NoAnswer(f"PostgreSQL: {error}") from error
        if tries > 1 and isinstance(error.__cause__, (DeadlockDetected, SerializationFailure)):
            return transact(board, work, sql, values, tries - 1)
        raise


def open_session(kind: type[L]) -> L:
    """Return a new session that has received its own notification. Raises StoreUnavailable."""
    session = kind()
    try:
        write(f"NOTIFY {kind.channel}", {})  # by another connection, as all others are
        session.check_notifications()
    except (Error, StoreUnavailable):
        session.close()
        raise
    return session
