"""The contract that every store passes: who leads each of many boards."""

import uuid

import pytest

from leaderboardapp.stores.base import Store
from tests.stores.contract.helpers import add_player

SCORES: list[dict[str, int | None]] = [
    {},
    {"alice": None},
    {"alice": 3},
    {"alice": 3, "bob": 3},
    {"alice": 3, "bob": 5, "carl": 1},
    {"alice": -3, "bob": None},
]


def make_board(store: Store, order: str, scores: dict[str, int | None]) -> str:
    """Make a board of players, of whom those with None have not scored; return its id."""
    id = f"board-{uuid.uuid4().hex[:12]}"
    store.create_board({"id": id, "name": "A board", "order": order})
    for player, score in scores.items():
        add_player(store, id, player)
        if score is not None:
            store.set_score(id, player, score, only_better=False)
    return id


def leaders(store: Store, *boards: str) -> list[str | None]:
    found = store.get_leaders(boards)
    return [found[board]["id"] if board in found else None for board in boards]


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_the_leader_is_the_first_of_the_top_who_has_scored(store: Store, order: str) -> None:
    boards = [make_board(store, order, scores) for scores in SCORES]
    expected = {
        board: top[0]["id"]
        for board, (_, top) in store.get_top_players(boards).items()
        if top and top[0]["scored"]
    }
    found = store.get_leaders([*boards, "none"])
    assert {board: leader["id"] for board, leader in found.items()} == expected
    assert len(expected) >= 3
    assert found[boards[2]] == {"id": "alice", "name": "Alice", "score": 3}
    assert store.get_leaders([]) == {}


def test_who_is_hidden_deleted_or_of_an_ended_season_does_not_lead(store: Store) -> None:
    board = make_board(store, "desc", {"alice": 3, "bob": 2, "carl": 1})
    assert leaders(store, board) == ["alice"]
    store.update_player(board, "alice", {"hidden": True})
    assert leaders(store, board) == ["bob"]
    store.delete_player(board, "bob")
    assert leaders(store, board) == ["carl"]
    store.start_next_season(board, 1, "2026-01-01T00:00:00Z")
    assert leaders(store, board) == [None]
    store.add_score(board, "carl", 1)
    assert leaders(store, board) == ["carl"]
