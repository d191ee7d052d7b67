"""What the doctor says of a store that is slow, or does only a part."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest

from leaderboardapp.doctor import store as doctor
from leaderboardapp.doctor.findings import Finding, Level
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.stores.examination import Examination, Fault

FULL = StoreUnavailable("the disk is full")


class FarStore:
    """A store whose calls take a while, by a clock of its own."""

    def __init__(self, seconds: float, examination: list[Fault] | StoreUnavailable) -> None:
        self.seconds, self.examination, self.now = seconds, examination, 0.0

    def ping(self) -> None:
        self.now += self.seconds

    def examine(self) -> Examination:
        if isinstance(self.examination, StoreUnavailable):
            raise self.examination
        return Examination(self.examination, self.now)


Examine = Callable[[FarStore], list[Finding]]


@pytest.fixture
def examine(monkeypatch: pytest.MonkeyPatch) -> Examine:
    """examine(store): return the findings of such a store, whose disk is full."""

    def list_findings(store: FarStore) -> list[Finding]:
        clock = SimpleNamespace(monotonic=lambda: store.now, time=lambda: store.now)
        monkeypatch.setattr(doctor, "get_store", lambda: store)
        monkeypatch.setattr(doctor, "time", clock)
        monkeypatch.setattr(doctor, "probe_boards", fail)
        *findings, last = doctor.examine_store()
        assert last.level == Level.ERROR and "no writes: the disk is full" in last.text
        return findings

    return list_findings


def fail(ids: Sequence[str]) -> None:
    raise FULL


def test_a_store_that_is_far_is_warned_of(examine: Examine) -> None:
    slow, tables = examine(FarStore(0.3, []))
    assert slow.level == Level.WARNING and "0.30 s for the least query" in slow.text
    assert "tunnel" in slow.remedy and tables.level == Level.OK


def test_a_store_that_is_near_is_not(examine: Examine) -> None:
    [tables] = examine(FarStore(0.05, []))
    assert tables.level == Level.OK


def test_a_store_whose_tables_may_not_be_looked_at_answers(examine: Examine) -> None:
    [tables] = examine(FarStore(0.0, StoreUnavailable("no `config` permission")))
    assert tables.level == Level.WARNING and "no `config` permission" in tables.text


def test_what_works_and_will_not_always_is_no_error(examine: Examine) -> None:
    few, broken = examine(FarStore(0.0, [Fault("few", "more", is_warning=True), Fault("a", "b")]))
    assert (few.level, broken.level) == (Level.WARNING, Level.ERROR)
