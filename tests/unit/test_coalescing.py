import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from leaderboardapp.concurrency.coalescing import Coalescer
from leaderboardapp.domain.exceptions import StoreUnavailable
from tests.support.programs import wait_until


class Work:
    """Of each board it does one batch, once it may, and gives each item back."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, list[str]]] = []
        self.may = threading.Semaphore(0)

    def __call__(self, board: str, items: list[str]) -> list[str]:
        self.begun.append((board, [*items]))
        assert self.may.acquire(timeout=10)
        if "bad" in items:
            raise ValueError(items)
        return [item.upper() for item in items]


class Asking:
    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool, self.work = pool, Work()
        self.away = False
        self.gather = Coalescer(self.work, self.check)

    def __call__(self, board: str, *items: str) -> list[Future[str]]:
        """In this order, each by a thread of its own."""
        asked = []
        for item in items:
            asked.append(self.pool.submit(self.gather, board, item))
            wait_until(lambda: item in self.heard(), f"{item} is asked for")  # noqa: B023
        return asked

    def check(self) -> None:
        if self.away:
            raise StoreUnavailable

    def heard(self) -> list[str]:
        with self.gather.lock:
            pending = [batch.items for batch in self.gather.pending.values()]
        return [
            item for items in [*pending, *(items for _, items in self.work.begun)] for item in items
        ]


@pytest.fixture
def ask() -> Iterator[Asking]:
    with ThreadPoolExecutor(16) as pool:
        asking = Asking(pool)
        yield asking
        asking.work.may.release(100)


def values(asked: list[Future[Any]]) -> list[Any]:
    return [future.result(10) for future in asked]


def test_what_is_asked_for_meanwhile_is_done_at_once_and_in_order(ask: Asking) -> None:
    first = ask("b", "a")
    rest = ask("b", "b", "c", "d")
    assert ask.work.begun == [("b", ["a"])]  # nobody is given what was begun before they asked
    ask.work.may.release(2)
    assert values(first + rest) == ["A", "B", "C", "D"]
    assert ask.work.begun == [("b", ["a"]), ("b", ["b", "c", "d"])]


def test_boards_do_not_wait_for_each_other(ask: Asking) -> None:
    ask("b", "a")
    ask("c", "b")
    wait_until(lambda: len(ask.work.begun) == 2, "both are under way")


def test_a_failure_is_told_to_its_batch_and_to_nobody_else(ask: Asking) -> None:
    first = ask("b", "a")
    failing = ask("b", "b", "bad")
    ask.work.may.release(1)
    assert values(first) == ["A"]
    wait_until(lambda: len(ask.work.begun) == 2, "the second is under way")
    last = ask("b", "c")
    ask.work.may.release(2)
    for each in failing:
        with pytest.raises(ValueError):
            each.result(10)
    assert values(last) == ["C"]


def test_nothing_is_kept_of_what_is_done(ask: Asking) -> None:
    ask.work.may.release(3)
    values(ask("b", "a") + ask("c", "b", "c"))
    wait_until(lambda: not ask.gather.running, "the last one is let go of")
    assert not ask.gather.pending


def test_nobody_waits_for_a_store_that_is_known_to_be_away(ask: Asking) -> None:
    first = ask("b", "a")
    ask.away = True
    with pytest.raises(StoreUnavailable):
        ask.gather("b", "b")
    ask.work.may.release()
    assert values(first) == ["A"]
