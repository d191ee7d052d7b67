"""PostgreSQL's feed: nothing is missed, though it sleeps and commits come in any order."""

import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import Changes
from leaderboardapp.stores.sql.postgresql import connection as postgresql_connection
from leaderboardapp.stores.sql.postgresql import feed as postgresql_feed
from leaderboardapp.stores.sql.postgresql import store as postgresql
from leaderboardapp.stores.sql.postgresql.feed import AWAKE_SECONDS, BUSY_SECONDS, PostgresFeed
from leaderboardapp.stores.sql.postgresql.listen_notify import CHANNEL
from leaderboardapp.stores.sql.postgresql.store import PostgresStore
from leaderboardapp.stores.streams import Feed
from tests.stores.postgresql.conftest import Console
from tests.support.programs import wait_until


@pytest.fixture
def feed(postgres: PostgresStore) -> Iterator[Feed]:
    feed = postgres.open_feed()
    yield feed
    feed.close()


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


def test_a_feed_that_a_change_wakes_as_it_falls_asleep_misses_nothing(
    feed: PostgresFeed, board: str, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = feed.query

    def change() -> None:
        console.execute("UPDATE player SET score = score + 1 WHERE board_id = %s", [board])
        console.commit()

    def change_at_once(sql: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        rows = query(sql, values)
        if sql == postgresql_feed.FALL_ASLEEP and rows[0][0]:
            monkeypatch.setattr(feed, "query", query)
            change()
        return rows

    quiet(feed)
    monkeypatch.setattr(postgresql_feed, "BUSY_SECONDS", 60)
    monkeypatch.setattr(feed, "query", change_at_once)
    assert feed.poll(timeout=20) == {board: []}
    assert not feed.asleep
    later = threading.Timer(0.1, change)
    later.start()
    began = time.monotonic()
    assert feed.poll(timeout=20) == {board: []}
    assert time.monotonic() - began < 10, "it does not notice only at the end of its timeout"
    later.join()


def test_a_feed_does_not_fall_asleep_before_a_change_that_nobody_will_notify_it_of(
    postgres: PostgresStore, feed: PostgresFeed, board: str, console: Console
) -> None:
    quiet(feed)
    assert not feed.asleep
    console.execute("UPDATE player SET score = 9 WHERE board_id = %s", [board])
    began = time.monotonic()
    assert feed.poll(timeout=0.6) == {}
    assert not feed.asleep
    assert reads(feed) <= 0.2 / AWAKE_SECONDS + 1, "it rests between two reads"
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


@pytest.fixture
def second(postgres: PostgresStore, feed: PostgresFeed, board: str) -> Iterator[PostgresFeed]:
    """A feed that dozes while the first one is asleep."""
    fall_asleep(feed)
    second = postgres.open_feed()
    assert isinstance(second, PostgresFeed)
    wait_until(lambda: not second.poll(timeout=0.05) and reads(second) < 5, "the feed to doze")
    yield second
    second.close()


def reads(feed: PostgresFeed) -> int:
    """Return how often the feed reads the table in a fifth of a second."""
    count, read = 0, feed._read

    def count_and_read() -> Changes:
        nonlocal count
        count += 1
        return read()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "_read", count_and_read)
        feed.poll(timeout=0.2)
    return count


def test_both_feeds_are_notified_of_a_change_while_one_sleeps_and_one_dozes(
    postgres: PostgresStore, feed: PostgresFeed, second: PostgresFeed, board: str
) -> None:
    began = time.monotonic()
    postgres.add_score(board, "alice", 1)
    assert feed.poll(timeout=20) == second.poll(timeout=20) == {board: []}
    assert time.monotonic() < began + 4, "they do not notice only at the end of their timeout"


def test_a_feed_that_wakes_for_good_wakes_one_that_dozes(
    postgres: PostgresStore,
    feed: PostgresFeed,
    second: PostgresFeed,
    board: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fall_asleep(feed)
    postgres.add_score(board, "alice", 1)
    assert second.poll(timeout=20) == {board: []}
    monkeypatch.setattr(postgresql_feed, "BUSY_SECONDS", 60.0)
    pause = second._pause

    def wake_first_one(seconds: float) -> None:
        if feed.asleep and second.dozes:
            assert feed.poll(timeout=20) == {board: []}  # soon after the last one, so it wakes
            assert not feed.asleep
            postgres.add_score(board, "alice", 1)  # of which nobody is notified
        pause(seconds)

    monkeypatch.setattr(second, "_pause", wake_first_one)
    began = time.monotonic()
    assert second.poll(timeout=20) == {board: []}
    assert time.monotonic() < began + 4, "it does not notice only at the end of its timeout"


def test_a_feed_that_dozed_sleeps_when_the_other_one_is_closed(
    postgres: PostgresStore, feed: PostgresFeed, second: PostgresFeed, board: str
) -> None:
    feed.close()
    assert second.wait(10), "it is notified"
    fall_asleep(second)
    postgres.add_score(board, "alice", 1)
    assert second.poll(timeout=20) == {board: []}


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


def test_notifications_of_another_feed_do_not_pile_up_while_change_follows_change(
    postgres: PostgresStore, feed: PostgresFeed, second: PostgresFeed, board: str
) -> None:
    for _ in range(5):
        postgres.add_score(board, "alice", 1)
        assert second.poll(timeout=20)
        assert feed.asleep
    assert len(second.connection.connection._notifies_backlog) < 3


def test_a_feed_whose_connection_ends_while_it_sleeps_is_unavailable(
    postgres: PostgresStore, feed: PostgresFeed, console: Console
) -> None:
    fall_asleep(feed)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    threading.Timer(0.2, console.execute, [ended]).start()
    with pytest.raises(StoreUnavailable):
        feed.poll(timeout=5)


def test_a_feed_that_cannot_begin_is_unavailable(
    postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_connection, "KEEP_ALIVE", "SELECT * FROM nowhere")
    with pytest.raises(StoreUnavailable, match="nowhere"):
        postgres.open_feed()


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


def test_notifications_that_do_not_arrive_are_an_error(
    postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_connection, "NOTIFY_SECONDS", 0.1)
    monkeypatch.setattr(postgresql, "write", lambda *_: 0)
    with pytest.raises(StoreUnavailable, match="DATABASE_FEED_URL"):
        postgres.open_feed()
