"""Resets under way: many players, writers at the same time."""

import threading
from collections import Counter
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection

from leaderboardapp.domain import ranking
from leaderboardapp.domain.exceptions import WrongSeason
from leaderboardapp.domain.fields import InvalidInput
from leaderboardapp.domain.types import Row
from leaderboardapp.models import Board
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb import archives
from leaderboardapp.stores.rethinkdb import seasons as rethinkdb
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
    monkeypatch.setattr(archives, "CARRY_OVER_ROWS", 3)
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


BERLIN = {"every": "week", "on": "monday", "at": "06:00", "zone": "Europe/Berlin"}


def test_a_season_ends_by_the_clock_of_a_zone(store: Store, board_id: str) -> None:
    due = "2026-10-19T04:00:00Z"
    store.create_board({"id": board_id, "schedule": BERLIN, "ends_at": due})
    [listed] = [row for row in store.list_boards_to_end(due) if row["id"] == board_id]
    row = store.start_next_season(board_id, 1, "2026-10-19T04:00:01Z", only_if_due=True)
    assert row["ends_at"] == "2026-10-26T05:00:00Z", "after the clocks have changed"
    with pytest.raises(WrongSeason):
        store.start_next_season(board_id, 2, "2026-10-26T04:59:59Z", only_if_due=True)
    board, _ = store.get_top_players([board_id])[board_id]
    _, past, _ = store.get_season(board_id, 1)
    for each in (listed, row, store.get_board(board_id), board, past):
        assert each["schedule"] == BERLIN


def test_an_overdue_season_ends_once_and_the_next_one_in_time(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id, "schedule": BERLIN, "ends_at": "2026-08-03T04:00:00Z"})
    row = store.start_next_season(board_id, 1, "2026-10-22T10:00:00Z", only_if_due=True)
    assert (row["season"], row["ends_at"]) == (2, "2026-10-26T05:00:00Z")
    with pytest.raises(WrongSeason):
        store.start_next_season(board_id, 2, "2026-10-22T10:00:01Z", only_if_due=True)


def test_a_clock_that_is_set_back_or_forward_ends_no_period_again(
    store: Store, board_id: str
) -> None:
    daily = {"every": "day", "at": "06:00", "zone": "Europe/Berlin"}
    ends = ["2026-10-25T05:00:00Z", "2026-10-26T05:00:00Z", "2026-10-27T05:00:00Z"]
    store.create_board({"id": board_id, "schedule": daily, "ends_at": ends[0]})
    store.start_next_season(board_id, 1, ends[0], only_if_due=True)
    past = store.get_season(board_id, 1)
    day_before = "2026-10-24T07:00:00Z"
    with pytest.raises(WrongSeason):
        store.start_next_season(board_id, 2, day_before, only_if_due=True)
    row = store.start_next_season(board_id, 2, day_before)
    assert row["ends_at"] == ends[1], "a reset by hand leaves the end that is due"
    day_after = "2026-10-26T07:00:00Z"
    row = store.start_next_season(board_id, 3, day_after, only_if_due=True)
    assert row["ends_at"] == ends[2]
    with pytest.raises(WrongSeason):
        store.start_next_season(board_id, 4, ends[1], only_if_due=True)
    assert store.get_season(board_id, 1) == past


@pytest.mark.parametrize(
    "schedule", ["daily", None, {"every": "day", "at": "00:30", "zone": "UTC"}]
)
def test_a_schedule_is_replaced_as_a_whole(
    store: Store, board_id: str, schedule: str | Row | None
) -> None:
    store.create_board({"id": board_id, "schedule": BERLIN})
    board = store.get_board(board_id)
    changed = store.update_board(board_id, {"schedule": schedule}, lambda: board)
    assert changed["schedule"] == schedule == store.get_board(board_id)["schedule"]
    store.update_board(board_id, {"schedule": BERLIN}, lambda: changed)
    assert store.get_board(board_id)["schedule"] == BERLIN


def test_an_object_is_completed_before_it_is_stored(store: Store, board_id: str) -> None:
    board = Board(board_id, schedule={"every": "day"}).save()
    full = {"every": "day", "at": "00:00", "zone": "UTC"}
    assert board.schedule == full == store.get_board(board_id)["schedule"]
    assert board.ends_at == board.next_ends()[0]
    store.update_board(board_id, {"ends_at": ENDED_AT})
    board.reload().schedule = {"every": "day"}
    assert board.save().ends_at == ENDED_AT, "the same schedule leaves the end that is due"
    board.schedule = {"every": "hour"}
    with pytest.raises(InvalidInput, match="schedule"):
        board.save()
    assert store.get_board(board_id)["schedule"] == full


@pytest.mark.parametrize("schedule", ["hourly", "{", '{"every": "hour"}'])
def test_a_schedule_that_another_program_has_broken_ends_one_season(
    store: Store, board_id: str, schedule: str
) -> None:
    store.create_board({"id": board_id, "schedule": "daily", "ends_at": ENDED_AT})
    if isinstance(store, RethinkStore):
        broken = {"every": "hour"} if '"' in schedule else schedule
        store.db.run(store.db.boards.get(board_id).update({"schedule": broken}))
    else:
        with connection.cursor() as cursor:
            values = [schedule, board_id]
            cursor.execute("UPDATE board SET schedule = %s WHERE id = %s", values)
    row = store.start_next_season(board_id, 1, ENDED_AT, only_if_due=True)
    assert (row["season"], row["ends_at"]) == (2, None)


@pytest.mark.stores("rethinkdb")
def test_a_schedule_that_changes_while_its_season_ends_is_kept(
    store: RethinkStore, board_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create_board({"id": board_id, "schedule": BERLIN, "ends_at": ENDED_AT})
    archive, later = rethinkdb.Seasons._record, {**BERLIN, "at": "07:00"}

    def change_then_archive(*args: Any, **options: Any) -> None:
        store.update_board(board_id, {"schedule": later})
        archive(*args, **options)

    monkeypatch.setattr(rethinkdb.Seasons, "_record", change_then_archive)
    with pytest.raises(WrongSeason):
        store.start_next_season(board_id, 1, ENDED_AT, only_if_due=True)
    board = store.get_board(board_id)
    assert (board["season"], board["schedule"]) == (1, later)
