"""Which boards have pending maintenance on RethinkDB, where documents may be of other programs."""

from typing import Any

import pytest

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.stores.rethinkdb import maintenance, rank_blocks
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from tests.stores.contract.helpers import finish, make_board


def test_rank_blocks_and_windows_are_work_and_so_are_windows_that_a_board_has_no_more(
    rethink: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet, shrunk, windowed, without = boards = [
        make_board(rethink, **settings)
        for settings in ({}, {}, {"windows": ["day"]}, {"windows": ["day"]})
    ]
    with monkeypatch.context() as patch:
        patch.setattr(rank_blocks, "MOST", 2)
        patch.setattr(rank_blocks, "BLOCK", 1)
        finish(rethink, shrunk)
    rethink.db.run(rethink.db.boards.get(without).update({"windows": []}))  # as the console may
    assert {*rethink.find_work(boards)} == {shrunk, windowed, without}
    for board in boards:
        finish(rethink, board)
    assert rethink.find_work(boards) == [windowed]


def test_a_document_that_is_none_of_ours_hides_no_work(rethink: RethinkStore) -> None:
    quiet, windowed = make_board(rethink), make_board(rethink, windows=["day"])
    odd, number, long = f"{quiet}-x", 7, "x" * 125  # with a window's name it is too long for a key
    rethink.db.run(rethink.db.boards.insert([{"id": number}, {"id": odd, "season": "none"}]))
    try:
        boards: Any = [quiet, number, windowed, odd, long]
        assert rethink.find_work(boards) == [windowed, odd, long]
    finally:
        rethink.db.run(rethink.db.boards.get_all(number, odd).delete())


def test_while_the_store_is_away_no_board_is_taken_for_one_with_work(
    rethink: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(query: object) -> None:
        raise StoreUnavailable("RethinkDB did not answer just now")

    monkeypatch.setattr(rethink.db, "run", fail)
    with pytest.raises(StoreUnavailable):
        rethink.find_work(["a", "b"])


def test_more_boards_than_are_looked_at_in_one_query_are_looked_at(
    rethink: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "BOARDS_AT_ONCE", 2)
    boards = [make_board(rethink, windows=["day"] if n % 2 else []) for n in range(5)]
    assert rethink.find_work(boards) == boards[1::2]
