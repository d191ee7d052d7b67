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
from leaderboardapp.domain.ranking import number_window
from leaderboardapp.domain.types import RANKINGS, Increment, Row, rank_position
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb.store import RethinkStore

READS = 6  # of each kind, in an example
FAR = 10**9  # points
ENDS = 4  # players at each end who do not move
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


def make_board(
    store: Store, order: str, ranking: str, players: int, ends: int = 0
) -> tuple[str, list[str]]:
    """Make a board of so many players, whose ids are returned, and at each of its ends so many
    others, who are further away than anybody gets."""
    board, ids = f"moment-{uuid.uuid4().hex}", [f"p{number}" for number in range(players)]
    store.create_board({"id": board, "order": order, "ranking": ranking, "size": 100})
    scores = {player: number for number, player in enumerate(ids)}
    sign = 1 if order == "asc" else -1
    for number in range(ends):
        scores[f"best{number}"] = sign * (number - FAR)
        scores[f"worst{number}"] = sign * (number + FAR)
    for player, score in scores.items():
        store.create_player(board, {"id": player, "name": player, "score": score})
    return board, ids


def expected_rank(player: str, moving: int, ends: int) -> int | None:
    """Return the rank of a player at one of the ends; None for one who moves."""
    number = int(player.lstrip("bestworp"))
    if player.startswith("best"):
        return number + 1
    return ends + moving + number + 1 if player.startswith("worst") else None


def assert_in_order(board: Row, rows: list[Row]) -> None:
    """Rows follow each other by the board's rule, with consecutive ranks, and nobody twice."""
    assert len({row["id"] for row in rows}) == len(rows), "nobody twice"
    sign = 1 if board["order"] == "asc" else -1
    keys = [(sign * row["score"], row["reached_at"], row["id"]) for row in rows]
    assert keys == sorted(keys)


def assert_ranks(store: Store, board: Row, rows: list[Row], moving: int) -> None:
    """Whoever does not move has the rank that is known, whoever else moves past others. With dense
    ranking, only those at the better end have one: nobody knows how many scores are between.

    On RethinkDB, a rank may be off by as many players as pass while the query runs."""
    slack = moving if isinstance(store, RethinkStore) else 0
    for row in rows:
        rank = expected_rank(row["id"], moving, ENDS)
        if rank is None:
            assert ENDS - slack < row["rank"] <= ENDS + moving + slack
        elif board["ranking"] != "dense" or row["id"].startswith("best"):
            assert abs(row["rank"] - rank) <= slack


def assert_places(board: Row, rows: list[Row], of: int | None) -> None:
    """As many are between two of a selection on the board as in it, and before and after all."""
    others = [row["rank"] - row["place"] for row in ranks.assign_places(board, rows)]
    assert others == sorted(others) and others[0] >= 0
    least = len({row["score"] for row in rows}) if board["ranking"] == "dense" else len(rows)
    assert of is not None and others[-1] <= of - least


@pytest.mark.parametrize("ranking", RANKINGS)
@pytest.mark.parametrize("order", ["desc", "asc"])
def test_the_only_player_is_always_first(store: Store, order: str, ranking: str) -> None:
    board, [solo] = make_board(store, order, ranking, 1)
    with written_by(store, board, [solo], [1, 2, -1]):
        for _ in range(30):
            for window in (
                store.get_ranking_window(board, 1, around=solo),
                store.get_ranking_window(board, 5, around=solo),
                store.get_ranking_window(board, 5),
            ):
                [row] = number_window(window)
                assert (row["id"], row["rank"]) == (solo, 1)
                assert window.player is None or window.player["score"] == row["score"]
                assert window.player is None or window.of == 1
            alone = store.get_selection(board, [solo])
            assert ([row["rank"] for row in alone.rows], alone.of) == ([1], 1)
            standings = store.get_standings(board, [solo], 5)
            standing = standings.players[solo]
            assert (standing.row["rank"], len(standing.around), standings.of) == (1, 1, 1)
            assert standing.around[0]["score"] == standing.row["score"]


@settings(max_examples=8)
@given(
    order=st.sampled_from(["desc", "asc"]),
    ranking=st.sampled_from(RANKINGS),
    players=st.integers(2, 14),
    limit=st.integers(1, 2 * ENDS),
    steps=amounts,
)
def test_an_answer_is_right_by_itself(
    store: Store, order: str, ranking: str, players: int, limit: int, steps: list[int]
) -> None:
    board, ids = make_board(store, order, ranking, players, ENDS)
    everybody = players + 2 * ENDS
    with written_by(store, board, ids, steps):
        for number in range(READS):
            whole = store.get_ranking_window(board, everybody + 1)
            rows = number_window(whole)
            assert_in_order(whole.board, rows)
            assert_ranks(store, whole.board, rows, players)
            assert len(rows) == everybody

            for player in (ids[number % players], "best3", "worst0"):
                around = store.get_ranking_window(board, limit, around=player)
                window = number_window(around)
                assert_in_order(around.board, window)
                assert_ranks(store, around.board, window, players)
                assert len(window) == limit, "a full window"
                assert around.player and player in {row["id"] for row in window}

            friends = [*ids[::2], "best0", "best3", "worst0", f"worst{ENDS - 1}"]
            selection = store.get_selection(board, friends)
            assert {row["id"] for row in selection.rows} == {*friends}
            assert_in_order(selection.board, selection.rows)
            assert_ranks(store, selection.board, selection.rows, players)
            assert_places(selection.board, selection.rows, selection.of)

            standings = store.get_standings(board, friends, limit)
            assert standings.players.keys() == {*friends}
            for player, standing in standings.players.items():
                assert_in_order(standings.board, standing.around)
                assert_ranks(store, standings.board, standing.around, players)
                assert player in {row["id"] for row in standing.around}
                assert isinstance(store, RethinkStore) or len(standing.around) == limit

            after = rank_position(rows[ENDS + players // 2])
            page = number_window(store.get_ranking_window(board, everybody, after))
            assert_in_order(whole.board, page)
            assert_ranks(store, whole.board, page, players)

            row, top = store.get_top_players([board])[board]
            assert len(top) == everybody
            assert_in_order(row, top)
            assert_ranks(store, row, ranks.assign_ranks(row, top), players)


def test_a_player_who_is_missing_is_told_from_a_missing_board(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id})
    window = store.get_ranking_window(board_id, 1, around="nobody")
    assert (window.player, window.rows, window.board["id"]) == (None, [], board_id)


def test_seasons_and_the_running_one_are_of_one_moment(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id, "keep_seasons": None})
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
