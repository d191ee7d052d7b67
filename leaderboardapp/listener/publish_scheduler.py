"""From the store's feed to the proxies: collect changes, read the boards that are due, publish.

While one batch is on its way, the feed conflates further changes. At low load each change leaves
at once, at high load many changes of a board become one snapshot. Nothing queues.
"""

import heapq
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import NamedTuple

from django.conf import settings

from leaderboardapp import snapshots
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import MAX_JOINED, Changes
from leaderboardapp.events import JOINED, player_payload
from leaderboardapp.listener.event_forwarder import LeaderChange
from leaderboardapp.realtime.items import BoardEvents
from leaderboardapp.realtime.publish import MAX_BOARDS_READ, PublishBatch, Publisher
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.stores.streams import Feed

IDLE_SECONDS = 0.5  # how late a stop signal, or the time for a heartbeat, may be noticed
REPEAT_SECONDS = 2.0
ANNOUNCE_VISIBILITY_SECONDS = 10.0  # between two announcements on a board that is never quiet
SILENCE_SECONDS = 10.0  # a feed that has carried no heartbeat for so long is dead
OVERDUE_SECONDS = 1.0
MAX_BOARDS_REMEMBERED = 100_000  # some 25 MB


class PublishState(NamedTuple):
    """What was last published of a board. Times are those of time.monotonic()."""

    fingerprint: str  # of what was published, as `published_fingerprint` returns it
    # When it was last published. After the repeat, a change that shows no difference sets it to the
    # time of that change, so that another repeat follows.
    published_at: float
    changed_at: float  # when the board's last change came
    private: bool | None  # None: it was deleted
    private_since: float  # when `private` became what it is, as far as is known
    visibility_told_at: float  # when a change of visibility was last announced
    leader_id: str | None

    def is_repeated(self) -> bool:
        """Return whether it was published once more after the board had gone quiet."""
        return self.published_at >= self.changed_at + REPEAT_SECONDS


class PublishScheduler:
    """Decides when to read a board, and what to publish of it.

    A board that has gone quiet has its newest snapshot repeated once. The repeat is for viewers who
    were just joining, because their first snapshot was read before they were held. And it stands in
    for messages lost on the way. Times are those of time.monotonic()."""

    def __init__(self, publisher: Publisher, checkpoint: int) -> None:
        """Begin at a checkpoint: all changes up to it were published, by this or another process.

        The caller adds boards that changed after it to the `backlog`."""
        self.publisher = publisher
        self.due_at: dict[str, float] = {}  # by board id, when to read it
        self.backlog: set[str] = set()  # ids of boards to read when there is time
        self.newcomers: Changes = {}  # by board id, to be published when the board is read
        # By board id, what changed since the caller took them.
        self.leader_changes: dict[str, LeaderChange] = {}
        # By board id, the one published longest ago first. To evict one costs one publish that
        # was not needed.
        self.states: OrderedDict[str, PublishState] = OrderedDict()
        self.checkpoint = checkpoint
        # Positions in the store's order of changes, each with its time, that may become the
        # checkpoint.
        self.checkpoints: deque[tuple[float, int]] = deque()

    def run_once(self, feed: Feed) -> list[str]:
        """Wait for changes, publish the boards that are due, and return the ids of those read.

        Raises StoreUnavailable. Boards that could not be read stay due."""
        self.collect_changes(feed)
        now = time.monotonic()
        boards = self._take_due_boards(now)
        if boards:
            current = snapshots.read_snapshots(boards)
            self._publish({board: current.get(board) for board in boards}, now)
        return boards

    def collect_changes(self, feed: Feed) -> None:
        """Wait for changes until a board is due, and schedule the boards that changed.

        Raises StoreUnavailable if the feed is dead."""
        soonest = min(self.due_at.values(), default=float("inf")) - time.monotonic()
        timeout = 0.0 if self.backlog else max(0.0, min(IDLE_SECONDS, soonest))
        changes = feed.poll(timeout)
        now = time.monotonic()
        for board, joined in changes.items():
            if joined:
                self.newcomers[board] = [*self.newcomers.get(board, []), *joined][-MAX_JOINED:]
            state = self.states.get(board)
            when = state.published_at + settings.PUBLISH_INTERVAL if state else now
            self.due_at[board] = min(when, self.due_at.get(board, when))
            if state:
                published_at = now if state.is_repeated() else state.published_at
                self.states[board] = state._replace(published_at=published_at, changed_at=now)
        if now - feed.last_activity > SILENCE_SECONDS:
            raise StoreUnavailable("the feed has gone silent")

    def _take_due_boards(self, now: float) -> list[str]:
        """Return ids of boards to read in one call: the longest overdue, then from the backlog."""
        due = [board for board, when in self.due_at.items() if when <= now]
        boards = heapq.nsmallest(MAX_BOARDS_READ, due, key=lambda board: self.due_at[board])
        while self.backlog and len(boards) < MAX_BOARDS_READ:
            boards.append(board := self.backlog.pop())
            self.due_at.setdefault(board, now)
        return boards

    def _publish(self, current: dict[str, Snapshot | None], now: float) -> None:
        """Publish what the proxies do not have of boards that were read, and schedule repeats."""
        batch = PublishBatch(events=dict(self._take_newcomers(current)))
        for board, snapshot in current.items():
            if self.should_publish(board, snapshot, now):
                batch.snapshots[board] = snapshot
                if self.should_announce_visibility(board, snapshot, now):
                    batch.visibility_changed.add(board)
        self.publisher.enqueue(batch)
        for board, snapshot in current.items():
            if board in batch.snapshots or board not in self.states:
                announced = board in batch.visibility_changed
                self.record_publish(board, snapshot, now, visibility_announced=announced)
            self._schedule_repeat(board)

    def _take_newcomers(
        self, current: dict[str, Snapshot | None]
    ) -> Iterator[tuple[str, BoardEvents]]:
        """Return the events of players who joined boards that were read, each only once."""
        for board, snapshot in current.items():
            newcomers = self.newcomers.pop(board, None)
            if newcomers and snapshot:
                events = [(JOINED, player_payload(row)) for row in newcomers]
                yield board, BoardEvents(snapshot.private, events)

    def should_publish(self, board: str, snapshot: Snapshot | None, now: float) -> bool:
        """Return whether the proxies have another snapshot, or it is time to repeat this one."""
        state = self.states.get(board)
        if state is None or published_fingerprint(snapshot) != state.fingerprint:
            return True
        return not state.is_repeated() and now >= state.published_at + REPEAT_SECONDS

    def should_announce_visibility(self, board: str, snapshot: Snapshot | None, now: float) -> bool:
        """Return whether to announce a visibility change, which may have been missed before.

        It is announced when it happens, for REPEAT_SECONDS, and with the repeat. On a board that
        is never quiet it is announced every ANNOUNCE_VISIBILITY_SECONDS. That stands in for
        messages lost on the way, and for changes so short that no process saw them."""
        state = self.states.get(board)
        if state is None or state.private != visibility(snapshot):
            return True
        is_repeat = published_fingerprint(snapshot) == state.fingerprint
        is_recent = now < state.private_since + REPEAT_SECONDS
        is_time = now >= state.visibility_told_at + ANNOUNCE_VISIBILITY_SECONDS
        return is_repeat or is_recent or is_time

    def record_publish(
        self, board: str, snapshot: Snapshot | None, now: float, *, visibility_announced: bool
    ) -> None:
        """Remember what was published of a board, and whether its leader has changed since."""
        before = self.states.get(board)
        private = visibility(snapshot)
        leader = snapshot.leader if snapshot else None
        self.states[board] = PublishState(
            fingerprint=published_fingerprint(snapshot),
            published_at=time.monotonic(),
            changed_at=before.changed_at if before else now,
            private=private,
            private_since=before.private_since if before and before.private == private else now,
            visibility_told_at=(
                now if visibility_announced or not before else before.visibility_told_at
            ),
            leader_id=leader["id"] if leader else None,
        )
        self.states.move_to_end(board)
        if before and leader and leader["id"] != before.leader_id:
            self.leader_changes[board] = LeaderChange(before.leader_id, leader)
        self.evict()

    def _schedule_repeat(self, board: str) -> None:
        state = self.states[board]
        if state.is_repeated():
            del self.due_at[board]
        else:
            self.due_at[board] = state.published_at + REPEAT_SECONDS

    def evict(self) -> None:
        """Forget boards published longest ago, but none that is still to be repeated."""
        while len(self.states) > MAX_BOARDS_REMEMBERED:
            board, state = next(iter(self.states.items()))
            if not state.is_repeated():
                break
            del self.states[board]

    def advance_checkpoint(self, position: int) -> int:
        """Return the newest checkpoint, from which another listener would go on.

        `position` is the store's current position in the order of changes. All changes before the
        checkpoint are published, and repeated if their board has gone quiet since."""
        now = time.monotonic()
        self.checkpoints.append((now, position))
        settled = now - REPEAT_SECONDS - settings.PUBLISH_INTERVAL - OVERDUE_SECONDS
        overdue = min(self.due_at.values(), default=now) < now - OVERDUE_SECONDS
        if not (overdue or self.backlog or self.publisher.lag_seconds() > OVERDUE_SECONDS):
            while self.checkpoints and self.checkpoints[0][0] <= settled:
                self.checkpoint = self.checkpoints.popleft()[1]
        elif len(self.checkpoints) > 1:
            self.checkpoints.pop()  # nothing is settled, so nothing is to be remembered
        return self.checkpoint


def published_fingerprint(snapshot: Snapshot | None) -> str:
    """Return a text that identifies what the proxies are sent.

    It differs from the snapshot's fingerprint, because a board that becomes private has an equal
    snapshot, but is published to other viewers."""
    if snapshot is None:
        return "deleted"
    return f"private {snapshot.fingerprint}" if snapshot.private else snapshot.fingerprint


def visibility(snapshot: Snapshot | None) -> bool | None:
    """Return whether the board is private; None if it was deleted."""
    return snapshot.private if snapshot else None
