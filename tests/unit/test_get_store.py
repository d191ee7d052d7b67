"""The store of a process is one, also when all its threads ask for it at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from leaderboardapp import stores


def test_threads_that_ask_at_once_are_given_the_same_store(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    two_make = threading.Barrier(2, timeout=0.2)

    def make(url: str) -> Any:
        with suppress(threading.BrokenBarrierError):
            two_make.wait()  # for a second one to begin, in vain
        made.append(object())
        return made[-1]

    monkeypatch.setattr(stores, "_stores", {})
    monkeypatch.setattr(stores, "_make_store", make)
    with ThreadPoolExecutor(4) as pool:
        given = {*pool.map(lambda _: stores.get_store(), range(4))}
    assert [*given] == made and len(made) == 1
