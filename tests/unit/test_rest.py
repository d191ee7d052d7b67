"""A feed's rests."""

from types import SimpleNamespace

import pytest

from leaderboardapp.stores import streams
from leaderboardapp.stores.streams import LONGEST_REST, SHORTEST_REST, Rest


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in seconds, which is in the list."""
    moment = [100.0]
    monkeypatch.setattr(streams, "time", SimpleNamespace(monotonic=lambda: moment[0]))
    return moment


def test_there_is_none_before_the_first_change(now: list[float]) -> None:
    assert Rest().left(1.0) == 0.0


def test_it_is_over_in_time_and_never_longer_than_the_timeout(now: list[float]) -> None:
    rest = Rest()
    rest.begin()
    assert rest.left(1.0) == pytest.approx(SHORTEST_REST)
    assert rest.left(0.001) == pytest.approx(0.001)
    now[0] += SHORTEST_REST / 2
    assert rest.left(1.0) == pytest.approx(SHORTEST_REST / 2)
    now[0] += SHORTEST_REST
    assert rest.left(1.0) == 0.0


def test_they_grow_while_change_follows_change(now: list[float]) -> None:
    rest, lengths = Rest(), []
    for _ in range(12):
        rest.begin()
        lengths.append(rest.left())
        now[0] += lengths[-1] + SHORTEST_REST / 2
    assert lengths == sorted(lengths)
    assert lengths[0] == pytest.approx(SHORTEST_REST)
    assert lengths[1] > lengths[0]
    assert lengths[-1] == pytest.approx(LONGEST_REST)


def test_one_is_short_if_nothing_changed_for_a_while_after_the_last_one(now: list[float]) -> None:
    rest = Rest()
    for _ in range(12):
        rest.begin()
        now[0] += rest.left()
    now[0] += SHORTEST_REST * 1.5
    rest.begin()
    assert rest.left() == pytest.approx(SHORTEST_REST)


def test_they_do_not_grow_where_they_may_not(now: list[float]) -> None:
    rest = Rest(SHORTEST_REST)
    rest.begin()
    rest.begin()
    assert rest.left() == pytest.approx(SHORTEST_REST)
