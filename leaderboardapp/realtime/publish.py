"""Publishing snapshots and events to the proxies, for viewers on every transport at once.

Source: the GRIP protocol (pushpin.org/docs/protocols/grip).
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from leaderboardapp import snapshots
from leaderboardapp.concurrency.supervise import supervise
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import MAX_JOINED
from leaderboardapp.metrics import Counter, Histogram
from leaderboardapp.realtime.formats import board_channel
from leaderboardapp.realtime.hold_channels import Hold
from leaderboardapp.realtime.items import (
    FORMATS,
    STREAMS,
    BoardEvents,
    build_event_items,
    build_hold_items,
    build_items,
)
from leaderboardapp.realtime.proxy_client import (
    PUBLISH_TIMEOUT_SECONDS,
    ProxyClient,
    ProxyUnavailable,
    Publication,
)
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.stores import get_store

MAX_BOARDS_READ = 500  # in one call of the store
LATE_SECONDS = 2.0  # a batch that took longer may have arrived after newer snapshots
MAX_EVENTS = 2 * MAX_JOINED  # of one board, that wait for a proxy

PUBLISH_SECONDS = Histogram(
    "leaderboard_publish_seconds",
    "From when the oldest snapshot of a batch began to wait until a proxy has taken it",
    "proxy",
)
PUBLISHED = Counter("leaderboard_published", "Snapshots that a proxy has taken", "proxy")
FAILURES = Counter("leaderboard_publish_failures", "Batches that a proxy did not take", "proxy")


class NotPublished(Exception):
    """Some boards are still to be published to a proxy."""


@dataclass(slots=True)
class PublishBatch:
    """What is published to a proxy in one go, by board id."""

    snapshots: dict[str, Snapshot | None] = field(default_factory=dict)  # None: it was deleted
    events: dict[str, BoardEvents] = field(default_factory=dict)
    # Boards that became private or public. Viewers who are still held under the former visibility
    # are sent away: they come back, and need a token, or none.
    visibility_changed: set[str] = field(default_factory=set)
    # Boards whose snapshot was not published before. Others are not published again to the streams
    # of proxies that tell whom they hold: what those viewers may have missed is in `holds`.
    new: set[str] = field(default_factory=set)
    # Of viewers who have begun to be held, with the snapshot as of then or later.
    holds: dict[Hold, Snapshot | None] = field(default_factory=dict)

    def boards(self) -> set[str]:
        """Return the ids of boards of which there is anything but events."""
        return {*self.snapshots, *(hold.board for hold in self.holds)}

    def only(self, is_wanted: Callable[[str], bool]) -> "PublishBatch":
        """Return what is in the batch of boards that are wanted."""
        wanted = {*filter(is_wanted, self.boards() | self.events.keys())}
        return PublishBatch(
            {board: snapshot for board, snapshot in self.snapshots.items() if board in wanted},
            {board: events for board, events in self.events.items() if board in wanted},
            self.visibility_changed & wanted,
            self.new & wanted,
            {hold: snapshot for hold, snapshot in self.holds.items() if hold.board in wanted},
        )

    def merge(self, newer: "PublishBatch") -> None:
        """Add a newer batch; keep the newest snapshot and the newest MAX_EVENTS of each board."""
        self.snapshots.update(newer.snapshots)
        self.visibility_changed.update(newer.visibility_changed)
        self.new.update(newer.new)
        self.holds.update(newer.holds)
        for board, (private, events) in newer.events.items():
            waiting = self.events[board].events if board in self.events else []
            self.events[board] = BoardEvents(private, [*waiting, *events][-MAX_EVENTS:])


class Publisher:
    """Publishes to all proxies, to each at its own pace.

    Of a batch, boards are dropped of which `may_publish` is false when its turn comes."""

    def __init__(self, clients: Iterable[ProxyClient], may_publish: Callable[[str], bool]) -> None:
        self.proxies = [ProxyPublisher(client, may_publish) for client in clients]

    def enqueue(self, batch: PublishBatch) -> None:
        """Hand a batch to each proxy's thread, and return at once.

        Snapshots are sent until the proxy has taken them, events are tried once."""
        for proxy in self.proxies:
            proxy.enqueue(batch)

    def is_watched(self, board: str) -> bool:
        """Return whether any proxy may hold viewers of the board."""
        return any(proxy.is_watched(board) for proxy in self.proxies)

    def lag_seconds(self) -> float:
        """Return for how long the oldest snapshot has been waiting; 0.0 if none waits."""
        return max((proxy.lag_seconds() for proxy in self.proxies), default=0.0)

    def stop(self) -> None:
        """Publish what waits, with one try for each proxy, and end the threads."""
        for proxy in self.proxies:
            proxy.stop()


class ProxyPublisher:
    """Publishes to one proxy, in a thread of its own, so that a proxy that is down delays no other.

    The newest snapshot of each board waits. After a failure only ids of boards are kept, and the
    boards are read again when the proxy is back."""

    def __init__(self, client: ProxyClient, may_publish: Callable[[str], bool]) -> None:
        self.client, self.may_publish = client, may_publish
        self.condition = threading.Condition()
        self.waiting = PublishBatch()
        self.to_resend: set[str] = set()  # ids of boards
        self.waiting_since: float | None = None  # by time.monotonic(), of the oldest snapshot
        self.stopping = False
        name = f"publisher {client.uri}"
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        FAILURES.count(client.uri, by=0)
        self.thread.start()

    def enqueue(self, batch: PublishBatch) -> None:
        """Add to what waits the events, and what else is in the batch of boards that the proxy
        holds viewers of. While boards are to be resent, only ids of boards are kept."""
        events = {} if self.client.is_away() else batch.events
        batch = batch.only(self.is_watched)
        batch.events = events
        with self.condition:
            if self.to_resend:
                self.to_resend.update(batch.boards())
            else:
                self.waiting.merge(batch)
            if batch.boards() and self.waiting_since is None:
                self.waiting_since = time.monotonic()
            self.condition.notify()

    def is_watched(self, board: str) -> bool:
        """Return whether the proxy may hold viewers of the board."""
        return any(self.client.holds(board_channel(board, private)) for private in (False, True))

    def lag_seconds(self) -> float:
        """Return for how long the oldest snapshot has been waiting; 0.0 if none waits."""
        with self.condition:
            return time.monotonic() - self.waiting_since if self.waiting_since is not None else 0.0

    def stop(self) -> None:
        """Try once more to publish what waits, but not what is to be resent; end the thread."""
        with self.condition:
            self.stopping = True
            self.condition.notify()
        self.thread.join(sum(PUBLISH_TIMEOUT_SECONDS) + 1)

    def _run(self) -> None:
        supervise(self.thread.name, self._publish_once, self._wait, expected=(NotPublished,))
        get_store().close()

    def _wait(self, pause: float) -> bool:
        """Pause, then wait for something to publish; return whether to end instead."""
        with self.condition:
            self.condition.wait_for(lambda: self.stopping, pause)
            self.condition.wait_for(lambda: self.stopping or self._has_work())
            return self.stopping and not self.waiting.boards()

    def _has_work(self) -> bool:
        return bool(self.waiting.boards() or self.waiting.events or self.to_resend)

    def _publish_once(self) -> float:
        """Publish what waits, and a part of what is to be resent; return 0.0, for no pause."""
        with self.condition:
            since = self.waiting_since
            batch, self.waiting = self.waiting, PublishBatch()
            resend = set(itertools.islice(self.to_resend, MAX_BOARDS_READ))
            self.to_resend -= resend
        # What is another listener's by now is left to that one. If this process stands still after
        # it was asked, what is sent is late.
        started = time.monotonic()
        batch, resend = batch.only(self.may_publish), {*filter(self.may_publish, resend)}
        unpublished = resend | batch.boards()
        try:
            self._send_batch(batch, resend, started)
            unpublished = set()
            PUBLISHED.count(self.client.uri, by=len(resend | batch.snapshots.keys()))
            if since is not None:
                PUBLISH_SECONDS.observe(time.monotonic() - since, self.client.uri)
        except (ProxyUnavailable, StoreUnavailable) as error:
            FAILURES.count(self.client.uri)
            count = len(unpublished)
            raise NotPublished(f"{count} boards are still to be published: {error}") from error
        finally:
            self._settle(since, unpublished)
        return 0.0

    def _settle(self, since: float | None, unpublished: set[str]) -> None:
        """Keep ids of boards that the proxy did not take, and since when something waits."""
        with self.condition:
            self.to_resend.update(unpublished)
            if self.to_resend:
                self.to_resend.update(self.waiting.boards())
                self.waiting.snapshots, self.waiting.holds = {}, {}
                self.waiting_since = since
            else:
                self.waiting_since = time.monotonic() if self.waiting.boards() else None

    def _send_batch(self, batch: PublishBatch, resend: set[str], started: float) -> None:
        self._send(batch, resend)
        if time.monotonic() - started > LATE_SECONDS:
            # This process was stopped, say, and another one has published newer snapshots.
            # Current snapshots can be sent by any process, at any time.
            self._send(PublishBatch(), resend | batch.boards())

    def _send(self, batch: PublishBatch, resend: set[str]) -> None:
        """Send a batch, and the current snapshots of the boards to resend."""
        resend = {*filter(self.is_watched, resend)}
        if resend:
            current = snapshots.read_snapshots(resend)
            # Meanwhile their visibility may have changed.
            again = {board: current.get(board) for board in resend}
            batch.merge(PublishBatch(again, visibility_changed=resend, new=resend))
        self.client.publish(self._build_items(batch))

    def _build_items(self, batch: PublishBatch) -> Iterator[Publication]:
        known_formats = FORMATS - STREAMS if self.client.tells_holds else FORMATS
        # First, because a snapshot in `snapshots` may be newer.
        for hold, snapshot in batch.holds.items():
            if self.client.holds(hold.channel):
                yield from build_hold_items(hold, snapshot)
        for board, snapshot in batch.snapshots.items():
            yield from build_items(
                board,
                snapshot,
                visibility_changed=board in batch.visibility_changed,
                formats=FORMATS if board in batch.new else known_formats,
            )
        for board, events in batch.events.items():
            yield from build_event_items(board, events)
