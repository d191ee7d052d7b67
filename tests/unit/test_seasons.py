"""When seasons end by schedule."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain import schedule
from leaderboardapp.domain.parts import ALL_PARTS
from leaderboardapp.domain.schedule import FORMAT, SCHEDULES, end_after
from leaderboardapp.domain.types import Row
from leaderboardapp.listener.maintenance import Maintenance
from leaderboardapp.stores.base import Store

moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(
    lambda moment: moment.strftime(FORMAT)
)


@pytest.mark.parametrize(
    ("schedule", "moment", "end"),
    [
        ("daily", "2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z"),
        ("daily", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
        ("weekly", "2026-11-22T12:00:00Z", "2026-11-23T00:00:00Z"),  # a Sunday
        ("weekly", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
        ("monthly", "2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z"),
        ("monthly", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"),
        (None, "2026-11-22T12:00:00Z", None),
    ],
)
def test_a_season_ends_at_the_next_boundary(
    schedule: str | None, moment: str, end: str | None
) -> None:
    assert end_after(moment, schedule) == end


@given(moments, st.sampled_from(sorted(SCHEDULES)))
def test_an_end_is_later_and_no_boundary_is_between(moment: str, schedule: str) -> None:
    end = end_after(moment, schedule)
    assert end and end > moment
    before = datetime.strptime(end, FORMAT) - timedelta(seconds=1)
    assert end_after(max(moment, before.strftime(FORMAT)), schedule) == end


DAILY = {"every": "day", "at": "06:00", "zone": "Australia/Lord_Howe"}


def past_boundary(store: Store, board: str, schedule: str | Row = "daily") -> Row:
    """The row of a new daily board whose season was to end some days ago."""
    store.create_board({"id": board, "schedule": schedule, "ends_at": "2026-01-02T00:00:00Z"})
    return store.get_board(board)


@pytest.mark.parametrize("daily", ["daily", DAILY], ids=["by name", "by the clock of a zone"])
def test_a_due_season_is_ended_once_by_one_of_two_listeners(
    store: Store, board_id: str, daily: str | Row
) -> None:
    past_boundary(store, board_id, daily)
    both = [Maintenance(store, ALL_PARTS.have) for _ in range(2)]
    for maintenance in both:
        maintenance.ending_seasons.extend(store.list_boards_to_end(schedule.now()))
    for maintenance in both:
        while maintenance.ending_seasons:
            maintenance.run_once()
    board = store.get_board(board_id)
    assert board["season"] == 2
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime(FORMAT)
    assert schedule.now() < board["ends_at"] <= tomorrow
    assert board_id not in {row["id"] for row in store.list_boards_to_end(schedule.now())}


def test_a_board_that_is_gone_when_its_season_is_to_end_harms_nobody(
    store: Store, board_id: str
) -> None:
    row = past_boundary(store, board_id)
    maintenance = Maintenance(store, ALL_PARTS.have)
    maintenance.ending_seasons.extend([{**row, "id": f"{board_id}-gone"}, row])
    while maintenance.ending_seasons:
        maintenance.run_once()
    assert store.get_board(board_id)["season"] == 2
