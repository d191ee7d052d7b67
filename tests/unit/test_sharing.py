"""Listeners come, go and stand still while boards change: each part has one of them at most, and
nobody stays outdated."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from hypothesis import example, given
from hypothesis import strategies as st

from leaderboardapp import snapshots
from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.parts import ALL_PARTS, Parts
from leaderboardapp.domain.types import Changes, Lease, Row
from leaderboardapp.listener import leaders, lease, publish_scheduler, worker
from leaderboardapp.listener.division import Division
from leaderboardapp.listener.lease import LeaseLost
from leaderboardapp.listener.publish_scheduler import PublishScheduler
from leaderboardapp.listener.worker import Listener
from leaderboardapp.realtime import publish
from leaderboardapp.realtime.hold_channels import parse_hold
from leaderboardapp.realtime.proxy_client import News, ProxyUnavailable, Publication
from leaderboardapp.realtime.publish import NotPublished, ProxyPublisher, PublishBatch, Publisher
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.stores.streams import Feed
from tests.unit.watched_world import HandProxy, Viewer

PARTS = 5
BOARDS = "abcdefgh"
SETTLED_SECONDS = 15.0


class World:
    """The store, a proxy with viewers, listeners, and the time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, tells_holds: bool = True) -> None:
        self.now, self.is_away, self.tells_holds = 1000.0, False, tells_holds
        self.is_silent = False  # the next write of the lease is done, but nothing is heard of it
        self.boards: dict[str, Snapshot] = {}
        self.changes: dict[str, int] = {}  # by board, the position of its newest one
        self.lease = Lease()
        self.viewers: list[Viewer] = []
        self.opening: list[Viewer] = []
        self.processes: list[Process] = []
        clock = SimpleNamespace(monotonic=lambda: self.now)
        for module in (lease, publish_scheduler, publish, worker):
            monkeypatch.setattr(module, "time", clock)
        monkeypatch.setattr(snapshots, "read_snapshots", self.read_snapshots)
        monkeypatch.setattr(leaders, "get_store", lambda: self)
        monkeypatch.setattr(worker, "get_store", lambda: self)
        monkeypatch.setattr(worker, "Publisher", HandPublisher)
        monkeypatch.setattr(settings, "LISTENER_PARTS", PARTS)

    def change(self, board: str, body: str) -> None:
        if not self.is_away:
            self.boards[board] = Snapshot(body, body)
            self.changes[board] = self.position() + 1

    def open(self, board: str) -> None:
        if board in self.boards:
            self.opening.append(Viewer(board, self.boards[board]))
        if not self.tells_holds:  # who is held late is not sent what has changed before
            self.hold()

    def hold(self) -> None:
        if self.opening:
            viewer = self.opening.pop(0)
            new = [c for c in viewer.channels if not any(c in v.channels for v in self.viewers)]
            self.viewers.append(viewer)
            for process in self.processes if self.tells_holds else ():
                process.client.news += [News(channel, is_back=False) for channel in new]

    def run(self, seconds: float) -> None:
        """Let all listeners go on that do not stand still, once, after so many seconds."""
        self.now += seconds
        for process in [*self.processes]:
            if not process.is_frozen:
                process.run()
                self.check()

    def run_for(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.run(0.25)

    def check(self) -> None:
        """Check that no two listeners may publish the same board."""
        valid = [p.listener.lease for p in self.processes if p.listener.lease.is_valid()]
        for one, other in combinations(valid, 2):
            assert not {b for b in BOARDS if one.may_publish(b) and other.may_publish(b)}

    # It is the store, too.
    def position(self) -> int:
        self.require()
        return max(self.changes.values(), default=0)

    def changed_since(self, position: int) -> list[str]:
        self.require()
        return [board for board, newest in self.changes.items() if newest > position]

    def read_lease(self) -> Lease:
        self.require()
        return self.lease

    def replace_lease(self, old: Lease, new: Lease) -> bool:
        self.require()
        is_same = self.lease == old
        self.lease = new if is_same else self.lease
        if self.is_silent:
            self.is_silent = False
            raise OutcomeUnknown("no answer")
        return is_same

    def open_feed(self, parts: Parts) -> Feed:
        self.require()
        return HandFeed(self, parts)

    def read_snapshots(self, boards: list[str]) -> dict[str, Snapshot]:
        self.require()
        return {board: self.boards[board] for board in boards if board in self.boards}

    def get_leaders(self, boards: list[str]) -> dict[str, Row]:
        return {}

    def require(self) -> None:
        if self.is_away:
            raise StoreUnavailable("away")


class HandFeed(Feed):
    def __init__(self, world: World, parts: Parts) -> None:
        self.world, self.parts, self.seen = world, parts, world.position()
        self.last_activity = world.now

    def poll(self, timeout: float) -> Changes:
        self.last_activity = self.world.now
        changed = self.world.changed_since(self.seen)
        self.seen = self.world.position()
        return {board: [] for board in changed if self.parts.have(board)}

    def wake(self) -> None: ...

    def close(self) -> None: ...


class OwnProxy(HandProxy):
    """The proxy as a process sees it. It may publish of parts only that the store says it has."""

    def __init__(self, world: World, process: "Process") -> None:
        super().__init__()
        self.world, self.process, self.viewers = world, process, world.viewers
        self.tells_holds, self.is_stuck = world.tells_holds, False

    def holds(self, channel: str) -> bool:
        return not self.tells_holds or super().holds(channel)

    def repeat_held(self, is_wanted: Callable[[str], bool]) -> None:
        if self.tells_holds:
            super().repeat_held(is_wanted)

    def publish(self, items: Iterable[Publication]) -> None:
        if self.is_stuck:
            raise ProxyUnavailable("stuck")
        published = [*items]
        division, own = Division.decode(self.world.lease), self.process.listener.lease.id
        numbers = frozenset(division.list_parts(own))
        parts = Parts(len(division.parts), numbers)
        holds = [parse_hold(item.channel) for item in published]
        assert all(hold and parts.have(hold.board) for hold in holds)
        super().publish(published)


class HandProxyPublisher(ProxyPublisher):
    """Publishes when it is told to, without a thread."""

    def __init__(self, client: Any, may_publish: Any) -> None:
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(threading.Thread, "start", lambda thread: None)
            super().__init__(client, may_publish)

    def run(self) -> None:
        if self._has_work():
            with suppress(NotPublished):
                self._publish_once()


class HandPublisher(Publisher):
    def __init__(self, clients: Any, may_publish: Any) -> None:
        self.proxies = [HandProxyPublisher(client, may_publish) for client in clients]


class Process:
    """A listener's process. What it publishes waits for its next turn."""

    def __init__(self, world: World) -> None:
        self.world, self.is_frozen = world, False
        self.client = OwnProxy(world, self)
        self.listener = Listener(threading.Event(), [self.client])
        self.work = self.listen()

    def listen(self) -> Iterator[object]:
        """Do what Listener.run_once does, step by step."""
        self.client.news.clear()
        self.listener.lease.drop()
        while not self.listener.lease.parts.numbers:
            self.listener.lease.look()
            yield None
        position = min(self.listener.lease.taken.values())
        is_own = self.listener.lease.is_own
        scheduler = PublishScheduler(self.listener.publisher, position, is_own)
        self.listener.follow_parts(scheduler)
        while True:
            self.listener.run_turn(scheduler)
            yield None

    def run(self) -> None:
        self.publish()
        try:
            next(self.work)
        except (LeaseLost, StoreUnavailable):
            self.work = self.listen()

    def publish(self) -> None:
        for proxy in self.listener.publisher.proxies:
            assert isinstance(proxy, HandProxyPublisher)
            proxy.run()

    def stop(self) -> None:
        self.publish()
        with suppress(StoreUnavailable):
            self.listener.lease.release()
        self.world.processes.remove(self)


RUNS = st.tuples(st.just("run"), st.sampled_from([0.01, 0.1, 0.5, 3.0]))
STEPS = st.one_of(
    st.tuples(st.sampled_from(["begin", "hold", "store goes", "store comes", "store is silent"])),
    st.tuples(st.sampled_from(["kill", "stop", "freeze", "thaw", "stick"]), st.integers(0, 3)),
    st.tuples(st.just("change"), st.sampled_from(BOARDS), st.sampled_from("xyz")),
    st.tuples(st.sampled_from(["open", "look at"]), st.sampled_from(BOARDS)),
    RUNS,
    RUNS,
    st.tuples(st.just("run_for"), st.sampled_from([0.7, 2.0, 5.0])),
)
BEGUN: list[Any] = [
    ("begin",),
    ("begin",),
    *(("change", board, "x") for board in BOARDS),
    ("run_for", 5.0),
]
OPENED: list[Any] = [("open", board) for board in BOARDS]
HELD = [("hold",)] * len(BOARDS)
WATCHED = [*OPENED, *HELD, ("run_for", 3.0)]
CHANGED = [("change", board, "y") for board in BOARDS]
UNCHANGED = [("change", board, "x") for board in BOARDS]


def do(world: World, name: str, *arguments: Any) -> None:
    if name == "begin":
        world.processes += [Process(world)] if len(world.processes) < 4 else []
    elif name.startswith("store"):
        world.is_away, world.is_silent = name == "store goes", name == "store is silent"
    elif name in ("kill", "stop", "freeze", "thaw", "stick"):
        for process in world.processes[arguments[0] : arguments[0] + 1]:
            if name == "kill":
                world.processes.remove(process)
            elif name == "stop":
                process.stop()
            elif name == "stick":
                process.client.is_stuck = True
            else:
                process.is_frozen = name == "freeze"
    elif name == "look at":  # and be held at once
        world.open(*arguments)
        world.hold()
    else:
        getattr(world, name)(*arguments)


@hypothesis.settings(max_examples=50)
@given(steps=st.lists(STEPS, min_size=5, max_size=50), tells_holds=st.booleans())
@example([*CHANGED, ("run", 0.1), ("freeze", 0), ("run_for", 5.0), ("thaw", 0)], True)
@example([*CHANGED, ("run", 0.1), ("freeze", 0), ("run_for", 5.0), ("thaw", 0)], False)
@example([*CHANGED, ("run", 0.1), ("kill", 1), ("run_for", 5.0)], False)
@example([*CHANGED, ("begin",), ("run", 0.1), ("run", 3.0)], False)
@example([("stick", 0), *CHANGED, ("run_for", 20.0), ("kill", 0)], False)  # it was far behind
@example(  # a board is again as it was when one listener had it, but not as viewers saw it last
    [
        *(("stop", 1), ("run_for", 5.0), ("begin",), ("run_for", 5.0)),
        *(*CHANGED, ("run_for", 5.0), ("stop", 1), *UNCHANGED),
    ],
    False,
)
@example([*OPENED, *CHANGED, ("run_for", 20.0), *HELD, ("kill", 0)], True)
@example([("stop", 0), *CHANGED, ("store goes",), ("run", 3.0)], True)
def test_no_part_has_two_listeners_and_no_viewer_stays_outdated(
    steps: list[Any], tells_holds: bool
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch, tells_holds=tells_holds)
        for step in [*BEGUN, *WATCHED, *steps]:
            do(world, *step)
        world.is_away = world.is_silent = False
        while world.opening:
            world.hold()
        if not world.processes:
            do(world, "begin")
        for process in world.processes:
            process.is_frozen = process.client.is_stuck = False
        world.run_for(SETTLED_SECONDS)
        parts = [process.listener.lease.parts for process in world.processes]
        assert sorted(number for each in parts for number in each.numbers) == [*range(PARTS)]
        sizes = [len(each.numbers) for each in parts]
        assert max(sizes) - min(sizes) <= 1
        assert all(viewer.is_up_to_date(world.boards) for viewer in world.viewers)


def test_what_is_published_to_a_viewer_comes_once_while_listeners_share() -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch)
        for step in BEGUN + WATCHED:
            do(world, *step)
        for body in "yzy":
            for board in BOARDS:
                world.change(board, body)
            world.run_for(1.0)
        assert {tuple(viewer.seen[-4:]) for viewer in world.viewers} == {("x", "y", "z", "y")}
        owners = [process.listener.lease for process in world.processes]
        assert [sum(map(owner.is_own, BOARDS)) for owner in owners] != [0, len(BOARDS)]
        assert all(ALL_PARTS.have(board) for board in BOARDS)


def test_parts_that_leave_and_come_back_while_the_backlog_is_read_are_caught_up_on() -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch, tells_holds=False)
        for step in BEGUN[1:] + WATCHED:
            do(world, *step)
        for step in [("kill", 0), *CHANGED, ("run", 5.0), ("begin",)]:
            do(world, *step)
        own = world.processes[0].listener.lease
        changed_since = world.changed_since

        def wait(board: str, is_done: Callable[[], bool]) -> Iterator[str]:
            while not is_done():
                world.now += 0.25
                for process in world.processes[1:]:
                    process.run()
                yield board

        def read_slowly(position: int) -> Iterator[str]:
            monkeypatch.setattr(world, "changed_since", changed_since)
            boards = changed_since(position)
            do(world, "begin")
            yield from wait("a", lambda: len(own.parts.numbers) < PARTS and not own.leaving)
            yield from boards
            do(world, "kill", 1)
            yield from wait("a", lambda: own.parts.are_all())

        monkeypatch.setattr(world, "changed_since", read_slowly)
        world.run_for(SETTLED_SECONDS)
        assert own.parts.are_all() and not own.taken
        assert all(viewer.is_up_to_date(world.boards) for viewer in world.viewers)


def test_a_batch_of_a_part_that_was_given_up_is_not_published() -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch)
        for step in BEGUN[1:] + WATCHED:
            do(world, *step)
        [one] = world.processes
        one.listener.publisher.enqueue(
            PublishBatch({board: Snapshot("old", "old") for board in BOARDS}, new={*BOARDS})
        )
        one.listener.lease.parts = Parts(PARTS, frozenset({0, 1}))
        own = {*filter(one.listener.lease.is_own, BOARDS)}
        one.publish()
        assert {v.board for v in world.viewers if v.seen[-1] == "old"} == own != {*BOARDS}
