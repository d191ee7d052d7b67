"""The contract that every store passes: a clock that is set back or forward by a day.

Stores have the time from the process that writes. Only RethinkDB's own clock stamps changes, for
the feed and for the bounds of ranks.
"""

from collections.abc import Callable
from typing import Any

import pytest

from leaderboardapp.domain import schedule
from leaderboardapp.domain.types import Amount, Import, Increment
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb import archives
from leaderboardapp.stores.sql import maintenance
from tests.stores.contract.archive_model import read_season

NOW = 1_793_000_000_000_000  # microseconds since 1970
DAY = 86_400_000_000
PLAYERS = [f"p{number}" for number in range(8)]
Clock = Callable[[int], None]
days = pytest.mark.parametrize("days", [-1, 1])


def end_season(board: str, store: Store) -> None:
    store.start_next_season(board, store.get_board(board)["season"], schedule.now())


def read_past(store: Store, board: str) -> list[Any]:
    """Return all that is said of past seasons, the oldest first."""
    return [
        (number, ended_at, *store.get_season(board, number), read_season(store, board, number))
        for number, ended_at in store.list_seasons(board, None, 99)[1][::-1]
    ]


@days
def test_a_clock_that_is_set_by_a_day_changes_no_past_season(
    store: Store,
    board: str,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
) -> None:
    for module in (archives, maintenance):
        monkeypatch.setattr(module, "CARRY_OVER_ROWS", 2)
    clock(NOW)
    store.update_board(board, {"schedule": "daily", "windows": ["day"]})
    family = [board, f"{board}~day"]
    for number, player in enumerate(PLAYERS):
        store.add_score(board, player, number // 3, "k", name=player)
    for id in family:
        end_season(id, store)
    past = {id: read_past(store, id) for id in family}
    clock(NOW + days * DAY)
    store.add_scores(board, [Increment(player, 5, "k") for player in PLAYERS])
    store.add_scores(board, [Increment(player, 2, "l") for player in PLAYERS[:4]])
    store.set_score(board, "p4", 9, only_better=True)
    store.import_batch(board, "i", Import(0, 1, "x"), [Amount("p5", "P5", (1,))])
    expected = {"p4": 9, **dict.fromkeys(PLAYERS[:4], 2), "p5": 1}
    for id in family:
        has_more = True
        while has_more:
            assert read_past(store, id) == past[id]
            has_more = store.run_maintenance(id)
        running = {row["id"]: row["score"] for row in read_season(store, id, None)}
        unscored = {"p6": 0, "p7": 0} if id == board else {}
        assert running == {**expected, **unscored}
        end_season(id, store)
        assert read_past(store, id)[:1] == past[id]
        assert {row["id"]: row["score"] for row in read_season(store, id, 2)} == running


@days
def test_an_end_that_a_clock_has_brought_forward_or_back_comes_once(
    store: Store, board: str, clock: Clock, days: int
) -> None:
    """The season ends early if the clock is ahead, and no period ends again if it goes back."""
    clock(NOW)
    ends_at = schedule.end_after(schedule.now(), "daily")
    store.update_board(board, {"schedule": "daily", "ends_at": ends_at})
    ended = []
    for moment in (NOW + days * DAY, NOW, NOW + days * DAY, NOW):
        clock(moment)
        for due in store.list_boards_to_end(schedule.now()):
            if due["id"] == board:
                store.start_next_season(board, due["season"], schedule.now(), only_if_due=True)
                ended.append(schedule.now())
    clock(NOW + DAY)
    assert ended == ([schedule.now()] if days > 0 else [])


@days
def test_a_repeat_counts_in_one_season_of_a_window_whatever_the_clock_says(
    store: Store, board: str, clock: Clock, days: int
) -> None:
    """The clock is set back before the season ends, or was ahead when the keys were counted. The
    window does not know them any more, because the player is in the archive."""
    clock(NOW)
    store.update_board(board, {"windows": ["day"]})
    clock(NOW + DAY // 24 + max(days, 0) * DAY)
    store.add_score(board, "a", 5, "first", name="A")
    store.add_score(board, "a", 5, "later")
    clock(NOW + min(days, 0) * DAY)
    window = f"{board}~day"
    end_season(window, store)
    while store.run_maintenance(window):
        pass
    for key in ("first", "later"):
        assert store.add_score(board, "a", 5, key)["repeated"]
    assert read_season(store, window, None) == []
    store.add_score(board, "a", 1, "new")
    assert store.get_player(window, "a")["score"] == 1
