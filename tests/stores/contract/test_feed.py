"""The contract that every store passes: the feed of changes, and the lease of its reader."""

import time
from typing import Any

import pytest
from django.db import connection

from leaderboardapp.domain.parts import Parts
from leaderboardapp.domain.types import (
    MAX_JOINED,
    Amount,
    Import,
    Lease,
    Row,
)
from leaderboardapp.listener.division import Division, Heartbeat, Part
from leaderboardapp.stores import streams
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.sql.store import SqlStore
from leaderboardapp.stores.streams import Feed
from tests.stores.contract.helpers import add_player, every_kind_of_change, wait_for_change
from tests.support.programs import wait_until


def part_of(board: str) -> Parts:
    """Return the part of the board, of 16."""
    [part] = [part for n in range(16) if (part := Parts(16, frozenset({n}))).have(board)]
    return part


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

    @pytest.mark.stores("sqlite", "postgresql")
    def test_it_rests_after_changes_so_that_many_are_read_together(
        self, store: Any, board: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(streams, "SHORTEST_REST", 60.0)
        feed = store.open_feed()
        feed.rest.longest = 60.0
        try:
            store.update_board(board, {"name": "B"})
            wait_for_change(feed, board)
            began = time.monotonic()
            store.update_board(board, {"name": "C"})
            assert feed.poll(timeout=0.5) == {board: []}
            assert time.monotonic() - began >= 0.5, "it rests for as long as it may"
            assert feed.rest.left() > 30
            began = time.monotonic()
            feed.wake()
            feed.poll(timeout=60)
            assert time.monotonic() - began < 30, "whoever wakes it ends its wait"
        finally:
            feed.close()

    def test_each_feed_reports(self, store: Store, feed: Feed, board: str) -> None:
        other = store.open_feed()
        try:
            store.update_board(board, {"name": "B"})
            wait_for_change(feed, board)
            wait_for_change(other, board)
        finally:
            other.close()

    def test_a_feed_of_some_parts_reports_their_boards(
        self, store: Store, feed: Feed, board: str
    ) -> None:
        feed_of_part = store.open_feed(part_of(board))
        try:
            for change in every_kind_of_change(store, board):
                change()
                wait_for_change(feed_of_part, board)
                wait_until(lambda: not feed_of_part.poll(timeout=0.05), "it to be quiet")
        finally:
            feed_of_part.close()


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

    def test_it_says_who_has_which_part(self, store: Store) -> None:
        free = store.read_lease()
        shared = Lease("shared", free.beat + 1, 5, '{"listeners":{"me":1}}')
        assert store.replace_lease(free, shared)
        assert store.read_lease() == shared
        alone = Lease("me", free.beat + 2, 6)
        assert store.replace_lease(shared, alone)
        assert store.read_lease() == alone

    def test_one_that_an_earlier_version_has_taken_is_of_no_parts(self, store: Any) -> None:
        free = store.read_lease()
        assert store.replace_lease(free, Lease("shared", free.beat + 1, 5, '{"parts":[]}'))
        if isinstance(store, SqlStore):
            with connection.cursor() as cursor:
                cursor.execute("UPDATE lease SET holder = 'old', beat = beat + 1, position = 7")
        else:
            row = {"holder": "old", "beat": free.beat + 2, "position": 7}
            store.db.run(store.db.lease.get("listener").replace({"id": "listener", **row}))
        lease = store.read_lease()
        assert lease[:3] == ("old", free.beat + 2, 7)
        assert Division.decode(lease) == Division(
            {"old": Heartbeat(free.beat + 2, 1)}, [Part("old", 7)]
        )

    def test_the_second_to_take_it_gets_nothing(self, store: Store) -> None:
        free = store.read_lease()
        mine = Lease("me", free.beat + 1, 5)
        assert store.replace_lease(free, mine)
        assert not store.replace_lease(free, Lease("you", free.beat + 1, 6))
        assert not store.replace_lease(free, Lease("me", free.beat + 1, 6))
        assert store.read_lease() == mine

    def test_it_is_replaced_only_if_it_is_the_same_in_every_field(self, store: Store) -> None:
        free = store.read_lease()
        mine = Lease("me", free.beat + 1, 5, "parts")
        assert store.replace_lease(free, mine)
        for other in ({"holder": "you"}, {"beat": 0}, {"position": 6}, {"parts": "other"}):
            assert not store.replace_lease(mine._replace(**other), Lease("you", free.beat + 2, 6))
        assert not store.replace_lease(mine._replace(parts=None), Lease("you", free.beat + 2, 6))
        assert store.read_lease() == mine

    def test_feeds_notice_it_and_report_no_board(self, store: Store, feed: Feed) -> None:
        wait_until(lambda: not feed.poll(timeout=0.05), "the feed to be quiet")
        before = feed.last_activity
        free = store.read_lease()
        assert store.replace_lease(free, free._replace(beat=free.beat + 1))
        assert (
            wait_until(lambda: feed.poll(timeout=0.05) or feed.last_activity > before, "it") is True
        )
