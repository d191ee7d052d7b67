"""The contract that every store passes: boards and their players."""

import uuid

import pytest
from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.exceptions import AlreadyExists
from leaderboardapp.domain.types import (
    BOARD_DEFAULTS,
    Import,
)
from leaderboardapp.stores.base import Store
from tests.stores.contract.helpers import add_player, public_fields, rank_of, top_scores


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
        listed = store.list_hidden(board, "", 10).rows
        assert [row["id"] for row in listed] == ["Bob", "_eve", "alice", "dora"]
        assert listed[0] == store.get_player(board, "Bob")
        assert [row["id"] for row in store.list_hidden(board, "Bob", 2).rows] == ["_eve", "alice"]
        assert store.list_hidden(board, "dora", 10).rows == []

    def test_those_of_other_boards_are_not(self, store: Store, board: str) -> None:
        other = f"{board}-2"
        store.create_board({"id": other, "name": "", "size": 5})
        add_player(store, other, "alice")
        store.update_player(other, "alice", {"hidden": True})
        assert store.list_hidden(board, "", 10).rows == []

    def test_who_is_shown_again_or_deleted_is_not(self, store: Store, board: str) -> None:
        for player in ("alice", "bob"):
            add_player(store, board, player)
            store.update_player(board, player, {"hidden": True})
        store.update_player(board, "alice", {"hidden": False})
        store.delete_player(board, "bob")
        assert store.list_hidden(board, "", 10).rows == []

    def test_their_score_of_a_past_season_is_over(self, store: Store, board: str) -> None:
        add_player(store, board, "alice", 3)
        store.update_player(board, "alice", {"hidden": True})
        store.start_next_season(board, 1, "2026-01-01T00:00:00Z")
        assert store.list_hidden(board, "", 10).rows == [store.get_player(board, "alice")]
        assert store.list_hidden(board, "", 10).rows[0]["score"] == 0

    def test_an_increment_brings_them_into_the_season(self, store: Store, board: str) -> None:
        add_player(store, board, "alice", 3)
        store.update_player(board, "alice", {"hidden": True})
        store.start_next_season(board, 1, "2026-01-01T00:00:00Z")
        added = store.add_score(board, "alice", 2)
        assert added == {**added, **store.get_player(board, "alice")}
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
