"""The contract that every store passes: imports of a file, in batches."""

import pytest

from leaderboardapp.domain.exceptions import ImportMoved, ScoreOutOfRange
from leaderboardapp.domain.types import (
    MAX_SCORE,
    Amount,
    Import,
)
from leaderboardapp.stores.base import Store
from tests.stores.contract.helpers import add_player, public_fields, top_scores


class TestImports:
    def test_a_batch_adds_and_creates(self, store: Store, board: str) -> None:
        add_player(store, board, "alice", 1)
        upto = Import(0, 10, "digest")
        store.import_batch(
            board, "f", upto, [Amount("bob", "Bob", (4,)), Amount("alice", "X", (3,))]
        )
        assert [public_fields(row) for row in store.get_ranking_window(board, 5).rows] == [
            {"id": "bob", "name": "Bob", "score": 4},
            {"id": "alice", "name": "Alice", "score": 4},
        ]
        assert store.get_import(board, "f")[1:] == (10, "digest", True)

    def test_the_next_batch_goes_on_where_the_last_one_ended(
        self, store: Store, board: str
    ) -> None:
        for upto in (Import(0, 10, "a"), Import(10, 15, "b")):
            store.import_batch(board, "f", upto, [Amount("bob", "Bob", (1,))])
        assert top_scores(store, board) == {"bob": 2}

    @pytest.mark.parametrize("upto", [Import(0, 20, "b"), Import(5, 20, "b"), Import(20, 30, "b")])
    def test_a_batch_that_does_not_go_on_from_there_is_refused(
        self, store: Store, board: str, upto: Import
    ) -> None:
        store.import_batch(board, "f", Import(0, 10, "a"), [Amount("bob", "Bob", (1,))])
        with pytest.raises(ImportMoved):
            store.import_batch(board, "f", upto, [Amount("bob", "Bob", (1,))])
        assert top_scores(store, board) == {"bob": 1}

    def test_imports_are_forgotten_with_their_board(self, store: Store, board: str) -> None:
        store.import_batch(board, "f", Import(0, 10, "a"), [Amount("bob", "Bob", (1,))])
        store.delete_board(board)
        store.create_board({"id": board, "name": "", "size": 5})
        assert store.get_import(board, "f") == Import()

    def test_a_score_out_of_range_is_refused_and_nothing_counted(
        self, store: Store, board: str
    ) -> None:
        add_player(store, board, "alice", MAX_SCORE)
        for amount in (Amount("alice", "Alice", (1,)), Amount("new", "New", (2 * MAX_SCORE,))):
            with pytest.raises(ScoreOutOfRange, match=amount.player):
                batch = [Amount("bob", "Bob", (1,)), amount]
                store.import_batch(board, "f", Import(0, 10, "a"), batch)
        assert top_scores(store, board) == {"alice": MAX_SCORE}
        assert store.get_import(board, "f") == Import(), "a corrected file can go on here"
