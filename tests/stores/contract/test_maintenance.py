"""The contract that every store passes: which boards have pending maintenance."""

import uuid
from typing import Any

import pytest

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb import maintenance as rethinkdb_maintenance
from leaderboardapp.stores.rethinkdb import rank_blocks as rethinkdb_blocks
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from leaderboardapp.stores.sql import rank_blocks as sql_blocks
from tests.stores.contract.helpers import add_player


def make_board(store: Store, **settings: Any) -> str:
    id = f"board-{uuid.uuid4().hex[:12]}"
    store.create_board({"id": id, "name": "A board", **settings})
    for player in ("alice", "bob", "carl"):
        add_player(store, id, player, 1)
    return id


def finish(store: Store, board: str) -> None:
    while store.run_maintenance(board):
        pass


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


@pytest.mark.stores("rethinkdb")
def test_rank_blocks_and_windows_are_work_and_so_are_windows_that_a_board_has_no_more(
    store: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet, shrunk, windowed, without = boards = [
        make_board(store, **settings)
        for settings in ({}, {}, {"windows": ["day"]}, {"windows": ["day"]})
    ]
    with monkeypatch.context() as patch:
        patch.setattr(rethinkdb_blocks, "MOST", 2)
        patch.setattr(rethinkdb_blocks, "BLOCK", 1)
        finish(store, shrunk)
    store.db.run(store.db.boards.get(without).update({"windows": []}))  # as the console may
    assert {*store.find_work(boards)} == {shrunk, windowed, without}
    for board in boards:
        finish(store, board)
    assert store.find_work(boards) == [windowed]


@pytest.mark.stores("rethinkdb")
def test_a_document_that_is_none_of_ours_hides_no_work(store: RethinkStore) -> None:
    quiet, windowed = make_board(store), make_board(store, windows=["day"])
    odd, number, long = f"{quiet}-x", 7, "x" * 125  # with a window's name it is too long for a key
    store.db.run(store.db.boards.insert([{"id": number}, {"id": odd, "season": "none"}]))
    try:
        boards: Any = [quiet, number, windowed, odd, long]
        assert store.find_work(boards) == [windowed, odd, long]
    finally:
        store.db.run(store.db.boards.get_all(number, odd).delete())


@pytest.mark.stores("rethinkdb")
def test_while_the_store_is_away_no_board_is_taken_for_one_with_work(
    store: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(query: object) -> None:
        raise StoreUnavailable("RethinkDB did not answer just now")

    monkeypatch.setattr(store.db, "run", fail)
    with pytest.raises(StoreUnavailable):
        store.find_work(["a", "b"])


@pytest.mark.stores("rethinkdb")
def test_more_boards_than_are_looked_at_in_one_query_are_looked_at(
    store: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rethinkdb_maintenance, "BOARDS_AT_ONCE", 2)
    boards = [make_board(store, windows=["day"] if n % 2 else []) for n in range(5)]
    assert store.find_work(boards) == boards[1::2]
