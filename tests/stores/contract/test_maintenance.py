"""The contract that every store passes: which boards have pending maintenance."""

import uuid
from typing import Any

import pytest

from leaderboardapp.stores.base import Store
from leaderboardapp.stores.sql import rank_blocks
from leaderboardapp.stores.sql.store import SqlStore
from tests.stores.contract.helpers import add_player


def make_board(store: Store, **settings: Any) -> str:
    id = f"board-{uuid.uuid4().hex[:12]}"
    store.create_board({"id": id, "name": "A board", **settings})
    for player in ("alice", "bob", "carl"):
        add_player(store, id, player)
    return id


def finish(store: Store, board: str) -> None:
    while store.run_maintenance(board):
        pass


def test_boards_with_work_are_found_and_on_sql_no_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet, ended, hidden, old, large, dense = boards = [
        make_board(store, **settings)
        for settings in ({}, {}, {}, {"keep_seasons": 1}, {}, {"ranking": "dense"})
    ]
    for board in (ended, hidden, old):
        store.start_next_season(board, 1, "2026-01-01T00:00:00Z")
    finish(store, old)
    store.start_next_season(old, 2, "2026-01-02T00:00:00Z")
    store.update_player(hidden, "alice", {"hidden": True})
    finish(store, hidden)
    for number in range(3):
        add_player(store, large, f"p{number}")
    monkeypatch.setattr(rank_blocks, "MOST", 4)
    monkeypatch.setattr(rank_blocks, "SIZES", {"sqlite": 1.0, "postgresql": 1.0})
    found = store.find_work([*boards, "none"])
    assert {ended, old, large} <= {*found}
    assert store.find_work([]) == []
    if isinstance(store, SqlStore):
        assert {*found} == {ended, old, large}
        for board in (ended, old):
            finish(store, board)
        assert store.find_work([quiet, ended, hidden, old, dense]) == []
