"""What only PostgreSQL's store has to get right, against a real server."""

import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import trustme
from django.db import connection, transaction

from leaderboardapp import models
from leaderboardapp.domain import ranking as ranks
from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.types import RANKINGS, Lease, RankPosition
from leaderboardapp.pubsub import Exchange, Message
from leaderboardapp.stores.base import Feed
from leaderboardapp.stores.circuit_breaker import OPEN_SECONDS
from leaderboardapp.stores.sql import rank_blocks as blocks
from leaderboardapp.stores.sql.models import BlockRow
from leaderboardapp.stores.sql.postgresql import connection as postgresql_connection
from leaderboardapp.stores.sql.postgresql import feed as postgresql_feed
from leaderboardapp.stores.sql.postgresql import store as postgresql
from leaderboardapp.stores.sql.postgresql.backend import base
from leaderboardapp.stores.sql.postgresql.feed import BUSY_SECONDS, PostgresFeed
from leaderboardapp.stores.sql.postgresql.store import PostgresStore
from leaderboardapp.stores.sql.postgresql.triggers import CHANNEL
from leaderboardapp.stores.sql.statements import read, write
from tests.support.programs import PROJECT, wait_until
from tests.support.servers import PostgresServer
from tests.support.store import store_at

Console = psycopg.Connection[Any]


@pytest.fixture
def postgres(postgresql_url: str) -> Iterator[PostgresStore]:
    with store_at(postgresql_url) as store:
        store.ensure()
        yield store


@pytest.fixture
def feed(postgres: PostgresStore) -> Iterator[Feed]:
    feed = postgres.open_feed()
    yield feed
    feed.close()


@pytest.fixture
def board(postgres: PostgresStore, board_id: str) -> str:
    postgres.create_board({"id": board_id, "name": "", "size": 5})
    postgres.create_player(board_id, {"id": "alice", "name": "Alice", "score": 0})
    return board_id


@pytest.fixture
def console(postgresql_url: str, postgres: PostgresStore) -> Iterator[Console]:
    """Another program's connection, which commits when it is told to."""
    with psycopg.connect(postgresql_url) as console:
        yield console
        console.rollback()


def quiet(feed: Feed) -> None:
    wait_until(lambda: not feed.poll(timeout=0), "the feed to be quiet")


def fall_asleep(feed: PostgresFeed) -> None:
    wait_until(lambda: not feed.poll(timeout=0.05) and feed.asleep, "the feed to fall asleep")


def test_a_change_that_is_committed_after_later_ones_is_not_missed(
    postgres: PostgresStore, feed: Feed, board: str, console: Console
) -> None:
    postgres.create_board({"id": f"{board}-2", "name": "", "size": 5})
    console.execute("UPDATE player SET score = 9 WHERE board_id = %s", [board])
    postgres.update_board(f"{board}-2", {"name": "B"})
    wait_until(lambda: f"{board}-2" in feed.poll(timeout=0.1), "the later change")
    position = postgres.position()
    assert board not in feed.poll(timeout=0)
    console.commit()
    assert board in feed.poll(timeout=5)
    assert board in postgres.changed_since(position)


def test_a_new_player_who_is_committed_late_is_reported_once(
    postgres: PostgresStore, feed: Feed, board: str, console: Console
) -> None:
    quiet(feed)
    console.execute(
        "INSERT INTO player (board_id, player, name, score, reached_at, keys)"
        " VALUES (%s, 'bob', 'Bob', 7, 1, '[]')",
        [board],
    )
    postgres.create_board({"id": f"{board}-2", "name": "", "size": 5})
    postgres.create_player(f"{board}-2", {"id": "carl", "name": "Carl"})
    assert feed.poll(timeout=5)[f"{board}-2"] == [{"id": "carl", "name": "Carl", "score": 0}]
    console.commit()
    assert feed.poll(timeout=5) == {board: [{"id": "bob", "name": "Bob", "score": 7}]}
    postgres.add_score(board, "bob", 1)
    assert feed.poll(timeout=5) == {board: []}


def test_a_feed_that_falls_asleep_misses_nothing(
    postgres: PostgresStore, feed: Feed, board: str
) -> None:
    """Changes come at all distances around those at which it falls asleep and wakes."""

    added: list[float] = []

    def add() -> None:
        postgres.add_score(board, "alice", 1)
        added.append(time.monotonic())
        postgres.close()

    chance = random.Random(5)
    quiet(feed)
    for _ in range(30):
        pause = chance.choice([0.0, 0.01, 0.03, 0.19, 0.2, 0.21, 0.25])
        change = threading.Timer(pause, add)
        change.start()
        assert feed.poll(timeout=20) == {board: []}
        reported = time.monotonic()
        change.join()
        assert reported < added[-1] + 4, "it does not notice only at the end of its timeout"
        quiet(feed)


def test_a_feed_does_not_fall_asleep_before_a_change_that_nobody_will_notify_it_of(
    postgres: PostgresStore, feed: PostgresFeed, board: str, console: Console
) -> None:
    quiet(feed)
    assert not feed.asleep
    console.execute("UPDATE player SET score = 9 WHERE board_id = %s", [board])
    began = time.monotonic()
    assert feed.poll(timeout=0.6) == {}
    assert not feed.asleep
    console.commit()
    assert feed.poll(timeout=20) == {board: []}
    assert time.monotonic() - began < 4, "it does not notice only at the end of its timeout"


def test_while_much_happens_nobody_is_notified(
    postgres: PostgresStore,
    feed: PostgresFeed,
    board: str,
    postgresql_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # However long a commit takes on a busy disk, much happens.
    monkeypatch.setattr(postgresql_feed, "BUSY_SECONDS", 5.0)
    fall_asleep(feed)
    with psycopg.connect(postgresql_url, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}".encode())
        for _ in range(100):
            postgres.add_score(board, "alice", 1)
            feed.poll(timeout=0)
        notified = len(list(listener.notifies(timeout=0.5)))
    assert 1 <= notified < 20


def test_a_second_feed_reports_though_only_one_can_sleep(
    postgres: PostgresStore, feed: PostgresFeed, board: str
) -> None:
    second = postgres.open_feed()
    fall_asleep(feed)
    quiet(second)
    began = time.monotonic()
    postgres.add_score(board, "alice", 1)
    assert feed.poll(timeout=20) == second.poll(timeout=20) == {board: []}
    assert time.monotonic() < began + 4, "they do not notice only at the end of their timeout"
    second.close()


def test_notifications_of_another_feed_do_not_pile_up(
    postgres: PostgresStore, feed: PostgresFeed, board: str
) -> None:
    second = postgres.open_feed()
    assert isinstance(second, PostgresFeed)
    fall_asleep(feed)
    for _ in range(5):
        postgres.add_score(board, "alice", 1)
        time.sleep(BUSY_SECONDS)  # so that the first one is notified each time
        assert feed.asleep
        second.poll(timeout=0.1)
        feed.poll(timeout=0.1)

    def done() -> bool:
        return not second.poll(timeout=0.05) and not second.connection.connection._notifies_backlog

    wait_until(done, "the last ones to be taken")
    second.close()


def test_a_feed_whose_connection_ends_while_it_sleeps_is_unavailable(
    postgres: PostgresStore, feed: PostgresFeed, console: Console
) -> None:
    fall_asleep(feed)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    threading.Timer(0.2, console.execute, [ended]).start()
    with pytest.raises(StoreUnavailable):
        feed.poll(timeout=5)


def test_a_statement_that_takes_too_long_is_refused_and_leaves_the_breaker_closed(
    postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "LOCK_BOARD", postgresql.LOCK_BOARD.replace("3000", "100"))
    with pytest.raises(StoreUnavailable, match="statement timeout"):
        postgres.transaction(None, lambda: write("SELECT pg_sleep(60)", {}))
    postgres.ping()


def test_a_server_that_does_not_answer_opens_the_breaker(
    postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as limits:
        limits.setattr(base, "ANSWER_SECONDS", 0.2)
        postgres.close()  # the next connection has the new limit
        with pytest.raises(StoreUnavailable):
            postgres.run(lambda: read("SELECT pg_sleep(60)", []))
    with pytest.raises(StoreUnavailable, match="did not answer just now"):
        postgres.ping()
    time.sleep(OPEN_SECONDS)
    postgres.ping()


def test_a_commit_whose_answer_is_lost_is_of_unknown_outcome(
    postgres: PostgresStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection ends at once after the last statement, or in the middle of them."""

    def end() -> None:
        connection.connection.close()

    with pytest.raises(OutcomeUnknown):
        postgres.transaction(board, end)
    time.sleep(OPEN_SECONDS)

    def end_early() -> None:
        end()
        read("SELECT 1", [])

    with pytest.raises(StoreUnavailable) as raised:
        postgres.transaction(board, end_early)
    assert not isinstance(raised.value, OutcomeUnknown)
    time.sleep(OPEN_SECONDS)
    postgres.ping()


def test_an_index_may_take_longer_than_an_answer(
    postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "ANSWER_SECONDS", 1.0)
    postgres.close()
    with connection.schema_editor() as editor:
        editor.execute("SELECT pg_sleep(1.5)")
    with pytest.raises(StoreUnavailable):
        postgres.run(lambda: read("SELECT pg_sleep(60)", []))
    time.sleep(OPEN_SECONDS)


def test_a_truncated_table_is_in_the_feed(
    postgres: PostgresStore, feed: Feed, board: str, console: Console
) -> None:
    quiet(feed)
    console.execute("TRUNCATE player")
    console.commit()
    assert board in feed.poll(timeout=5)


def test_numbers_from_another_server_are_no_mark(postgres: PostgresStore, board: str) -> None:
    """A dump was loaded here, with a lease and changes of a server that had counted further."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE change SET seq = %s WHERE board = %s", [2**50, board])
    assert board in postgres.changed_since(2**50)
    feed = postgres.open_feed()
    quiet(feed)
    postgres.add_score(board, "alice", 1)
    assert board in feed.poll(timeout=5)
    assert feed.poll(timeout=0) == {}
    feed.close()


def test_counts_of_blocks_are_exact_whoever_writes(
    postgres: PostgresStore,
    board: str,
    postgresql_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The service and other programs at once, with several rows in a statement and all rankings."""
    monkeypatch.setattr(blocks, "BLOCK", 4)
    monkeypatch.setattr(blocks, "MOST", 8)
    players = [f"p{number}" for number in range(30)]
    for player in players:
        postgres.create_player(board, {"id": player, "name": "", "score": 0})

    def other(seed: int) -> None:
        chance = random.Random(seed)
        with psycopg.connect(postgresql_url, autocommit=True) as console:
            for _ in range(10):
                some = chance.sample(players, 5)
                try:
                    console.execute(
                        "UPDATE player SET score = %s, hidden = %s"
                        " WHERE board_id = %s AND player = ANY(%s)",
                        [chance.randrange(20), chance.random() < 0.2, board, some],
                    )
                except psycopg.errors.DeadlockDetected:
                    pass  # as a program has to expect that locks several rows

    def service(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(15):
            try:
                postgres.set_score(board, chance.choice(players), chance.randrange(20), False)
                postgres.run_maintenance(board)
            except StoreUnavailable as error:
                assert re.search("deadlock|lock timeout", str(error))
        postgres.close()

    for ranking in RANKINGS:
        row = postgres.update_board(board, {"ranking": ranking})
        works = [(other, 1), (other, 2), (service, 3), (service, 4)]
        threads = [threading.Thread(target=work, args=[seed]) for work, seed in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while postgres.run_maintenance(board):
            pass
        assert BlockRow.objects.filter(board_id=board).count() >= 2
        expected = ranks.assign_ranks(row, postgres.get_ranking_window(row, 100).rows)
        rows_read = [
            models.get_player_with_rank(row, postgres.get_player(board, player["id"]))
            for player in expected
        ]
        assert [row and row["rank"] for row in rows_read] == [row["rank"] for row in expected]


def test_an_older_snapshot_does_not_miss_the_first_block(
    postgres: PostgresStore, board: str, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "MOST", 0)
    console.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    console.execute("SELECT 1 FROM player")
    assert postgres.run_maintenance(board)
    assert BlockRow.objects.filter(board_id=board).exists()
    with pytest.raises(psycopg.errors.SerializationFailure):
        console.execute("UPDATE player SET score = 3 WHERE board_id = %s", [board])


def test_a_writer_who_met_others_locks_in_the_other_order_tries_again(
    postgres: PostgresStore, board: str, console: Console
) -> None:
    for player in ("bob", "carl"):
        postgres.create_player(board, {"id": player, "name": "", "score": 0})
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


def test_notifications_that_do_not_arrive_are_an_error(
    postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_connection, "NOTIFY_SECONDS", 0.1)
    monkeypatch.setattr(postgresql, "write", lambda *_: 0)
    with pytest.raises(StoreUnavailable, match="DATABASE_FEED_URL"):
        postgres.open_feed()


def test_every_connection_is_closed_that_is_opened(postgres: PostgresStore, board: str) -> None:
    """However often a listener begins anew."""
    with connection.cursor() as cursor:

        def connected() -> set[int]:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND backend_type = 'client backend'"
            )
            return {pid for [pid] in cursor.fetchall()}

        before = connected()
        for _ in range(5):
            postgres.open_feed().close()
        wait_until(lambda: connected() <= before, "the connections to be closed")


def test_nothing_is_connected_before_gunicorn_forks(postgresql_url: str) -> None:
    program = (
        "import leaderboard_project.wsgi; from django.db import connections;"
        "print([c.connection for c in connections.all(initialized_only=True)])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": postgresql_url},
        capture_output=True,
        text=True,
    )
    assert result.stdout.strip() in ("[]", "[None]")


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_every_read_of_the_ranking_is_by_index(
    postgres: PostgresStore, board: str, order: str
) -> None:
    row = postgres.update_board(board, {"order": order})
    alice = postgres.set_score(board, "alice", 3, False)
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
        if sql.lstrip().startswith(("SELECT", "WITH")):
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        for ranking in RANKINGS:
            row["ranking"] = ranking
            postgres.get_ranking_window(row, 5)
            postgres.get_ranking_window(row, 5, after=RankPosition(3))
            postgres.get_ranking_window(row, 5, around=alice)
        postgres.get_top_players([board])
    assert len(plans) >= 10
    for plan in plans:
        assert "Seq Scan on player" not in plan, plan
        for rows in re.findall(r"Sort  \(cost=\S+ rows=(\d+)", plan):
            assert int(rows) < 50, plan
        assert "ranked_" in plan, plan


def test_tls_is_checked_as_the_url_says(tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("localhost")
    tls = {
        "ssl_key_file": certificate.private_key_pem.bytes(),
        "ssl_cert_file": b"".join(part.bytes() for part in certificate.cert_chain_pems),
    }
    with PostgresServer(tls) as server:
        url = server.database("tls").replace("127.0.0.1", "localhost")
        for name, issuer in (("right", authority), ("wrong", other)):
            issuer.cert_pem.write_to_path(tmp_path / f"{name}.pem")
        query = "sslmode=verify-full&sslrootcert="
        with store_at(f"{url}?{query}{tmp_path}/right.pem") as store:
            store.ensure()
            with connection.cursor() as cursor:
                cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                assert cursor.fetchone() == (True,)
            store.open_feed().close()
        with (
            store_at(f"{url}?{query}{tmp_path}/wrong.pem") as store,
            pytest.raises(StoreUnavailable, match="certificate"),
        ):
            store.ping()


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
