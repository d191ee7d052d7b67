"""Listeners that share the boards, and their store and proxy, all in the hand of the test."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings

from leaderboardapp import snapshots
from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.parts import Parts
from leaderboardapp.domain.types import Changes, Lease, Row
from leaderboardapp.listener import leaders, lease, publish_scheduler, worker
from leaderboardapp.listener.division import Division
from leaderboardapp.listener.lease import LeaseLost
from leaderboardapp.listener.publish_scheduler import PublishScheduler
from leaderboardapp.listener.worker import Listener
from leaderboardapp.realtime import publish
from leaderboardapp.realtime.hold_channels import parse_hold
from leaderboardapp.realtime.proxy_client import News, ProxyUnavailable, Publication
from leaderboardapp.realtime.publish import NotPublished, ProxyPublisher, Publisher
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.stores.streams import Feed
from tests.unit.watched_world import HandProxy, Viewer

PARTS = 5
BOARDS = "abcdefgh"


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
        self.last_activity, self.is_woken = world.now, False

    def poll(self, timeout: float) -> Changes:
        self.is_woken = False
        self.last_activity = self.world.now
        changed = self.world.changed_since(self.seen)
        self.seen = self.world.position()
        return {board: [] for board in changed if self.parts.have(board)}

    def wake(self) -> None:
        self.is_woken = True

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
            raise ProxyUnavailable("tcp://proxy", "stuck")
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
