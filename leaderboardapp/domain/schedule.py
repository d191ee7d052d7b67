"""Seasons: when they end by themselves. Times are UTC, as text that sorts by time."""

from datetime import UTC, datetime, timedelta

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
