"""Metrics count nothing until they are on, and then what happens."""

import subprocess
import sys
from typing import Any

import pytest

from leaderboardapp.domain.exceptions import BoardNotFound, OutcomeUnknown, StoreUnavailable
from leaderboardapp.metrics import BUCKETS, Counter, Gauge, Histogram
from leaderboardapp.stores import circuit_breaker
from leaderboardapp.stores.circuit_breaker import CircuitBreaker, NoAnswer
from leaderboardapp.stores.measured import CALL_SECONDS, FAILURES, measure
from leaderboardapp.stores.sql.sqlite.store import SqliteStore
from tests.support.metrics import count_of, turn_on
from tests.support.programs import PROJECT


class FailingStore(SqliteStore):
    """A store that does not answer."""

    error: Exception = StoreUnavailable("away")

    def get_board(self, board: str) -> Any:
        raise self.error

    def get_player(self, board: str, player: str) -> Any:
        return self.get_board(board)


@pytest.mark.processes
def test_what_is_off_counts_nothing_and_loads_no_library() -> None:
    code = """
import sys, django
django.setup()
from leaderboardapp.listener import worker
from leaderboardapp.rabbitmq import worker as other
import leaderboard_project.wsgi, leaderboardapp.exporter
leaderboardapp.exporter.export_together("METRICS_WEB")
leaderboardapp.exporter.export("METRICS_LISTENER")
from leaderboardapp.stores import get_store
print(type(get_store()).__module__, "prometheus_client" in sys.modules)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "leaderboardapp.stores.sql.sqlite.store False\n", done.stderr
    counter = Counter("test_off", "Nothing")
    counter.count()
    assert counter.child is None


def test_metrics_that_are_on_count_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    counter, times = Counter("test_on", "x", "of"), Histogram("test_seconds", "x")
    gauge = Gauge("test_gauge", "x")
    turn_on(monkeypatch, counter, times, gauge)
    counter.count("a")
    counter.count("a", by=2)
    counter.count("b", by=0)
    times.observe(0.3)
    gauge.follow(lambda: 7)
    assert (count_of(counter, "a"), count_of(counter, "b")) == (3, 0)
    assert count_of(gauge) == 7
    assert times.child
    [family] = times.child().collect()
    counts = {sample.labels.get("le"): sample.value for sample in family.samples}
    assert counts["0.1"] == 0 and counts["0.3"] == 1 == counts["+Inf"]


def test_the_buckets_have_our_targets_among_them() -> None:
    assert {0.005, 0.02, 0.3, 2.0, 2.5} <= {*BUCKETS}
    assert sorted(BUCKETS) == [*BUCKETS]


@pytest.mark.parametrize(
    ("error", "failures"),
    [
        (StoreUnavailable("away"), {"no": 1, "unknown": 0}),
        (OutcomeUnknown("?"), {"no": 0, "unknown": 1}),
        (BoardNotFound("b"), {"no": 0, "unknown": 0}),
    ],
)
def test_a_call_is_timed_once_and_a_failure_counted(
    error: Exception, failures: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_on(monkeypatch, CALL_SECONDS, FAILURES)
    monkeypatch.setattr(FailingStore, "error", error)
    with pytest.raises(type(error)):
        measure(FailingStore)().get_player("b", "p")
    assert {done: count_of(FAILURES, "get_player", done) for done in failures} == failures
    assert [count_of(CALL_SECONDS, call) for call in ("get_player", "get_board")] == [1, 0]


def test_the_circuit_breaker_counts_its_openings_and_what_fails_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turn_on(monkeypatch, circuit_breaker.OPENED, circuit_breaker.REFUSED)
    breaker = CircuitBreaker("a server", 1)
    with pytest.raises(NoAnswer), breaker.guard():
        raise NoAnswer("it is away")
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            breaker.check()
    assert count_of(circuit_breaker.OPENED) == 1
    assert count_of(circuit_breaker.REFUSED) == 2
