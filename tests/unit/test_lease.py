"""Listeners, one lease, and a clock in the test's hand."""

from types import SimpleNamespace
from typing import cast

import pytest
from django.conf import settings

from leaderboardapp.domain.exceptions import OutcomeUnknown
from leaderboardapp.domain.types import Lease as LeaseState
from leaderboardapp.listener import division, lease
from leaderboardapp.listener.division import Division
from leaderboardapp.listener.lease import (
    LOOK_SECONDS,
    MOST_LEAVING_SECONDS,
    TAKEOVER_SECONDS,
    VALID_SECONDS,
    Lease,
    LeaseLost,
)
from leaderboardapp.stores.base import Store

SHARED_SECONDS = 5  # until one that has just begun has its share


class LeaseStore:
    def __init__(self) -> None:
        self.state = LeaseState()
        self.delay = self.read_delay = 0.0
        self.now = 100.0
        self.reads = self.writes = 0
        self.is_silent = False  # the next write is done, but nothing is heard of it
        self.taken: dict[int, int] = {}  # by those that were run: parts, with their positions

    def read_lease(self) -> LeaseState:
        self.now += self.read_delay
        self.reads += 1
        return self.state

    def replace_lease(self, old: LeaseState, new: LeaseState) -> bool:
        self.now += self.delay
        if self.state != old:
            return False
        self.state, self.writes = new, self.writes + 1
        if self.is_silent:
            self.is_silent = False
            raise OutcomeUnknown("no answer")
        return True

    def be_faster(self, old: LeaseState, new: LeaseState) -> bool:
        self.now += self.delay
        return False

    def begin(self) -> Lease:
        """Return the lease of a listener that has just begun."""
        one = Lease(cast(Store, self))
        one.look()
        return one

    def run(self, seconds: float, *leases: Lease) -> None:
        """Have listeners look so long, all of whose publishers are quick."""
        until = self.now + seconds
        while self.now < until:
            self.now += LOOK_SECONDS
            for one in leases:
                self.taken |= one.take_new()
                if one.is_look_due():
                    one.look(checkpoint=int(self.now), sent_until=self.now)

    def positions(self) -> list[int]:
        return [part.position for part in Division.decode(self.state).parts]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> LeaseStore:
    store = LeaseStore()
    monkeypatch.setattr(lease, "time", SimpleNamespace(monotonic=lambda: store.now))
    return store


def counts(*leases: Lease) -> list[int]:
    return [len(one.parts.numbers) for one in leases]


def test_one_alone_has_all_parts_at_once_and_writes_once_a_second(store: LeaseStore) -> None:
    one = store.begin()
    assert one.parts.are_all() and len(one.take_new()) == settings.LISTENER_PARTS
    assert one.may_publish("any")
    reads, writes = store.reads, store.writes
    store.run(30, one)
    assert store.writes - writes <= 30 / lease.HEARTBEAT_SECONDS
    assert store.reads == reads, "nothing else can have become of what it wrote"


def test_those_who_come_are_given_equal_shares(store: LeaseStore) -> None:
    leases = [store.begin()]
    for number in range(2, 20):
        leases.append(store.begin())
        store.run(SHARED_SECONDS, *leases)
        parts = [part for one in leases for part in one.parts.numbers]
        assert sorted(parts) == [*range(settings.LISTENER_PARTS)]
        assert max(counts(*leases)) - min(counts(*leases)) <= 1, number


def test_who_dies_soon_again_and_again_has_no_part_that_nobody_publishes(
    store: LeaseStore,
) -> None:
    one = store.begin()
    for _ in range(10):
        two = store.begin()
        store.run(2, one, two)
        assert counts(one, two) == [16, 0]
        store.run(1, one)
    store.run(TAKEOVER_SECONDS, one)
    two = store.begin()
    store.run(SHARED_SECONDS, one, two)
    assert counts(one, two) == [8, 8]


def test_who_has_a_part_keeps_it_if_there_is_none_for_the_next(
    store: LeaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "LISTENER_PARTS", 1)
    one, others = store.begin(), [store.begin() for _ in range(5)]
    store.run(5, one, *others)
    assert counts(one, *others) == [1, 0, 0, 0, 0, 0]


def test_a_lease_with_a_heartbeat_is_never_taken(store: LeaseStore) -> None:
    one, two = store.begin(), store.begin()
    store.run(SHARED_SECONDS, one, two)
    before = one.parts, two.parts
    store.taken.clear()
    store.run(20, one, two)
    assert (one.parts, two.parts) == before and not store.taken


def test_the_parts_of_one_who_died_are_taken_within_five_seconds(store: LeaseStore) -> None:
    one, two, three = store.begin(), store.begin(), store.begin()
    store.run(5, one, two, three)
    died_at, position = store.now, store.positions()[min(one.parts.numbers)]
    store.taken.clear()
    store.run(TAKEOVER_SECONDS + 2 * LOOK_SECONDS, two, three)
    assert store.now < died_at + 5
    assert counts(two, three) == [8, 8]
    store.run(LOOK_SECONDS, two, three)
    assert store.taken == dict.fromkeys(one.parts.numbers, position), "they go on there"


def test_who_is_back_after_an_outage_gives_others_the_time_to_come_back(store: LeaseStore) -> None:
    one, two = store.begin(), store.begin()
    store.run(SHARED_SECONDS, one, two)
    store.now += TAKEOVER_SECONDS
    two.drop()
    two.look()
    one.drop()
    store.run(LOOK_SECONDS, two)
    assert counts(two) == [8]
    one.look()
    assert counts(one, two) == [8, 8]


def test_the_holder_stops_before_another_may_take_over(store: LeaseStore) -> None:
    one, two = store.begin(), store.begin()
    store.run(SHARED_SECONDS, one, two)
    while not two.parts.are_all():
        store.now += 0.1
        two.look()
        assert not (one.is_valid() and one.parts.numbers & two.parts.numbers)
    with pytest.raises(LeaseLost):
        one.look(checkpoint=1)
    one.drop()
    store.run(SHARED_SECONDS, one, two)
    assert counts(one, two) == [8, 8], "it is given its share again"


def test_a_heartbeat_of_which_nothing_was_heard_is_not_the_next_one_as_well(
    store: LeaseStore,
) -> None:
    one, two = store.begin(), store.begin()
    store.run(5, one, two)
    while not one.is_renewal_due():
        store.now += 0.1
    store.is_silent = True
    with pytest.raises(OutcomeUnknown):
        one.look()
    two.look()
    one.drop()
    store.now += 2.0
    two.look()
    one.look()
    while one.is_valid():
        two.look()
        assert one.parts.numbers and not one.parts.numbers & two.parts.numbers
        store.now += LOOK_SECONDS


def test_a_heartbeat_is_as_old_as_the_end_of_a_read_that_took_long(
    store: LeaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "LISTENER_PARTS", 1)
    one = store.begin()
    store.read_delay = 2.0
    two = store.begin()
    store.read_delay = 0.0
    store.run(TAKEOVER_SECONDS - 1, two)
    assert counts(one, two) == [1, 0]


def test_a_heartbeat_that_took_too_long_is_a_loss(store: LeaseStore) -> None:
    one = store.begin()
    store.now += 1
    store.delay = VALID_SECONDS
    with pytest.raises(LeaseLost):
        one.look()


def test_a_look_that_others_are_always_faster_than_ends(
    store: LeaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = store.begin()
    store.now += lease.HEARTBEAT_SECONDS
    store.delay = 0.1
    monkeypatch.setattr(store, "replace_lease", store.be_faster)
    with pytest.raises(LeaseLost):
        one.look()
    assert store.now < 100 + 2 * VALID_SECONDS
    one.release()
    assert store.now < 100 + 4 * VALID_SECONDS, "others remove it then"


def test_a_holder_whose_lease_ran_out_takes_all_anew_at_once(store: LeaseStore) -> None:
    one = store.begin()
    store.run(2, one)
    position = store.positions()[0]
    store.now += VALID_SECONDS + 1
    with pytest.raises(LeaseLost):
        one.look(checkpoint=1000)
    one.drop()
    assert not one.may_publish("any")
    one.look()
    assert one.may_publish("any")
    assert one.take_new() == dict.fromkeys(range(settings.LISTENER_PARTS), position)


def test_released_parts_are_taken_at_the_next_look(store: LeaseStore) -> None:
    one, two = store.begin(), store.begin()
    store.run(SHARED_SECONDS, one, two)
    one.release()
    assert not one.parts.numbers
    two.look()
    assert two.parts.are_all()
    two.release()
    assert store.begin().parts.are_all()


def test_who_has_nothing_to_release_changes_nothing(store: LeaseStore) -> None:
    for state in (LeaseState(), LeaseState("old", 7, 3)):
        store.state = state
        Lease(cast(Store, store)).release()
        assert store.state == state


def test_a_part_is_given_up_when_what_was_published_of_it_has_been_sent(
    store: LeaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(division, "TRUSTED", 1)
    one, two = store.begin(), store.begin()
    store.now += lease.HEARTBEAT_SECONDS
    one.look(checkpoint=7)
    assert counts(one) == [8], "nothing new of the others is published"
    left_at = store.now
    store.now += LOOK_SECONDS
    one.look(checkpoint=9, sent_until=left_at)
    two.look()
    assert counts(one, two) == [8, 0]
    one.look(checkpoint=9, sent_until=left_at + 0.1)
    two.look()
    assert counts(one, two) == [8, 8]
    assert {*two.take_new().values()} == {0}, "it was still being caught up on"


def test_a_proxy_that_does_not_answer_delays_it_for_a_while_only(
    store: LeaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(division, "TRUSTED", 1)
    one, two = store.begin(), store.begin()
    until = store.now + MOST_LEAVING_SECONDS + 3 * LOOK_SECONDS
    while store.now < until:
        store.now += LOOK_SECONDS
        one.look()
        two.look()
    assert counts(one, two) == [8, 8]


def test_the_checkpoint_is_left_only_for_parts_that_were_caught_up_on(store: LeaseStore) -> None:
    one = store.begin()
    store.now += 1
    one.look(checkpoint=50)
    assert {*store.positions()} == {0}
    one.take_new()
    store.now += 1
    one.look(checkpoint=50)
    assert {*store.positions()} == {50} and store.state.position == 50


def test_the_number_of_parts_changes_when_nobody_runs(
    store: LeaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = store.begin()
    store.run(2, one)
    position = store.state.position
    monkeypatch.setattr(settings, "LISTENER_PARTS", 5)
    two = store.begin()
    store.run(SHARED_SECONDS, one, two)
    assert counts(one, two) == [8, 8], "until then there are as many as before"
    store.now += TAKEOVER_SECONDS
    three = store.begin()
    store.taken.clear()
    store.run(TAKEOVER_SECONDS + LOOK_SECONDS, three)
    assert counts(three) == [5] and min(store.taken.values()) >= position


class TestOneOfAnEarlierVersion:
    """It has all boards, and knows of no parts."""

    def test_while_it_lives_others_stand_by(self, store: LeaseStore) -> None:
        store.state = LeaseState("old", 7, 3)
        one = store.begin()
        for beat in range(8, 20):
            store.state = LeaseState("old", beat, 3)
            store.run(0.9, one)
        assert counts(one) == [0] and store.state.holder == "old"

    def test_others_go_on_when_it_has_ended_or_died(self, store: LeaseStore) -> None:
        store.state = LeaseState("old", 7, 3)
        one = store.begin()
        store.run(TAKEOVER_SECONDS + LOOK_SECONDS, one)
        assert one.parts.are_all() and {*store.taken.values()} == {3}
        store.state = LeaseState("", 8, 4, "parts that are out of date")
        two = store.begin()
        assert two.parts.are_all() and {*two.take_new().values()} == {4}

    def test_to_it_the_others_are_one_that_is_active(self, store: LeaseStore) -> None:
        one, two = store.begin(), store.begin()
        before = store.state
        store.run(2, one, two)
        assert before.holder == store.state.holder != "" and store.state.beat > before.beat
        store.state = LeaseState("old", store.state.beat + 1, store.state.position)
        with pytest.raises(LeaseLost):
            one.look()
