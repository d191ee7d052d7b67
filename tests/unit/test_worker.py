"""The listener's process: it stands by, listens, and goes on after failures."""

import logging
import threading
from collections.abc import Iterator

import pytest

from leaderboardapp.concurrency import backoff
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.parts import ALL_PARTS, Parts
from leaderboardapp.listener import worker
from leaderboardapp.listener.lease import LOOK_SECONDS, LeaseLost
from leaderboardapp.listener.worker import MOST_PAUSE_SECONDS, Listener, run_listener


class World:
    """A lease and a listener that do what a list says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: Iterator[bool | Exception] = iter(())
        self.stop = threading.Event()
        self.is_away = False
        self.calls: list[str] = []
        monkeypatch.setattr(worker, "get_store", lambda: self)
        monkeypatch.setattr(worker, "Lease", lambda store: self)
        monkeypatch.setattr(worker, "Publisher", lambda clients, may_publish: FakePublisher(self))
        monkeypatch.setattr(Listener, "listen", lambda listener: self.calls.append("listen"))
        monkeypatch.setattr(backoff, "MOST", 0.01)

    def may_publish(self, board: str) -> bool:
        return True

    def drop(self) -> None:
        self.parts = Parts(1)

    def look(self) -> None:
        step = next(self.steps, None)
        if isinstance(step, Exception):
            raise step
        if step is None:
            self.stop.set()
        self.parts = ALL_PARTS if step else Parts(1)

    def release(self) -> None:
        self.calls.append("release")
        if self.is_away:
            raise StoreUnavailable("away")

    def close(self) -> None:
        self.calls.append("close store")


class FakePublisher:
    def __init__(self, world: World) -> None:
        self.world, self.proxies = world, ()

    def stop(self) -> None:
        self.world.calls.append("stop publisher")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_standby_says_so_once_and_tries_again_soon(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.steps = iter([False, False, True, False])
    listener = Listener(world.stop, [])
    with caplog.at_level(logging.INFO):
        pauses = [listener.run_once() for _ in range(4)]
    assert pauses == [LOOK_SECONDS, LOOK_SECONDS, 0.0, LOOK_SECONDS]
    assert world.calls == ["listen"]
    assert caplog.text.count("standing by") == 2, "again after it was active"


def test_a_listener_that_lost_the_lease_tries_again_at_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.steps = iter([LeaseLost(), True])
    listener = Listener(world.stop, [])
    assert [listener.run_once(), listener.run_once()] == [0.0, 0.0]
    assert "the lease is lost" in caplog.text
    assert world.calls == ["listen"]


def test_it_goes_on_after_failures_of_the_store_and_ends_in_order(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.steps = iter([StoreUnavailable("away"), True])
    run_listener(world.stop)
    assert world.calls == ["listen", "stop publisher", "release", "close store"]
    [failure] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "away; trying again" in failure.getMessage() and not failure.exc_info


def test_a_standby_that_ends_leaves_nothing_behind_even_if_the_store_is_away(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.steps, world.is_away = iter([False]), True
    run_listener(world.stop)
    assert world.calls == ["stop publisher", "release", "close store"]
    assert "others take the parts" in caplog.text


def test_after_an_outage_of_the_store_it_is_back_soon(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def wait(pause: float | None = None) -> bool:
        pauses.append(pause or 0.0)
        return world.stop.is_set()

    monkeypatch.setattr(backoff, "MOST", 5.0)
    monkeypatch.setattr(world.stop, "wait", wait)
    world.steps = iter([StoreUnavailable("away")] * 10)
    run_listener(world.stop)
    assert len(pauses) > 10 and max(pauses) == MOST_PAUSE_SECONDS


def test_any_other_failure_ends_the_process(world: World) -> None:
    world.steps = iter([KeyError("odd"), True])
    with pytest.raises(KeyError):
        run_listener(world.stop)
    assert world.calls == []


def test_a_listener_that_is_to_stop_does_not_begin(world: World) -> None:
    world.stop.set()
    run_listener(world.stop)
    assert world.calls == ["stop publisher", "release", "close store"]
