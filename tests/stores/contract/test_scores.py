"""The contract that every store passes: increments and the ranking."""

import threading
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboardapp.domain.exceptions import ScoreOutOfRange
from leaderboardapp.domain.types import (
    KEYS_REMEMBERED,
    MAX_SCORE,
    Import,
)
from leaderboardapp.stores.base import Store
from tests.stores.contract.helpers import (
    add_player,
    public_fields,
    rank_of,
    top_scores,
)


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

    def test_nothing_to_add_changes_nothing(self, store: Store, board: str) -> None:
        add_player(store, board, "alice", 3)
        assert store.add_scores(board, []) == []
        store.import_batch(board, "f", Import(0, 9, "x"), [])
        assert store.get_player(board, "alice")["score"] == 3

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
        assert [row["id"] for row in store.get_ranking_window(board, 2).rows] == [
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
        assert players == store.get_ranking_window(board, 5).rows

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
