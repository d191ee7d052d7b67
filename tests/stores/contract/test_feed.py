"""The contract that every store passes: the feed of changes, and the lease of its reader."""

import time

import pytest

from leaderboardapp.domain.types import (
    MAX_JOINED,
    Amount,
    Import,
    Lease,
    Row,
)
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.sql.store import SqlStore
from leaderboardapp.stores.streams import Feed
from tests.stores.contract.helpers import add_player, every_kind_of_change, wait_for_change
from tests.support.programs import wait_until


class TestFeed:
    def test_every_kind_of_change_is_reported(self, store: Store, feed: Feed, board: str) -> None:
        wait_for_change(feed, board)
        for change in every_kind_of_change(store, board):
            change()
            wait_for_change(feed, board)
            wait_until(lambda: not feed.poll(timeout=0.05), "the feed to be quiet")

    def test_many_changes_of_a_board_are_one(self, store: Store, feed: Feed, board: str) -> None:
        add_player(store, board, "alice")
        for _ in range(5):
            store.add_score(board, "alice", 1)
        reported = 0

        def quiet() -> bool:
            nonlocal reported
            boards = feed.poll(timeout=0.2)
            reported += board in boards
            return bool(reported) and not boards

        wait_until(quiet, "the feed to report and be quiet")
        assert reported <= 2  # RethinkDB's last changes may have been on their way

    def test_new_players_are_named_and_no_others(
        self, store: Store, feed: Feed, board: str
    ) -> None:
        wait_for_change(feed, board)
        reported: list[Row] = []

        def arrives(player: str) -> bool:
            reported.extend(feed.poll(timeout=0.1).get(board, []))
            return any(row["id"] == player for row in reported)

        add_player(store, board, "alice", 7)
        wait_until(lambda: arrives("alice"), "alice")
        store.add_score(board, "alice", 1)
        store.update_player(board, "alice", {"name": "Alicia"})
        add_player(store, board, "bob")
        wait_until(lambda: arrives("bob"), "bob")
        assert reported == [
            {"id": "alice", "name": "Alice", "score": 7},
            {"id": "bob", "name": "Bob", "score": 0},
        ]

    def test_the_newest_players_of_an_import_are_named(
        self, store: Store, feed: Feed, board: str
    ) -> None:
        wait_for_change(feed, board)
        amounts = [Amount(f"p{number}", "A player", (1,)) for number in range(100)]
        store.import_batch(board, "f", Import(0, 100, "a"), amounts)
        reported: list[Row] = []

        def arrives() -> bool:
            changes = feed.poll(timeout=0.1)
            assert len(changes.get(board, [])) <= MAX_JOINED
            reported.extend(changes.get(board, []))
            return bool(reported) and not changes

        wait_until(arrives, "the new players, and quiet")
        if isinstance(store, SqlStore):  # RethinkDB keeps none
            order = [int(player["id"][1:]) for player in reported]
            assert order == sorted(order), "in the order in which they joined"

    def test_without_changes_it_waits_and_returns_nothing(self, feed: Feed) -> None:
        wait_until(lambda: not feed.poll(timeout=0.1), "the feed to be quiet")

    def test_each_feed_reports(self, store: Store, feed: Feed, board: str) -> None:
        other = store.open_feed()
        try:
            store.update_board(board, {"name": "B"})
            wait_for_change(feed, board)
            wait_for_change(other, board)
        finally:
            other.close()


class TestReconciling:
    def test_whatever_changed_after_a_position_is_found(self, store: Store, board: str) -> None:
        for change in every_kind_of_change(store, board):
            position = store.position()
            change()
            assert board in set(store.changed_since(position))
            assert board in set(store.changed_since(0))

    def test_what_changed_long_before_is_not(
        self, store: Store, board: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("leaderboardapp.stores.rethinkdb.store.TOLERANCE_MS", -1)
        time.sleep(0.01)  # RethinkDB's stamps are milliseconds
        assert list(store.changed_since(store.position())) == []


class TestLease:
    @pytest.fixture(autouse=True)
    def nobody(self, store: Store) -> None:
        old = store.read_lease()
        assert store.replace_lease(old, Lease("", old.beat + 1, 0))

    def test_it_is_taken_and_renewed(self, store: Store) -> None:
        free = store.read_lease()
        mine = Lease("me", free.beat + 1, 5)
        assert store.replace_lease(free, mine)
        assert store.read_lease() == mine
        assert store.replace_lease(mine, mine._replace(beat=mine.beat + 1, position=7))
        assert store.read_lease() == Lease("me", free.beat + 2, 7)

    def test_the_second_to_take_it_gets_nothing(self, store: Store) -> None:
        free = store.read_lease()
        mine = Lease("me", free.beat + 1, 5)
        assert store.replace_lease(free, mine)
        assert not store.replace_lease(free, Lease("you", free.beat + 1, 6))
        assert not store.replace_lease(free, Lease("me", free.beat + 1, 6))
        assert store.read_lease() == mine

    def test_feeds_notice_it_and_report_no_board(self, store: Store, feed: Feed) -> None:
        wait_until(lambda: not feed.poll(timeout=0.05), "the feed to be quiet")
        before = feed.last_activity
        free = store.read_lease()
        assert store.replace_lease(free, free._replace(beat=free.beat + 1))
        assert (
            wait_until(lambda: feed.poll(timeout=0.05) or feed.last_activity > before, "it") is True
        )
