"""Every answer about a ranking is of one moment, while others write."""

import random
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboardapp.domain import ranking as ranks
from leaderboardapp.domain.types import RANKINGS, Increment, Row, rank_position
from leaderboardapp.models import number_window
from leaderboardapp.stores.base import Store

READS = 20  # of each kind, in an example
amounts = st.lists(st.integers(-3, 5).filter(bool), min_size=1, max_size=20)


@contextmanager
def written_by(store: Store, board: str, players: list[str], steps: list[int]) -> Iterator[None]:
    """Run the block while two threads add the steps, again and again, to players at random."""
    stop = threading.Event()
    errors: list[Exception] = []

    def write(seed: int) -> None:
        chance = random.Random(seed)
        try:
            while not stop.is_set():
                changes = [Increment(chance.choice(players), amount) for amount in steps]
                for change in changes:
                    store.add_scores(board, [change])
        except Exception as error:
            errors.append(error)
        finally:
            store.close()

    threads = [threading.Thread(target=write, args=[seed]) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not errors


def make_board(store: Store, order: str, ranking: str, players: int) -> tuple[str, list[str]]:
    board, ids = f"moment-{uuid.uuid4().hex}", [f"p{number}" for number in range(players)]
    store.create_board({"id": board, "order": order, "ranking": ranking, "size": 100})
    for number, player in enumerate(ids):
        store.create_player(board, {"id": player, "name": player, "score": number})
    return board, ids


def assert_in_order(board: Row, rows: list[Row]) -> None:
    """Rows follow each other by the board's rule, with consecutive ranks, and nobody twice."""
    assert len({row["id"] for row in rows}) == len(rows), "nobody twice"
    sign = 1 if board["order"] == "asc" else -1
    keys = [(sign * row["score"], row["reached_at"], row["id"]) for row in rows]
    assert keys == sorted(keys)
    if rows:
        first = rows[0]["rank"]
        unranked = [{name: row[name] for name in row if name != "rank"} for row in rows]
        # With competition ranking the number of the first row is not seen in the answer.
        if board["ranking"] != "competition":
            assert rows == ranks.assign_ranks(board, unranked, first, first)
        assert all(row["rank"] >= 1 for row in rows)


@pytest.mark.parametrize("ranking", RANKINGS)
@pytest.mark.parametrize("order", ["desc", "asc"])
def test_the_only_player_is_always_first(store: Store, order: str, ranking: str) -> None:
    board, [solo] = make_board(store, order, ranking, 1)
    with written_by(store, board, [solo], [1, 2, -1]):
        for _ in range(100):
            for window in (
                store.get_ranking_window(board, 1, around=solo),
                store.get_ranking_window(board, 5, around=solo),
                store.get_ranking_window(board, 5),
            ):
                [row] = number_window(window)
                assert (row["id"], row["rank"]) == (solo, 1)
                assert window.player is None or window.player["score"] == row["score"]


@settings(max_examples=8)
@given(
    order=st.sampled_from(["desc", "asc"]),
    ranking=st.sampled_from(RANKINGS),
    players=st.integers(2, 14),
    limit=st.integers(1, 7),
    steps=amounts,
)
def test_an_answer_is_right_by_itself(
    store: Store, order: str, ranking: str, players: int, limit: int, steps: list[int]
) -> None:
    board, ids = make_board(store, order, ranking, players)
    with written_by(store, board, ids, steps):
        for number in range(READS):
            player = ids[number % players]
            whole = store.get_ranking_window(board, players + 1)
            rows = number_window(whole)
            assert_in_order(whole.board, rows)
            assert {row["id"] for row in rows} == {*ids}, "everybody"
            assert rows[0]["rank"] == 1

            around = store.get_ranking_window(board, limit, around=player)
            window = number_window(around)
            assert_in_order(around.board, window)
            assert len(window) == min(limit, players), "a full window"
            assert around.player and player in {row["id"] for row in window}
            assert all(1 <= row["rank"] <= players for row in window)
            if limit >= players:
                assert window[0]["rank"] == 1

            after = rank_position(rows[players // 2])
            page = number_window(store.get_ranking_window(board, players, after))
            assert_in_order(whole.board, page)
            assert not page or page[-1]["rank"] <= players

            row, top = store.get_top_players([board])[board]
            assert {player["id"] for player in top} == {*ids}
            assert_in_order(row, ranks.assign_ranks(row, top))


def test_a_player_who_is_missing_is_told_from_a_missing_board(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id})
    window = store.get_ranking_window(board_id, 1, around="nobody")
    assert (window.player, window.rows, window.board["id"]) == (None, [], board_id)


def test_seasons_and_the_running_one_are_of_one_moment(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id})
    stop = threading.Event()

    def reset() -> None:
        for season in range(1, 30):
            store.start_next_season(board_id, season, "2026-11-30T00:00:00Z")
        stop.set()
        store.close()

    thread = threading.Thread(target=reset)
    thread.start()
    try:
        while not stop.is_set():
            row, past = store.list_seasons(board_id, None, 100)
            assert [number for number, _ in past] == list(range(row["season"] - 1, 0, -1))
    finally:
        thread.join()
    assert store.list_seasons(board_id, 3, 100)[1] == [
        (2, "2026-11-30T00:00:00Z"),
        (1, "2026-11-30T00:00:00Z"),
    ]
