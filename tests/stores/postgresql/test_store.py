"""What only PostgreSQL's store has to get right: locks of other programs, and its indexes."""

import re
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import RANKINGS, Lease, RankPosition
from leaderboardapp.pubsub import Exchange, Message
from leaderboardapp.stores.sql.postgresql.backend import base
from leaderboardapp.stores.sql.postgresql.store import PostgresStore
from tests.stores.postgresql.conftest import Console
from tests.support.programs import wait_until


def test_a_writer_who_met_others_locks_in_the_other_order_tries_again(
    postgres: PostgresStore, board: str, console: Console
) -> None:
    for player in ("bob", "carl"):
        postgres.create_player(board, {"id": player, "name": "A player", "score": 0})
    console.execute(
        "SELECT FROM player WHERE board_id = %s AND player = 'carl' FOR UPDATE", [board]
    )
    done: list[Any] = []

    def add() -> None:
        done.append(postgres.add_score(board, "carl", 5)["score"])
        postgres.close()

    thread = threading.Thread(target=add)
    thread.start()  # has the board, and waits for carl

    def waits() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            return bool(cursor.fetchone()[0])

    wait_until(waits, "the writer to wait")
    try:
        console.execute(
            "UPDATE player SET name = 'C' WHERE board_id = %s AND player = 'carl'", [board]
        )
        console.commit()
    except psycopg.errors.DeadlockDetected:
        console.rollback()
    thread.join()
    assert done == [5]


def test_a_board_that_somebody_keeps_locked_is_busy_and_then_not(
    postgres: PostgresStore, board: str, console: Console
) -> None:
    console.execute("SELECT FROM board WHERE id = %s FOR UPDATE", [board])
    with pytest.raises(StoreUnavailable, match="lock"):
        postgres.add_score(board, "alice", 1)
    assert postgres.get_player(board, "alice")["score"] == 0, "reading does not wait"
    console.rollback()
    assert postgres.add_score(board, "alice", 1)["score"] == 1


def test_a_write_that_is_interrupted_as_it_begins_keeps_nobody_waiting(
    postgres: PostgresStore, console: Console, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by Ctrl-C."""

    def interrupt(cursor: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as at_the_beginning:
        at_the_beginning.setattr(base, "_read_results", interrupt)
        with pytest.raises(KeyboardInterrupt):
            postgres.add_score(board, "alice", 1)
    console.execute("SELECT FROM board WHERE id = %s FOR UPDATE NOWAIT", [board])
    console.rollback()
    assert postgres.add_score(board, "alice", 1)["score"] == 1


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_every_read_of_the_ranking_is_by_index(
    postgres: PostgresStore, board: str, order: str
) -> None:
    postgres.update_board(board, {"order": order})
    postgres.set_score(board, "alice", 3, False)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO player (board_id, player, name, score, reached_at, keys)"
            " SELECT %s, 'p' || n, '', n, n, '[]' FROM generate_series(1, 3000) AS n",
            [board],
        )
        cursor.execute("ANALYZE player, board")
    plans: list[str] = []

    def explain(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        if re.search(r"\bFROM player\b", sql) and sql.lstrip().startswith(("SELECT", "WITH")):
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, params, many, context)

    for ranking in RANKINGS:
        postgres.update_board(board, {"ranking": ranking})
        while postgres.run_maintenance(board):
            pass
        with connection.execute_wrapper(explain):
            postgres.get_ranking_window(board, 5)
            postgres.get_ranking_window(board, 5, after=RankPosition(3))
            postgres.get_ranking_window(board, 5, around="alice")
            postgres.get_selection(board, ["alice", "p7", "p2000"])
            # Of a score that players of other tests hardly have: the planner counts them, too.
            postgres.get_score_rank(board, 2_345)
    with connection.execute_wrapper(explain):
        postgres.get_top_players([board])
    assert len(plans) >= 10
    for plan in plans:
        assert "Seq Scan on player" not in plan, plan
        for rows in re.findall(r"Sort  \(cost=\S+ rows=(\d+)", plan):
            assert int(rows) < 50, plan
        is_one_player = re.search(r"Index Cond: .*board_id.* AND .*player\)::text = ", plan)
        assert "ranked_" in plan or is_one_player, plan


def test_a_rank_reads_no_more_than_a_block_however_many_have_the_same_score(
    postgres: PostgresStore, board: str
) -> None:
    """As when a season has begun, and few have scored."""
    for first in range(1, 12_000, 3_000):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO player (board_id, player, name, score, reached_at, keys)"
                " SELECT %s, 'p' || n, '', CASE WHEN n %% 50 = 0 THEN n ELSE 0 END, n, '[]'"
                " FROM generate_series(%s, %s) AS n",
                [board, first, first + 2_999],
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE player")  # which soon happens by itself, on a board of this size
    while postgres.run_maintenance(board):
        pass
    pages: list[int] = []

    def explain(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        if "WITH" in sql and re.search(r"\bFROM player\b", sql):
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", params)
                plan = "\n".join(line for (line,) in cursor.fetchall())
                pages.append(max(int(number) for number in re.findall(r"hit=(\d+)", plan)))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        for number in range(1_001, 12_000, 4_000):
            postgres.get_ranking_window(board, 1, around=f"p{number}")
    assert len(pages) == 3 and max(pages) < 40, pages


def test_a_lease_whose_row_is_gone_is_not_taken_by_whoever_had_it(postgres: PostgresStore) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM lease")
    mine = Lease("me", 7, 5)
    assert not postgres.replace_lease(mine, mine._replace(beat=8))
    assert postgres.replace_lease(Lease(), Lease("me", 1, 5))


def test_a_message_committed_late_is_heard_and_others_of_its_topic_wait(
    postgres: PostgresStore, board_id: str
) -> None:
    exchange = Exchange(board_id)

    def publish(topic: str) -> None:
        exchange.topic(topic).publish("other")
        postgres.close()

    same, another = (threading.Thread(target=publish, args=[topic]) for topic in ("a", "b"))
    with exchange.queue() as queue:
        events = queue.subscribe()
        with transaction.atomic():
            exchange.topic("a").publish("first")
            same.start()
            another.start()
            assert next(events) == Message("b", "other")
            same.join(0.3)
            assert same.is_alive()
        assert [next(events), next(events)] == [Message("a", "first"), Message("a", "other")]
    for thread in (same, another):
        thread.join()
