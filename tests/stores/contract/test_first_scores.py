"""First scores: a write with a name creates its player and scores in one step."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from leaderboardapp.domain.exceptions import (
    BoardNotFound,
    EmailRequired,
    PlayerNotFound,
    ScoreOutOfRange,
    WrongSeason,
)
from leaderboardapp.domain.fields import InvalidInput
from leaderboardapp.domain.types import Increment, Row
from leaderboardapp.stores.base import Store
from tests.support.store import read_page

Write = Callable[[Store, str, int, str | None, int | None], Row]


def add(store: Store, board: str, score: int, name: str | None, season: int | None) -> Row:
    return store.add_score(board, "dora", score, season=season, name=name)


def put(store: Store, board: str, score: int, name: str | None, season: int | None) -> Row:
    return store.set_score(board, "dora", score, only_better=False, season=season, name=name)


def best(store: Store, board: str, score: int, name: str | None, season: int | None) -> Row:
    return store.set_score(board, "dora", score, only_better=True, season=season, name=name)


WRITES: list[Write] = [add, put, best]


@pytest.mark.parametrize("order", ["desc", "asc"])
@pytest.mark.parametrize("write", WRITES)
def test_a_missing_player_joins_with_the_score_and_is_ranked_by_it(
    store: Store, board_id: str, write: Write, order: str
) -> None:
    store.create_board({"id": board_id, "order": order})
    store.start_next_season(board_id, 1, "2026-11-30T00:00:00Z")
    with pytest.raises(PlayerNotFound):
        write(store, board_id, 3, None, None)
    row = write(store, board_id, 3, "Dora", None)
    outcome = {"created": True, "previous": None, "changed": True, "repeated": False}
    assert row == {**store.get_player(board_id, "dora"), **outcome}
    assert (row["name"], row["score"], row["scored"], row["hidden"]) == ("Dora", 3, True, False)
    again = write(store, board_id, 4, "Another name", 2)
    assert (again["created"], again["previous"], again["name"]) == (False, 3, "Dora")
    [ranked] = read_page(store, board_id, 10)
    kept = 4 if order == "desc" else 3
    assert ranked["score"] == (7 if write is add else 4 if write is put else kept)


@pytest.mark.parametrize("write", WRITES)
def test_nobody_joins_with_what_the_board_does_not_allow(
    store: Store, board_id: str, write: Write
) -> None:
    with pytest.raises(BoardNotFound):
        write(store, board_id, 1, "Dora", None)
    store.create_board({"id": board_id, "max": 5})
    refused: list[tuple[type[Exception], int, str, int | None]] = [
        (ScoreOutOfRange, 6, "Dora", None),
        (WrongSeason, 1, "Dora", 2),
        (InvalidInput, 1, " ", None),
    ]
    for error, score, name, season in refused:
        with pytest.raises(error):
            write(store, board_id, score, name, season)
    store.update_board(board_id, {"ask_email": True})
    with pytest.raises(EmailRequired):
        write(store, board_id, 1, "Dora", None)
    assert not read_page(store, board_id, 10)


def test_a_first_increment_counts_once_with_its_key(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id})
    first = store.add_score(board_id, "dora", 3, "key", name="Dora")
    second = store.add_score(board_id, "dora", 3, "key", name="Dora")
    assert (first["score"], first["created"], first["repeated"]) == (3, True, False)
    assert (second["score"], second["created"], second["repeated"]) == (3, False, True)
    assert store.add_score(board_id, "dora", 3, "other", name="Dora")["score"] == 6


def test_increments_of_a_missing_player_count_in_their_order(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id, "max": 10})
    store.create_player(board_id, {"id": "alice", "name": "Alice"})
    increments = [
        Increment("dora", 1),
        Increment("dora", 11, name="Too many"),
        Increment("dora", 2, name="Dora"),
        Increment("alice", 5),
        Increment("dora", 3),
        Increment("dora", 6),
        Increment("eve", 4, name="Eve"),
    ]
    results: list[Any] = store.add_scores(board_id, increments)
    errors = [type(result) for result in results if isinstance(result, Exception)]
    assert errors == [PlayerNotFound, ScoreOutOfRange, ScoreOutOfRange]
    rows = [
        (row["id"], row["name"], row["score"], row["created"], row["previous"])
        for row in results
        if not isinstance(row, Exception)
    ]
    assert rows == [
        ("dora", "Dora", 2, True, None),
        ("alice", "Alice", 5, False, None),
        ("dora", "Dora", 5, False, 2),
        ("eve", "Eve", 4, True, None),
    ]


def test_many_first_scores_at_once_make_one_player_with_all_of_them(
    store: Store, board_id: str
) -> None:
    store.create_board({"id": board_id})
    rows: list[Row] = []
    start = threading.Barrier(6)

    def score() -> None:
        start.wait()
        for _ in range(5):
            # Not coalesced, so that threads meet in the store.
            rows.extend(store.add_scores(board_id, [Increment("dora", 1, name="Dora")]))  # type: ignore[arg-type]
        store.close()

    threads = [threading.Thread(target=score) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get_player(board_id, "dora")["score"] == len(rows) == 30
    assert sum(row["created"] for row in rows) == 1
    before = [row["previous"] for row in rows if row["previous"] is not None]
    assert sorted(before) == list(range(1, 30))
