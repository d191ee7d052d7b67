"""Seasons: which one a write is for, and when one ends. Times are UTC, as text that sorts."""

from datetime import UTC, datetime, timedelta
from typing import Any

from leaderboardapp.domain.exceptions import WrongSeason
from leaderboardapp.domain.types import Row

SCHEDULES = ("daily", "weekly", "monthly")
FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def now() -> str:
    """Return the current time, as text."""
    return datetime.now(UTC).strftime(FORMAT)


def end_after(moment: str, schedule: str | None) -> str | None:
    """Return when a season that runs at `moment` ends, or None without a schedule.

    A daily season ends at the next midnight, a weekly one at the midnight before the next Monday,
    a monthly one at the midnight before the next first of a month.
    """
    midnight = datetime.strptime(moment, FORMAT).replace(hour=0, minute=0, second=0)
    match schedule:
        case "daily":
            end = midnight + timedelta(days=1)
        case "weekly":
            end = midnight + timedelta(days=7 - midnight.weekday())
        case "monthly":
            end = (midnight.replace(day=28) + timedelta(days=4)).replace(day=1)
        case _:
            return None
    return end.strftime(FORMAT)


def window_schedule(schedule: Any, window: str) -> str:
    """Return the schedule by which a window of a board with this schedule ends."""
    return {"day": "daily", "week": "weekly", "month": "monthly"}[window]


def check_season(board: Row, season: int | None) -> None:
    """Raise WrongSeason if `season` is not the running one. None stands for whichever runs."""
    if season not in (None, board["season"]):
        raise WrongSeason(board["season"])


def check_due(board: Row, moment: str) -> None:
    """Raise WrongSeason unless the running season was to end by `moment`."""
    if board["ends_at"] is None or board["ends_at"] > moment:
        raise WrongSeason(board["season"])
