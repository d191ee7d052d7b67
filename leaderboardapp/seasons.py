"""Seasons: when they end by themselves. Times are UTC, as text that sorts by time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.stores.base import Row, Store, WrongSeason

SCHEDULES = ("daily", "weekly", "monthly")
FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def now() -> str:
    return datetime.now(UTC).strftime(FORMAT)


def end_after(moment: str, schedule: str | None) -> str | None:
    """The next midnight after the moment, or that before the next Monday, or before the next first
    of a month; None without a schedule."""
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


def reset(store: Store, board: Row) -> Row:
    """End the season that the row names, and begin the next one. The updated row. Raises
    ObjectDoesNotExist, WrongSeason if that season was over already."""
    moment = now()
    ends_at = end_after(moment, board["schedule"])
    return store.reset(board["id"], board["season"], moment, ends_at)


def end_due(store: Store) -> Iterator[str]:
    """End every season whose time has come, and only once, whoever else does the same; tells the
    boards as it comes to them. One that nobody was there to end in time ends now."""
    for board in store.due_boards(now()):
        try:
            reset(store, board)
        except (WrongSeason, ObjectDoesNotExist):
            continue  # somebody was faster
        yield board["id"]
