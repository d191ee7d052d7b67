"""Ends by the clocks of a zone, beside a model that looks at each minute."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, reset_tzpath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboardapp.domain.schedule import (
    FORMAT,
    PERIODS,
    SCHEDULES,
    WEEKDAYS,
    end_after,
    end_of_next_season,
    list_ends_shown,
    next_ends,
    schedule_field,
    window_schedule,
)
from leaderboardapp.domain.time_zones import get_zone, list_zones
from leaderboardapp.domain.types import Row

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# Zones, each with moments near which their clocks change, or a month or a leap year ends.
CHANGES = {
    "Europe/Berlin": ["2026-03-29T01:00", "2026-10-25T01:00", "2028-02-29T12:00"],
    "America/New_York": ["2026-03-08T07:00", "2026-11-01T06:00", "2027-02-28T12:00"],
    "America/St_Johns": ["2010-03-14T03:31", "2010-11-07T02:31"],  # at 00:01
    "America/Sao_Paulo": ["2018-02-18T02:00", "2018-11-04T03:00"],  # at 00:00
    "America/Scoresbysund": ["2025-03-30T01:00", "2025-10-26T01:00"],  # at 23:00 or 00:00
    "Australia/Lord_Howe": ["2026-04-04T15:00", "2026-10-03T15:30"],  # by half an hour
    "Africa/Cairo": ["2014-06-26T22:00", "2014-07-31T22:00", "2026-04-23T22:00"],  # Ramadan
    "Africa/Casablanca": ["2026-02-15T02:00", "2026-03-22T02:00"],
    "Asia/Kathmandu": ["2026-06-15T18:15"],
    "Pacific/Apia": ["2011-12-30T10:00"],  # 30 December is missing
    "Pacific/Kwajalein": ["1993-08-21T12:00"],  # so is 21 August
    "Asia/Pyongyang": ["2018-05-04T15:00"],  # for good, by half an hour
    "Antarctica/Troll": ["2026-03-29T01:00", "2026-10-25T01:00"],  # by two hours
    "UTC": ["2100-02-28T12:00"],
}
days_of_month = st.integers(1, 31) | st.integers(27, 31)
minutes = st.tuples(st.integers(0, 23) | st.sampled_from([0, 1, 2, 23]), st.integers(0, 59))


@st.composite
def schedules(draw: st.DrawFn, zone: str) -> Row:
    every = draw(st.sampled_from(PERIODS))
    at = "{:02}:{:02}".format(*draw(minutes | st.just((0, 0))))
    on = {"week": st.sampled_from(WEEKDAYS), "month": days_of_month}
    day = {"on": draw(on[every])} if every in on else {}
    return {"every": every, "at": at, "zone": zone, **day}


@st.composite
def cases(draw: st.DrawFn) -> tuple[datetime, Row]:
    """A moment in the week before or after a change, and a schedule."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    near = datetime.fromisoformat(draw(st.sampled_from(CHANGES[zone]))).replace(tzinfo=UTC)
    seconds = draw(st.integers(-7 * 86_400, 7 * 86_400) | st.integers(-7_200, 7_200))
    return near + timedelta(seconds=seconds), draw(schedules(zone))


def is_last_day(schedule: Row, moment: datetime) -> bool:
    """Whether a period ends on this day, by its name and by that of the day after."""
    match schedule["every"]:
        case "week":
            return bool(moment.strftime("%A").lower() == schedule["on"])
        case "month":
            is_short = (moment + DAY).day == 1 and moment.day < schedule["on"]
            return bool(moment.day == schedule["on"]) or is_short
    return True


def walk(moment: datetime, schedule: Row) -> Iterator[datetime]:
    """Yield the ends after a moment. A period ends when the clock on the wall shows its end or a
    later time for the first time, whatever it shows afterwards."""
    zone = get_zone(schedule["zone"])
    hour, minute = map(int, schedule["at"].split(":"))
    now = moment.replace(second=0) - 3 * HOUR
    latest = now.astimezone(zone).replace(tzinfo=None)
    while True:
        changes = now.astimezone(zone).utcoffset() != (now + HOUR).astimezone(zone).utcoffset()
        now += MINUTE if changes else HOUR
        clock = now.astimezone(zone).replace(tzinfo=None)
        today = latest.replace(hour=hour, minute=minute)
        days = (today, today + DAY, today + 2 * DAY)  # a day may be missing
        passed = [time for time in days if latest < time <= clock]
        for end in [time for time in passed if is_last_day(schedule, time)][:1]:
            at = now if changes else now - (clock - end)
            if at > moment:
                yield at
        latest = max(latest, clock)


@settings(max_examples=100, deadline=None)
@given(cases())
def test_ends_are_where_the_clock_on_the_wall_first_shows_them(case: tuple[datetime, Row]) -> None:
    moment, schedule = case
    count = 1 if schedule["every"] == "month" else 3
    expected = [end.strftime(FORMAT) for end in islice(walk(moment, schedule), count)]
    assert next_ends(moment.strftime(FORMAT), schedule, count) == expected


@pytest.mark.parametrize(
    ("schedule", "moment", "ends"),
    [
        # The clocks of Berlin show no 02:30 on 29 March, and two on 25 October.
        (
            {"every": "day", "at": "02:30", "zone": "Europe/Berlin"},
            "2026-03-28T00:00:00Z",
            ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
        ),
        (
            {"every": "day", "at": "02:30", "zone": "Europe/Berlin"},
            "2026-10-24T12:00:00Z",
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z"],
        ),
        (
            {"every": "month", "on": 31, "at": "06:00", "zone": "Europe/Berlin"},
            "2028-01-31T05:00:00Z",
            ["2028-02-29T05:00:00Z", "2028-03-31T04:00:00Z", "2028-04-30T04:00:00Z"],
        ),
        (
            {"every": "month", "on": 29},
            "2027-02-01T00:00:00Z",
            ["2027-02-28T00:00:00Z", "2027-03-29T00:00:00Z", "2027-04-29T00:00:00Z"],
        ),
        (
            {"every": "month", "on": 29},
            "2028-02-01T00:00:00Z",
            ["2028-02-29T00:00:00Z", "2028-03-29T00:00:00Z"],
        ),
        ("weekly", "2026-11-29T00:00:00Z", ["2026-11-30T00:00:00Z", "2026-12-07T00:00:00Z"]),
        # Samoa had no 30 December, so two of these days end at the same moment.
        (
            {"every": "day", "zone": "Pacific/Apia"},
            "2011-12-29T10:00:00Z",
            ["2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"],
        ),
        (
            {"every": "week", "on": "friday", "at": "06:00", "zone": "Pacific/Apia"},
            "2011-12-29T10:00:00Z",
            ["2011-12-30T10:00:00Z", "2012-01-05T16:00:00Z"],
        ),
    ],
)
def test_a_period_ends_once_where_clocks_change_and_months_are_short(
    schedule: Any, moment: str, ends: list[str]
) -> None:
    assert next_ends(moment, schedule, len(ends)) == ends
    assert end_after(moment, schedule) == ends[0]


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_a_name_means_the_object_with_its_defaults(name: str) -> None:
    assert schedule_field(name) == name
    full = schedule_field(SCHEDULES[name])
    moment = "2026-11-29T07:30:00Z"
    assert next_ends(moment, name, 5) == next_ends(moment, full, 5)
    assert schedule_field(full) == full
    assert schedule_field({"every": "month", "on": Decimal("1.0")}) == schedule_field(
        {"every": "month"}
    )


def test_an_object_is_completed() -> None:
    assert [schedule_field({"every": every}) for every in PERIODS] == [
        {"every": "day", "at": "00:00", "zone": "UTC"},
        {"every": "week", "on": "monday", "at": "00:00", "zone": "UTC"},
        {"every": "month", "on": 1, "at": "00:00", "zone": "UTC"},
    ]


@pytest.mark.parametrize("schedule", [None, "hourly", "", {"every": "hour"}, {"zone": "UTC"}, 5])
def test_without_a_schedule_that_is_accepted_nothing_ends(schedule: Any) -> None:
    assert end_after("2026-11-29T07:30:00Z", schedule) is None
    assert next_ends("2026-11-29T07:30:00Z", schedule, 3) == []


BERLIN = {"every": "week", "on": "friday", "at": "06:00", "zone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("schedule", "window", "expected"),
    [
        (BERLIN, "week", BERLIN),
        (BERLIN, "day", {"every": "day", "at": "06:00", "zone": "Europe/Berlin"}),
        (BERLIN, "month", {"every": "month", "on": 1, "at": "06:00", "zone": "Europe/Berlin"}),
        ({**BERLIN, "every": "month", "on": 5}, "week", {**BERLIN, "on": "monday"}),
        (None, "week", {"every": "week", "on": "monday", "at": "00:00", "zone": "UTC"}),
        ("monthly", "day", {"every": "day", "at": "00:00", "zone": "UTC"}),
    ],
)
def test_a_window_ends_by_the_clock_of_its_board(schedule: Any, window: str, expected: Row) -> None:
    assert window_schedule(schedule, window) == expected == schedule_field(expected)


NOON = "2026-11-29T12:00:00Z"
NEXT, LATER = "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"


@pytest.mark.parametrize(
    ("ends_at", "now", "expected"),
    [
        (NEXT, NOON, NEXT),  # a reset by hand: the end that is due stays
        (NEXT, NEXT, LATER),
        (NEXT, "2026-12-24T10:00:00Z", "2026-12-25T00:00:00Z"),  # nobody was there to end it
        (LATER, NOON, LATER),  # the clock was set back by a day after the end at NEXT
        (None, NOON, NEXT),
    ],
)
def test_the_next_season_ends_after_now_and_after_what_has_ended(
    ends_at: str | None, now: str, expected: str
) -> None:
    board = {"schedule": "daily", "ends_at": ends_at}
    assert end_of_next_season(board, now) == expected
    assert end_of_next_season({**board, "schedule": None}, now) is None


def test_three_ends_are_shown_and_none_but_the_first_is_past() -> None:
    board = {"schedule": "daily", "ends_at": NEXT}
    ends = [NEXT, LATER, "2026-12-02T00:00:00Z"]
    assert list_ends_shown(board, NOON) == ends == list_ends_shown(board, NEXT)
    overdue = [NEXT, "2026-12-25T00:00:00Z", "2026-12-26T00:00:00Z"]
    assert list_ends_shown(board, "2026-12-24T10:00:00Z") == overdue
    assert list_ends_shown({"schedule": None, "ends_at": None}, NOON) == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("hourly", "one of daily, weekly, monthly, or an object"),
        (7, "one of daily, weekly, monthly, or an object"),
        (["weekly"], "one of daily, weekly, monthly, or an object"),
        ({}, 'an object whose "every" is one of day, week, month'),
        ({"every": "year"}, 'an object whose "every" is one of day, week, month'),
        ({"every": ["day"]}, 'an object whose "every" is one of day, week, month'),
        ({"every": "day", "on": None}, 'an object without "on"'),
        ({"every": "day", "on": "monday"}, 'an object without "on"'),
        ({"every": "week", "on": 1}, 'an object whose "on" is one of monday'),
        ({"every": "week", "on": "Monday"}, 'an object whose "on" is one of monday'),
        ({"every": "month", "on": "monday"}, 'an object whose "on" is an integer from 1 to 31'),
        ({"every": "month", "on": 0}, 'an object whose "on" is an integer from 1 to 31'),
        ({"every": "month", "on": 32}, 'an object whose "on" is an integer from 1 to 31'),
        ({"every": "month", "on": True}, 'an object whose "on" is an integer from 1 to 31'),
        (
            {"every": "month", "on": Decimal("1e999999")},
            'an object whose "on" is an integer from 1',
        ),
        ({"every": "month", "on": 1.5}, 'an object whose "on" is an integer from 1 to 31'),
        ({"every": "day", "at": "24:00"}, 'an object whose "at" is a time from "00:00" to "23:59"'),
        ({"every": "day", "at": "6:00"}, 'an object whose "at" is a time from "00:00" to "23:59"'),
        ({"every": "day", "at": "06:00\n"}, 'an object whose "at" is a time'),
        ({"every": "day", "at": "\u0660\u0666:00"}, 'an object whose "at" is a time'),
        ({"every": "day", "at": 6}, 'an object whose "at" is a time'),
        ({"every": "day", "zone": None}, 'an object whose "zone" is a time zone'),
        ({"every": "day", "zone": ["UTC"]}, 'an object whose "zone" is a time zone'),
        ({"every": "day", "zone": "../zones"}, 'an object whose "zone" is a time zone'),
        ({"every": "day", "zone": "x" * 1_000_000}, 'an object whose "zone" is a time zone'),
        ({"every": "day", "hour": 6}, "an object with no other keys than every, on, at, zone"),
    ],
)
def test_what_is_no_schedule_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(ValueError) as error:
        schedule_field(value)
    assert str(error.value).startswith(reason)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("utc", "UTC"),
    ],
)
def test_an_unknown_zone_is_answered_with_the_nearest_names(zone: str, name: str) -> None:
    with pytest.raises(ValueError, match="the nearest are") as error:
        schedule_field({"every": "day", "zone": zone})
    nearest = str(error.value).rpartition("the nearest are ")[2].split(", ")
    assert name in nearest and len(nearest) <= 3 and set(nearest) <= list_zones()


@pytest.mark.parametrize("zone", ["qqqqqq", "America/Argentina/ComodRivadavia" + 33 * "x"])
def test_a_zone_that_is_like_none_or_too_long_has_no_nearest(zone: str) -> None:
    with pytest.raises(ValueError, match='such as "Europe/Berlin"$'):
        schedule_field({"every": "day", "zone": zone})


@given(st.sampled_from(sorted(list_zones())).flatmap(schedules))
def test_a_schedule_is_accepted_as_it_is_answered(schedule: Row) -> None:
    accepted = schedule_field(json.loads(json.dumps(schedule)))
    assert accepted == schedule == schedule_field(accepted)


def test_zones_are_those_of_the_pinned_package(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A machine whose system says something else of a zone has the same ends."""
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Berlin").write_bytes((zones() / "Asia" / "Tokyo").read_bytes())
    reset_tzpath(to=[str(tmp_path)])
    request.addfinalizer(reset_tzpath)
    get_zone.cache_clear()
    request.addfinalizer(get_zone.cache_clear)
    schedule = {"every": "day", "at": "06:00", "zone": "Europe/Berlin"}
    assert end_after(NOON, schedule) == "2026-11-30T05:00:00Z"
    assert ZoneInfo.no_cache("Europe/Berlin").utcoffset(datetime(2026, 1, 1)) == 9 * HOUR


def zones() -> Traversable:
    """The package's zones."""
    return files("tzdata") / "zoneinfo"


def test_every_zone_that_is_named_can_be_read() -> None:
    moment = datetime(2026, 1, 1)
    assert len(list_zones()) > 500
    assert None not in {get_zone(name).utcoffset(moment) for name in list_zones()}
