"""The contract that every store passes: which boards have pending maintenance."""

import pytest

from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb import rank_blocks as rethinkdb_blocks
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from leaderboardapp.stores.sql import rank_blocks as sql_blocks
from tests.stores.contract.helpers import add_player, finish, make_board


def test_boards_with_work_are_found_and_no_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet, ended, hidden, old, large, dense, ascending = boards = [
        make_board(store, **settings)
        for settings in (
            *({}, {}, {}, {"keep_seasons": 1}, {}),
            *({"ranking": "dense"}, {"order": "asc"}),
        )
    ]
    with monkeypatch.context() as patch:
        if isinstance(store, RethinkStore):  # which does a first piece at once
            patch.setattr(store.seasons, "run_maintenance", lambda board: False)
        for board in (ended, hidden, old):
            store.start_next_season(board, 1, "2026-01-01T00:00:00Z")
    finish(store, old)
    store.start_next_season(old, 2, "2026-01-02T00:00:00Z")
    store.update_player(hidden, "alice", {"hidden": True})
    finish(store, hidden)
    for number in range(3):
        add_player(store, large, f"p{number}", 1)
    for blocks in (sql_blocks, rethinkdb_blocks):
        monkeypatch.setattr(blocks, "MOST", 4)
    monkeypatch.setattr(sql_blocks, "SIZES", {"sqlite": 1.0, "postgresql": 1.0})
    assert {*store.find_work([*boards, "none"])} == {ended, old, large}
    assert store.find_work([]) == []
    for board in (ended, old):
        finish(store, board)
    assert store.find_work([quiet, ended, hidden, old, dense, ascending]) == []
