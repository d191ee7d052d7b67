"""A scheduler with a clock, a feed and a publisher that the test holds in its hand."""

from types import SimpleNamespace

import pytest

from leaderboardapp import snapshots
from leaderboardapp.domain.types import Changes, Row
from leaderboardapp.listener import leaders
from leaderboardapp.listener import publish_scheduler as module
from leaderboardapp.listener.publish_scheduler import PublishScheduler
from leaderboardapp.realtime.publish import ProxyPublisher, PublishBatch
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.stores.streams import Feed


class HandFeed(Feed):
    def __init__(self, world: "World") -> None:
        self.world, self.changes, self.last_activity = world, Changes(), world.now

    def poll(self, timeout: float) -> Changes:
        if not self.world.feed_is_dead:
            self.last_activity = self.world.now
        if not self.changes:
            self.world.now += timeout
        changes, self.changes = self.changes, {}
        return changes

    def wake(self) -> None: ...

    def close(self) -> None: ...


class World:
    """The store's boards, the time, and what has been published when."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.boards: dict[str, Snapshot] = {}
        self.published: list[tuple[float, dict[str, Snapshot | None]]] = []
        self.joined: list[tuple[str, str, bool]] = []  # board, player, whether it is private
        self.visibility_announced: list[tuple[float, str]] = []
        self.feed_is_dead = False
        self.lag = 0.0  # seconds, of the publisher
        self.proxies: list[ProxyPublisher] = []
        self.unwatched: set[str] = set()
        self.feed = HandFeed(self)
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(snapshots, "read_snapshots", self.read_snapshots)
        monkeypatch.setattr(leaders, "get_store", lambda: self)

    def change(self, board: str, body: str | None) -> None:
        self.boards.pop(board, None)
        if body is not None:
            self.boards[board] = Snapshot(body, f"hash of {body}")
        self.feed.changes.setdefault(board, [])

    def join(self, player: str, board: str = "b") -> None:
        row = {"id": player, "name": player, "score": 0}
        self.feed.changes.setdefault(board, []).append(row)

    def read_snapshots(self, boards: list[str]) -> dict[str, Snapshot]:
        return {board: self.boards[board] for board in boards if board in self.boards}

    # It is the store, too.
    def get_leaders(self, boards: list[str]) -> dict[str, Row]:
        leaders = {board: self.boards[board].leader for board in boards if board in self.boards}
        return {board: leader for board, leader in leaders.items() if leader}

    # It is the publisher, too, whose proxies are those of `proxies`.
    def lag_seconds(self) -> float:
        return self.lag

    def is_watched(self, board: str) -> bool:
        return board not in self.unwatched

    def enqueue(self, batch: PublishBatch) -> None:
        when = round(self.now - 1000, 3)
        self.visibility_announced += [(when, board) for board in batch.visibility_changed]
        if batch.snapshots:
            self.published.append((when, batch.snapshots))
        for board, (private, events) in batch.events.items():
            self.joined += [(board, data["player"]["id"], private) for _, data in events]

    def bodies(self, board: str = "b") -> list[tuple[float, str | None]]:
        return [
            (when, snapshot.body if snapshot else None)
            for when, items in self.published
            for name, snapshot in items.items()
            if name == board
        ]


def run_until(world: World, scheduler: PublishScheduler, second: float) -> None:
    while world.now < 1000 + second:
        scheduler.run_once(world.feed)
