"""Seasons: which one a write is for, and when one ends. Times are UTC, as text that sorts.

A schedule is a name, or an object such as {"every": "week", "on": "monday", "at": "06:00", "zone":
"Europe/Berlin"} (ADR 42)."""

import heapq
import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from cronsim import CronSim

from leaderboardapp.domain.exceptions import WrongSeason
from leaderboardapp.domain.time_zones import find_nearest, get_zone, list_zones
from leaderboardapp.domain.types import Row

FORMAT = "%Y-%m-%dT%H:%M:%SZ"
SCHEDULES = {"daily": {"every": "day"}, "weekly": {"every": "week"}, "monthly": {"every": "month"}}
PERIODS = ("day", "week", "month")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS_OF_MONTH = range(1, 32)
ENDS_SHOWN = 3
_DEFAULTS = {"at": "00:00", "zone": "UTC"}
_FIRST_DAYS: dict[str, Row] = {
    "day": {},
    "week": {"on": WEEKDAYS[0]},
    "month": {"on": DAYS_OF_MONTH[0]},
}
_KEYS = ("every", "on", "at", "zone")
_TIME = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")
_COMMON_YEAR = 2027


def now() -> str:
    """Return the current time, as text."""
    return datetime.now(UTC).strftime(FORMAT)


def schedule_field(value: Any) -> str | Row:
    """Accept a schedule; return a name as it is, and an object with what it left out."""
    if isinstance(value, str) and value in SCHEDULES:
        return value
    if not isinstance(value, dict):
        raise ValueError(
            f'one of {", ".join(SCHEDULES)}, or an object such as {{"every": "week", "on": '
            '"monday", "at": "06:00", "zone": "Europe/Berlin"}'
        )
    return _read_rule(value)


def _read_rule(given: Row) -> Row:
    """Return an object that is a schedule, in full. Raises ValueError as a field does."""
    every = given.get("every")
    if every not in PERIODS:
        raise _unlike("every", f"one of {', '.join(PERIODS)}")
    rule = {"every": every, **_FIRST_DAYS[every], **_DEFAULTS, **given}
    if rule.keys() - _KEYS:
        raise ValueError(f"an object with no other keys than {', '.join(_KEYS)}")
    if every == "day" and "on" in rule:
        raise ValueError('an object without "on", whose "every" is "day"')
    if every == "week" and rule["on"] not in WEEKDAYS:
        raise _unlike("on", f'one of {", ".join(WEEKDAYS)}, if "every" is "week"')
    if every == "month":
        rule["on"] = _read_day_of_month(rule["on"])
    if not isinstance(rule["at"], str) or not _TIME.fullmatch(rule["at"]):
        raise _unlike("at", 'a time from "00:00" to "23:59"')
    _check_zone(rule["zone"])
    return {key: rule[key] for key in _KEYS if key in rule}


def _read_day_of_month(value: Any) -> int:
    # True is a number, too. In JSON 1.0 is an integer.
    if isinstance(value, bool) or value not in DAYS_OF_MONTH:
        last = DAYS_OF_MONTH[-1]
        raise _unlike("on", f'an integer from 1 to {last}, if "every" is "month"')
    return int(value)


def _check_zone(value: Any) -> None:
    if not isinstance(value, str) or value not in list_zones():
        nearest = find_nearest(value) if isinstance(value, str) else []
        names = f"; the nearest are {', '.join(nearest)}" if nearest else ""
        accepted = f'a time zone of the IANA database, such as "Europe/Berlin"{names}'
        raise _unlike("zone", accepted)


def _unlike(key: str, accepted: str) -> ValueError:
    return ValueError(f'an object whose "{key}" is {accepted}')


def window_schedule(schedule: str | Row | None, window: str) -> Row:
    """Return when the seasons of a board's window end, which is one of PERIODS.

    They end by the same clock as the board's, and on the same day if the window is as long as the
    board's seasons."""
    board = _get_rule(schedule) or {}
    same = _KEYS if board.get("every") == window else _DEFAULTS
    return _read_rule({**{key: board[key] for key in same if key in board}, "every": window})


def parse(moment: str) -> datetime:
    """Return the time that a text of FORMAT says."""
    return datetime.strptime(moment, FORMAT).replace(tzinfo=UTC)


def end_after(moment: str, schedule: str | Row | None) -> str | None:
    """Return when a season that runs at `moment` ends, or None without a schedule.

    That is the first end of a day, a week or a month after it, so a season that is ended late is
    followed by one that ends in time."""
    return next(iter(next_ends(moment, schedule, 1)), None)


def next_ends(moment: str, schedule: str | Row | None, count: int) -> list[str]:
    """Return the first ends after `moment`; none without a schedule, or with one that is not
    accepted, which another program may have written."""
    rule = _get_rule(schedule)
    if rule is None:
        return []
    start = parse(moment)
    return [end.strftime(FORMAT) for end in islice(_iterate_ends(start, rule), count)]


def end_of_next_season(board: Row, now: str) -> str | None:
    """Return when the season ends that follows the board's running one, if that ends `now`.

    An end that is still to come stays: a clock that was set back ends no period again."""
    end = end_after(now, board["schedule"])
    return end and max(end, board["ends_at"] or end)


def list_ends_shown(board: Row, now: str) -> list[str]:
    """Return when the running season ends, and the next ones, of which the first may be late."""
    due = board["ends_at"]
    if due is None:
        return []
    return [due, *next_ends(max(due, now), board["schedule"], ENDS_SHOWN - 1)]


def check_season(board: Row, season: int | None) -> None:
    """Raise WrongSeason if `season` is not the running one. None stands for whichever runs."""
    if season not in (None, board["season"]):
        raise WrongSeason(board["season"])


def check_due(board: Row, moment: str) -> None:
    """Raise WrongSeason unless the running season was to end by `moment`."""
    if board["ends_at"] is None or board["ends_at"] > moment:
        raise WrongSeason(board["season"])


def _get_rule(schedule: str | Row | None) -> Row | None:
    """Return a schedule as an object; None for none, and for one that is not accepted."""
    try:
        accepted = schedule_field(schedule)
    except ValueError:
        return None
    return _read_rule(SCHEDULES[accepted]) if isinstance(accepted, str) else accepted


def _iterate_ends(moment: datetime, rule: Row) -> Iterator[datetime]:
    """Yield the ends after `moment`, in UTC."""
    start = moment.astimezone(get_zone(rule["zone"]))
    times = [CronSim(expression, start) for expression in _list_expressions(rule)]
    for end in heapq.merge(*(map(_in_utc, ends) for ends in times)):
        # Two expressions may mean the same day. Within an hour that the clocks show twice, CronSim
        # begins with what is over.
        if end > moment:
            moment = end
            yield end


def _in_utc(time: datetime) -> datetime:
    return time.astimezone(UTC)


def _list_expressions(rule: Row) -> list[str]:
    """Return the cron expressions of a rule, which together mean its ends.

    Those that name one hour and minute end once where the clocks change: CronSim takes the first
    of two, and if the time is left out, the first minute after."""
    hour, minute = map(int, rule["at"].split(":"))
    match rule["every"]:
        case "day":
            days = ["* * *"]
        case "week":
            days = [f"* * {WEEKDAYS.index(rule['on']) + 1}"]
        case "month":
            days = _list_days_of_month(rule["on"])
    return [f"{minute} {hour} {day}" for day in days]


def _list_days_of_month(day: int) -> list[str]:
    """Return the fields of cron for this day of each month, and the last day of shorter ones."""
    shorter = [str(month) for month in range(1, 13) if monthrange(_COMMON_YEAR, month)[1] < day]
    return [f"{day} * *", *([f"L {','.join(shorter)} *"] if shorter else [])]
