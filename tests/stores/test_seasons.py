"""Resets under way: many players, writers at the same time."""

import threading
from collections import Counter

import pytest
from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain import ranking
from leaderboardapp.domain.exceptions import WrongSeason
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb import archives as rethinkdb
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from leaderboardapp.stores.sql import maintenance as sql
from tests.support.programs import wait_until

ENDED_AT = "2026-11-30T00:00:00Z"


def ranked(store: Store, board: str) -> list[tuple[str, int]]:
    return [(row["id"], row["score"]) for row in store.get_ranking_window(board, 100).rows]


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_no_player_is_shown_with_a_score_of_the_season_before(
    store: Store, board_id: str, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    monkeypatch.setattr(rethinkdb, "CARRY_OVER_ROWS", 3)
    monkeypatch.setattr(sql, "CARRY_OVER_ROWS", 3)
    store.create_board({"id": board_id, "order": order, "size": 1})
    for number in range(10):
        player = f"p{number}"
        store.create_player(board_id, {"id": player, "name": player, "score": number + 1})
        store.add_score(board_id, player, 1, key="before")
    board = store.start_next_season(board_id, 1, ENDED_AT)

    rows = [store.get_player(board_id, f"p{number}") for number in range(10)]
    not_carried_over = [row for row in rows if row["not_carried_over"]]
    # RethinkDB puts all into the archive first.
    assert len(not_carried_over) == (10 if isinstance(store, RethinkStore) else 7)
    assert {(row["score"], row["scored"]) for row in not_carried_over} == {(0, False)}
    assert {ranking.is_ranked(board, row) for row in not_carried_over} == {False}
    added, put, retried, kept = (row["id"] for row in not_carried_over[:4])
    assert store.add_score(board_id, added, 5)["score"] == 5
    assert store.set_score(board_id, put, 4, only_better=True)["score"] == 4
    assert store.add_score(board_id, retried, 1, key="before")["score"] == 0
    if order == "desc":
        assert store.set_score(board_id, kept, 0, only_better=True)["score"] == 0

    while store.run_maintenance(board_id):
        assert {score for _, score in ranked(store, board_id)} <= {0, 4, 5}
    zeros = {row["id"]: 0 for row in rows} if order == "desc" else {}
    assert dict(ranked(store, board_id)) == {**zeros, added: 5, put: 4}


def test_each_increment_counts_in_the_season_that_it_names(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id})
    store.create_player(board_id, {"id": "alice", "name": "Alice"})
    counted: Counter[int] = Counter()
    stop = threading.Event()

    def write() -> None:
        season = 1
        while not stop.wait(0.001):  # so that a reset's turn to write comes, too
            try:
                store.add_score(board_id, "alice", 1, season=season)
                counted[season] += 1
            except WrongSeason:
                season += 1
        store.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for season in (1, 2, 3):
            wait_until(lambda: counted[season] > 20, "some increments")  # noqa: B023
            store.start_next_season(board_id, season, ENDED_AT)
        wait_until(lambda: counted[4] > 20, "some increments")
    finally:
        stop.set()
        writer.join()
    assert store.get_player(board_id, "alice")["score"] == counted[4]
    for season in (1, 2, 3):
        _, _, [alice] = store.get_season(board_id, season)
        assert alice["score"] == counted[season]


def test_one_of_many_resets_of_a_season_is_done(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id})
    done: list[Row] = []

    def reset() -> None:
        try:
            done.append(store.start_next_season(board_id, 1, ENDED_AT))
        except WrongSeason:
            pass
        store.close()

    threads = [threading.Thread(target=reset) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 1
    assert store.get_board(board_id)["season"] == done[0]["season"] == 2


def test_a_board_that_is_gone_has_no_seasons(store: Store, board_id: str) -> None:
    assert not store.run_maintenance(board_id)
    with pytest.raises(ObjectDoesNotExist):
        store.start_next_season(board_id, 1, ENDED_AT)
    with pytest.raises(ObjectDoesNotExist):
        store.get_season(board_id, 1)


def test_a_season_ends_by_schedule_only_if_it_still_has_to(store: Store, board_id: str) -> None:
    due = {"schedule": "daily", "ends_at": "2026-11-30T00:00:00Z"}
    store.create_board({"id": board_id, **due})
    for now in ("2026-11-29T23:59:59Z", "2026-11-30T00:00:00Z"):
        settings = {"schedule": None, "ends_at": None} if now > "2026-11-30" else due
        store.update_board(board_id, settings)
        with pytest.raises(WrongSeason):
            store.start_next_season(board_id, 1, now, only_if_due=True)
    store.update_board(board_id, due)
    row = store.start_next_season(board_id, 1, "2026-12-02T10:00:00Z", only_if_due=True)
    assert [row["season"], row["ends_at"]] == [2, "2026-12-03T00:00:00Z"]
