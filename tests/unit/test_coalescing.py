"""Concurrent calls for one board are coalesced into one batch."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from leaderboardapp.concurrency.coalescing import Coalescer
from leaderboardapp.domain.exceptions import StoreUnavailable
from tests.support.programs import wait_until


class Work:
    """Upper-cases the items of a batch, once for each release of `may_finish`."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[str]]] = []
        self.may_finish = threading.Semaphore(0)

    def __call__(self, board: str, items: list[str]) -> list[str]:
        self.batches.append((board, [*items]))
        assert self.may_finish.acquire(timeout=10)
        if "bad" in items:
            raise ValueError(items)
        return [item.upper() for item in items]


class Callers:
    """Threads that call a coalescer of Work."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool, self.work = pool, Work()
        self.is_unavailable = False
        self.coalescer = Coalescer(self.work, self.check, "letters")

    def call(self, board: str, *items: str) -> list[Future[str]]:
        """Call for each item, in this order, each in a thread of its own."""
        calls = []
        for item in items:
            calls.append(self.pool.submit(self.coalescer, board, item))
            wait_until(lambda: item in self.taken(), f"the call for {item}")  # noqa: B023
        return calls

    def check(self) -> None:
        if self.is_unavailable:
            raise StoreUnavailable

    def taken(self) -> list[str]:
        """The items of all batches, pending, running and done."""
        with self.coalescer.lock:
            pending = [batch.items for batch in self.coalescer.pending.values()]
        batches = [*pending, *(items for _, items in self.work.batches)]
        return [item for items in batches for item in items]


@pytest.fixture
def callers() -> Iterator[Callers]:
    with ThreadPoolExecutor(16) as pool:
        callers = Callers(pool)
        yield callers
        callers.work.may_finish.release(100)


def results(calls: list[Future[Any]]) -> list[Any]:
    return [call.result(10) for call in calls]


def test_calls_meanwhile_are_one_batch_in_their_order(callers: Callers) -> None:
    first = callers.call("b", "a")
    rest = callers.call("b", "b", "c", "d")
    assert callers.work.batches == [("b", ["a"])]  # no call joins a batch that is running
    callers.work.may_finish.release(2)
    assert results(first + rest) == ["A", "B", "C", "D"]
    assert callers.work.batches == [("b", ["a"]), ("b", ["b", "c", "d"])]


def test_boards_do_not_wait_for_each_other(callers: Callers) -> None:
    callers.call("b", "a")
    callers.call("c", "b")
    wait_until(lambda: len(callers.work.batches) == 2, "both batches to run")


def test_a_failure_reaches_its_batch_and_no_other(callers: Callers) -> None:
    first = callers.call("b", "a")
    failing = callers.call("b", "b", "bad")
    callers.work.may_finish.release(1)
    assert results(first) == ["A"]
    wait_until(lambda: len(callers.work.batches) == 2, "the second batch to run")
    last = callers.call("b", "c")
    callers.work.may_finish.release(2)
    for call in failing:
        with pytest.raises(ValueError):
            call.result(10)
    assert results(last) == ["C"]


def test_nothing_is_kept_of_a_batch_that_is_done(callers: Callers) -> None:
    callers.work.may_finish.release(3)
    results(callers.call("b", "a") + callers.call("c", "b", "c"))
    wait_until(lambda: not callers.coalescer.running, "the last batch to be dropped")
    assert not callers.coalescer.pending


def test_no_call_waits_for_a_store_that_is_known_to_be_unreachable(callers: Callers) -> None:
    first = callers.call("b", "a")
    callers.is_unavailable = True
    with pytest.raises(StoreUnavailable):
        callers.coalescer("b", "b")
    callers.work.may_finish.release()
    assert results(first) == ["A"]
