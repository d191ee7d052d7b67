"""Two listeners, one lease, and a clock in the test's hand."""

from types import SimpleNamespace
from typing import cast

import pytest

from leaderboardapp.domain.types import Lease as LeaseState
from leaderboardapp.listener import lease
from leaderboardapp.listener.lease import TAKEOVER_SECONDS, VALID_SECONDS, Lease, LeaseLost
from leaderboardapp.stores.base import Store


class LeaseStore:
    def __init__(self) -> None:
        self.state = LeaseState()
        self.delay = 0.0
        self.now = 100.0

    def read_lease(self) -> LeaseState:
        return self.state

    def replace_lease(self, old: LeaseState, new: LeaseState) -> bool:
        self.now += self.delay
        if self.state[:2] != old[:2]:
            return False
        self.state = new
        return True


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> LeaseStore:
    store = LeaseStore()
    monkeypatch.setattr(lease, "time", SimpleNamespace(monotonic=lambda: store.now))
    return store


@pytest.fixture
def one(store: LeaseStore) -> Lease:
    return Lease(cast(Store, store))


@pytest.fixture
def two(store: LeaseStore) -> Lease:
    return Lease(cast(Store, store))


def test_a_free_lease_is_taken_at_once_by_one_only(one: Lease, two: Lease) -> None:
    assert one.try_to_take()
    assert not two.try_to_take()
    assert one.is_valid() and not two.is_valid()


def test_a_lease_with_a_heartbeat_is_never_taken(store: LeaseStore, one: Lease, two: Lease) -> None:
    assert one.try_to_take()
    for second in range(20):
        store.now += 1
        one.renew(checkpoint=second)
        assert not two.try_to_take()


def test_a_lease_whose_holder_died_is_taken_within_five_seconds(
    store: LeaseStore, one: Lease, two: Lease
) -> None:
    assert one.try_to_take()
    one.renew(checkpoint=7)
    assert not two.try_to_take()
    store.now += TAKEOVER_SECONDS
    assert two.try_to_take()
    assert two.state.position == 7, "it goes on where the other one was"
    assert TAKEOVER_SECONDS + lease.STANDBY_SECONDS < 5


def test_the_holder_stops_before_another_may_take_over(
    store: LeaseStore, one: Lease, two: Lease
) -> None:
    assert one.try_to_take()
    assert not two.try_to_take()
    while not two.try_to_take():
        store.now += 0.1
        assert not (one.is_valid() and two.is_valid())
    assert not one.is_valid()
    with pytest.raises(LeaseLost):
        one.require_valid()
    with pytest.raises(LeaseLost):
        one.renew(checkpoint=1)


def test_a_heartbeat_that_took_too_long_is_a_loss(store: LeaseStore, one: Lease) -> None:
    assert one.try_to_take()
    store.delay = VALID_SECONDS + 0.1
    with pytest.raises(LeaseLost):
        one.renew(checkpoint=1)


def test_a_holder_whose_lease_ran_out_takes_it_again_at_once_if_it_is_free(
    store: LeaseStore, one: Lease
) -> None:
    assert one.try_to_take()
    store.now += VALID_SECONDS + 1
    with pytest.raises(LeaseLost):
        one.require_valid()
    assert one.try_to_take()


def test_a_released_lease_is_taken_at_once(one: Lease, two: Lease) -> None:
    assert one.try_to_take()
    assert not two.try_to_take()
    one.release()
    assert not one.is_valid()
    assert two.try_to_take()
