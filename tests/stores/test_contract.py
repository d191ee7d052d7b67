"""The contract that every store passes."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from django.core.exceptions import ObjectDoesNotExist
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboardapp.domain.exceptions import AlreadyExists, EmailTaken, ImportMoved, ScoreOutOfRange
from leaderboardapp.domain.types import (
    BOARD_DEFAULTS,
    KEYS_REMEMBERED,
    MAX_JOINED,
    MAX_SCORE,
    Amount,
    Import,
    Lease,
    Row,
)
from leaderboardapp.stores.base import Feed, Store
from leaderboardapp.stores.sql.store import SqlStore
from tests.support.programs import wait_until


@pytest.fixture
def board(store: Store, board_id: str) -> str:
    store.create_board({"id": board_id, "name": "A board", "size": 5})
    return board_id


@pytest.fixture
def feed(store: Store) -> Iterator[Feed]:
    feed = store.open_feed()
    yield feed
    feed.close()


def add_player(store: Store, board: str, player: str, score: int = 0) -> Row:
    store.create_player(board, {"id": player, "name": player.title(), "score": score})
    return store.get_player(board, player)


def top_scores(store: Store, board: str) -> dict[str, int]:
    return {
        row["id"]: row["score"]
        for row in store.get_ranking_window(store.get_board(board), 1000).rows
    }


def rank_of(store: Store, board: str, player: str) -> int:
    around = store.get_player(board, player)
    return store.get_ranking_window(store.get_board(board), 1, around=around).before + 1


def public_fields(row: Row) -> Row:
    return {field: row[field] for field in ("id", "name", "score")}


def wait_for_change(feed: Feed, board: str) -> None:
    wait_until(lambda: board in feed.poll(timeout=0.1), f"{board} in the feed")


def every_kind_of_change(store: Store, board: str) -> list[Callable[[], object]]:
    """To be made in this order."""
    return [
        lambda: add_player(store, board, "alice"),
        lambda: store.add_score(board, "alice", 1),
        lambda: store.update_player(board, "alice", {"name": "B"}),
        lambda: store.import_batch(board, "f", Import(0, 9, "a"), [Amount("bob", "Bob", 1)]),
        lambda: store.delete_player(board, "alice"),
        lambda: store.update_board(board, {"name": "B"}),
        lambda: store.delete_board(board),
    ]


class TestBoards:
    def test_a_created_board_is_read_back(self, store: Store, board: str) -> None:
        assert store.get_board(board) == {**BOARD_DEFAULTS, "id": board, "name": "A board"}

    def test_a_taken_id_is_refused_and_the_board_unchanged(self, store: Store, board: str) -> None:
        with pytest.raises(AlreadyExists, match=board):
            store.create_board({"id": board, "name": "Another", "size": 9})
        assert store.get_board(board)["name"] == "A board"

    def test_an_update_changes_only_the_given_fields(self, store: Store, board: str) -> None:
        updated = {**BOARD_DEFAULTS, "id": board, "name": "B", "max": 9}
        assert store.update_board(board, {"name": "B", "max": 9}) == updated
        assert store.get_board(board) == updated

    def test_a_deleted_board_takes_its_players_along(self, store: Store, board: str) -> None:
        add_player(store, board, "alice", 3)
        store.delete_board(board)
        store.create_board({"id": board, "name": "", "size": 5})
        assert top_scores(store, board) == {}

    def test_what_is_missing_does_not_exist(self, store: Store, board_id: str) -> None:
        for call in (
            lambda: store.get_board(board_id),
            lambda: store.update_board(board_id, {"name": "B"}),
            lambda: store.delete_board(board_id),
            lambda: add_player(store, board_id, "alice"),
            lambda: store.get_player(board_id, "alice"),
            lambda: store.update_player(board_id, "alice", {"name": "B"}),
            lambda: store.delete_player(board_id, "alice"),
            lambda: store.add_score(board_id, "alice", 1),
            lambda: store.add_score(board_id, "alice", 1, "a key"),
            lambda: store.set_score(board_id, "alice", 1, only_better=True),
            lambda: store.import_batch(board_id, "file", Import(0, 1, "x"), []),
        ):
            with pytest.raises(ObjectDoesNotExist):
                call()
        assert store.get_top_players([board_id]) == {}


class TestHiddenPlayers:
    def test_they_are_listed_by_id_from_one_on(self, store: Store, board: str) -> None:
        for player in ("dora", "Bob", "alice", "_eve", "carl"):
            add_player(store, board, player, 3)
        for player in ("dora", "Bob", "alice", "_eve"):
            store.update_player(board, player, {"hidden": True})
        listed = store.list_hidden(board, "", 10)
        assert [row["id"] for row in listed] == ["Bob", "_eve", "alice", "dora"]
        assert listed[0] == store.get_player(board, "Bob")
        assert [row["id"] for row in store.list_hidden(board, "Bob", 2)] == ["_eve", "alice"]
        assert store.list_hidden(board, "dora", 10) == []

    def test_those_of_other_boards_are_not(self, store: Store, board: str) -> None:
        other = f"{board}-2"
        store.create_board({"id": other, "name": "", "size": 5})
        add_player(store, other, "alice")
        store.update_player(other, "alice", {"hidden": True})
        assert store.list_hidden(board, "", 10) == []

    def test_who_is_shown_again_or_deleted_is_not(self, store: Store, board: str) -> None:
        for player in ("alice", "bob"):
            add_player(store, board, player)
            store.update_player(board, player, {"hidden": True})
        store.update_player(board, "alice", {"hidden": False})
        store.delete_player(board, "bob")
        assert store.list_hidden(board, "", 10) == []

    def test_their_score_of_a_past_season_is_over(self, store: Store, board: str) -> None:
        add_player(store, board, "alice", 3)
        store.update_player(board, "alice", {"hidden": True})
        store.start_next_season(board, 1, "2026-01-01T00:00:00Z")
        assert store.list_hidden(board, "", 10) == [store.get_player(board, "alice")]
        assert store.list_hidden(board, "", 10)[0]["score"] == 0

    def test_an_increment_brings_them_into_the_season(self, store: Store, board: str) -> None:
        add_player(store, board, "alice", 3)
        store.update_player(board, "alice", {"hidden": True})
        store.start_next_season(board, 1, "2026-01-01T00:00:00Z")
        added = store.add_score(board, "alice", 2)
        assert added == store.get_player(board, "alice")
        assert (added["score"], added["not_carried_over"]) == (2, False)


class TestPlayers:
    def test_a_player_may_be_on_many_boards(self, store: Store, board: str) -> None:
        other = f"{board}-2"
        store.create_board({"id": other, "name": "", "size": 5})
        add_player(store, board, "alice", 1)
        add_player(store, other, "alice", 2)
        assert store.get_player(board, "alice")["score"] == 1
        assert store.get_player(other, "alice")["score"] == 2

    def test_the_longest_ids_are_kept_apart(self, store: Store) -> None:
        board = uuid.uuid4().hex * 2
        store.create_board({"id": board, "name": "", "size": 5})
        for player in ("p" * 64, "p" * 63, "p" * 63 + "q"):
            add_player(store, board, player)
        assert len(top_scores(store, board)) == 3

    def test_a_taken_id_is_refused_and_the_player_unchanged(self, store: Store, board: str) -> None:
        before = add_player(store, board, "alice", 7)
        with pytest.raises(AlreadyExists, match="alice"):
            add_player(store, board, "alice", 0)
        assert store.get_player(board, "alice") == before

    def test_a_rename_leaves_score_and_rank(self, store: Store, board: str) -> None:
        add_player(store, board, "alice", 7)
        add_player(store, board, "bob", 7)
        renamed = store.update_player(board, "alice", {"name": "Ällice"})
        assert public_fields(renamed) == {"id": "alice", "name": "Ällice", "score": 7}
        assert rank_of(store, board, "alice") == 1

    def test_a_score_that_is_set_counts_as_reached_now(self, store: Store, board: str) -> None:
        add_player(store, board, "alice", 1)
        add_player(store, board, "bob", 7)
        assert store.set_score(board, "alice", 7, only_better=False)["score"] == 7
        assert rank_of(store, board, "alice") == 2
        store.set_score(board, "bob", 7, only_better=False)
        assert rank_of(store, board, "bob") == 1

    def test_a_deleted_player_is_gone(self, store: Store, board: str) -> None:
        add_player(store, board, "alice")
        store.delete_player(board, "alice")
        with pytest.raises(ObjectDoesNotExist):
            store.get_player(board, "alice")


class TestScoreAdd:
    def test_it_returns_the_sum(self, store: Store, board: str) -> None:
        add_player(store, board, "alice", 7)
        expected = {"id": "alice", "name": "Alice", "score": 4}
        assert public_fields(store.add_score(board, "alice", -3)) == expected
        assert public_fields(store.get_player(board, "alice")) == expected

    def test_concurrent_increments_are_all_counted(self, store: Store, board: str) -> None:
        add_player(store, board, "alice")

        def add_twenty() -> None:
            for _ in range(20):
                store.add_score(board, "alice", 1)
            store.close()

        threads = [threading.Thread(target=add_twenty) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.get_player(board, "alice")["score"] == 80

    def test_a_key_counts_once_for_each_player(self, store: Store, board: str) -> None:
        for player in ("alice", "bob"):
            add_player(store, board, player)
            assert store.add_score(board, player, 5, "k")["score"] == 5
            assert store.add_score(board, player, 5, "k")["score"] == 5
        assert store.add_score(board, "alice", 1, "another")["score"] == 6
        assert store.add_score(board, "alice", 1)["score"] == 7

    def test_the_newest_keys_are_remembered(self, store: Store, board: str) -> None:
        add_player(store, board, "alice")
        keys = [f"key-{number}" for number in range(KEYS_REMEMBERED + 1)]
        for key in keys:
            store.add_score(board, "alice", 1, key)
        for key in keys[1:]:
            store.add_score(board, "alice", 1, key)
        assert store.get_player(board, "alice")["score"] == len(keys)
        assert store.add_score(board, "alice", 1, keys[0])["score"] == len(keys) + 1, "no others"

    @pytest.mark.parametrize("sign", [1, -1])
    def test_a_sum_out_of_range_changes_nothing(self, store: Store, board: str, sign: int) -> None:
        add_player(store, board, "alice", sign * (MAX_SCORE - 1))
        assert store.add_score(board, "alice", sign)["score"] == sign * MAX_SCORE
        with pytest.raises(ScoreOutOfRange):
            store.add_score(board, "alice", sign)
        assert store.get_player(board, "alice")["score"] == sign * MAX_SCORE


class TestRanks:
    def test_of_equal_scores_the_first_to_reach_it_ranks_higher(
        self, store: Store, board: str
    ) -> None:
        for player in ("alice", "bob", "carol"):
            add_player(store, board, player)
        for player in ("carol", "alice", "bob"):
            store.add_score(board, player, 3)
        assert list(top_scores(store, board)) == ["carol", "alice", "bob"]
        store.add_score(board, "carol", 0)
        assert rank_of(store, board, "carol") == 1, "adding nothing reaches nothing anew"

    def test_top_is_cut_at_the_limit(self, store: Store, board: str) -> None:
        for score in range(4):
            add_player(store, board, f"p{score}", score)
        assert [row["id"] for row in store.get_ranking_window(store.get_board(board), 2).rows] == [
            "p3",
            "p2",
        ]

    def test_tops_gives_each_existing_board_its_size(self, store: Store, board: str) -> None:
        for score in range(7):
            add_player(store, board, f"p{score}", score)
        tops = store.get_top_players([board, f"{board}-missing"])
        assert list(tops) == [board]
        row, players = tops[board]
        assert row == store.get_board(board)
        assert players == store.get_ranking_window(row, 5).rows

    @settings(max_examples=15)
    @given(
        st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(-3, 3)), min_size=1, max_size=20)
    )
    def test_ranks_are_those_of_a_plain_model(
        self, store: Store, increments: list[tuple[str, int]]
    ) -> None:
        board = uuid.uuid4().hex
        store.create_board({"id": board, "name": "", "size": 5})
        model: dict[str, tuple[int, int]] = {}  # player → score, when it was reached
        for now, (player, amount) in enumerate(increments):
            if player not in model:
                add_player(store, board, player)
                model[player] = (0, now)
            store.add_score(board, player, amount)
            if amount:
                model[player] = (model[player][0] + amount, now)
        expected = sorted(model, key=lambda player: (-model[player][0], model[player][1]))
        assert list(top_scores(store, board)) == expected
        assert [rank_of(store, board, player) for player in expected] == [
            *range(1, len(expected) + 1)
        ]


class TestImports:
    def test_a_batch_adds_and_creates(self, store: Store, board: str) -> None:
        add_player(store, board, "alice", 1)
        upto = Import(0, 10, "digest")
        store.import_batch(board, "f", upto, [Amount("bob", "Bob", 4), Amount("alice", "X", 3)])
        assert [
            public_fields(row) for row in store.get_ranking_window(store.get_board(board), 5).rows
        ] == [
            {"id": "bob", "name": "Bob", "score": 4},
            {"id": "alice", "name": "Alice", "score": 4},
        ]
        assert store.get_import(board, "f")[1:] == (10, "digest", True)

    def test_the_next_batch_goes_on_where_the_last_one_ended(
        self, store: Store, board: str
    ) -> None:
        for upto in (Import(0, 10, "a"), Import(10, 15, "b")):
            store.import_batch(board, "f", upto, [Amount("bob", "Bob", 1)])
        assert top_scores(store, board) == {"bob": 2}

    @pytest.mark.parametrize("upto", [Import(0, 20, "b"), Import(5, 20, "b"), Import(20, 30, "b")])
    def test_a_batch_that_does_not_go_on_from_there_is_refused(
        self, store: Store, board: str, upto: Import
    ) -> None:
        store.import_batch(board, "f", Import(0, 10, "a"), [Amount("bob", "Bob", 1)])
        with pytest.raises(ImportMoved):
            store.import_batch(board, "f", upto, [Amount("bob", "Bob", 1)])
        assert top_scores(store, board) == {"bob": 1}

    def test_imports_are_forgotten_with_their_board(self, store: Store, board: str) -> None:
        store.import_batch(board, "f", Import(0, 10, "a"), [Amount("bob", "Bob", 1)])
        store.delete_board(board)
        store.create_board({"id": board, "name": "", "size": 5})
        assert store.get_import(board, "f") == Import()

    def test_a_score_out_of_range_is_refused_and_nothing_counted(
        self, store: Store, board: str
    ) -> None:
        add_player(store, board, "alice", MAX_SCORE)
        for amount in (Amount("alice", "Alice", 1), Amount("new", "New", 2 * MAX_SCORE)):
            with pytest.raises(ScoreOutOfRange, match=amount.player):
                batch = [Amount("bob", "Bob", 1), amount]
                store.import_batch(board, "f", Import(0, 10, "a"), batch)
        assert top_scores(store, board) == {"alice": MAX_SCORE}
        assert store.get_import(board, "f") == Import(), "a corrected file can go on here"


class TestEmails:
    def test_an_address_is_one_players_of_a_board(self, store: Store, board: str) -> None:
        join(store, board, "alice", "a@example.com")
        with pytest.raises(EmailTaken):
            join(store, board, "bob", "a@example.com")
        with pytest.raises(ObjectDoesNotExist):
            store.get_player(board, "bob")
        join(store, board, "bob", "b@example.com")
        emails = {"alice": "a@example.com", "bob": "b@example.com"}
        add_player(store, board, "carol")
        assert store.get_emails(board, ["alice", "bob", "carol", "dave"]) == emails

    def test_another_board_may_have_the_same(self, store: Store, board: str) -> None:
        store.create_board({"id": f"{board}-2"})
        join(store, board, "alice", "a@example.com")
        join(store, f"{board}-2", "alice", "a@example.com")

    def test_no_row_of_a_player_has_it(self, store: Store, board: str) -> None:
        row = store.create_player(board, {"id": "alice", "name": "A", "email": "a@example.com"})
        settings = store.get_board(board)
        rows = [row, store.get_player(board, "alice"), store.add_score(board, "alice", 1)]
        rows += (
            store.get_ranking_window(settings, 10).rows + store.get_top_players([board])[board][1]
        )
        rows += [store.update_player(board, "alice", {"name": "B"})]
        assert not any("example.com" in str(row) for row in rows)

    def test_it_is_erased_with_the_player(self, store: Store, board: str) -> None:
        join(store, board, "alice", "a@example.com")
        store.delete_player(board, "alice")
        assert store.get_emails(board, ["alice"]) == {}
        join(store, board, "bob", "a@example.com")

    def test_it_is_erased_with_the_board(self, store: Store, board: str) -> None:
        join(store, board, "alice", "a@example.com")
        store.delete_board(board)
        store.create_board({"id": board})
        join(store, board, "bob", "a@example.com")

    def test_whoever_comes_with_a_taken_id_leaves_the_address_free(
        self, store: Store, board: str
    ) -> None:
        add_player(store, board, "alice")
        with pytest.raises(AlreadyExists):
            join(store, board, "alice", "a@example.com")
        join(store, board, "bob", "a@example.com")

    def test_of_many_at_the_same_moment_one_gets_it(self, store: Store, board: str) -> None:
        outcomes: list[str] = []

        def run(player: str) -> None:
            try:
                join(store, board, player, "a@example.com")
                outcomes.append(player)
            except EmailTaken:
                pass
            finally:
                store.close()

        threads = [threading.Thread(target=run, args=[f"p{number}"]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        [winner] = outcomes
        players = [f"p{number}" for number in range(8)]
        assert store.get_emails(board, players) == {winner: "a@example.com"}


def join(store: Store, board: str, player: str, email: str) -> None:
    store.create_player(board, {"id": player, "name": player, "email": email})


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
        amounts = [Amount(f"p{number}", "A player", 1) for number in range(100)]
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
