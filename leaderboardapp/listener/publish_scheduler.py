"""From the store's feed to the proxies: collect changes, read the boards that are due, publish.

While one batch is on its way, the feed conflates further changes. At low load each change leaves
at once, at high load many changes of a board become one snapshot. Nothing queues.
"""

import heapq
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.conf import settings

from leaderboardapp import snapshots
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.parts import Parts
from leaderboardapp.domain.types import MAX_JOINED, Changes
from leaderboardapp.events import JOINED, player_payload
from leaderboardapp.listener.joiners import Joiners
from leaderboardapp.listener.leaders import Leaders
from leaderboardapp.metrics import Counter
from leaderboardapp.realtime.hold_channels import Hold, published_fingerprint, visibility
from leaderboardapp.realtime.items import BoardEvents
from leaderboardapp.realtime.publish import (
    MAX_BOARDS_READ,
    ProxyPublisher,
    PublishBatch,
    Publisher,
)
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.stores.streams import Feed

IDLE_SECONDS = 0.5  # how late a stop signal, or the time for a heartbeat, may be noticed
REPEAT_SECONDS = 2.0
ANNOUNCE_VISIBILITY_SECONDS = 10.0  # between two announcements on a board that is never quiet
SILENCE_SECONDS = 10.0  # a feed that has carried no heartbeat for so long is dead
OVERDUE_SECONDS = 1.0
# Pushpin keeps a hundred messages for a stream that reads slowly, and drops the newest.
LOSSY = 50
HANDOVER_SECONDS = 10.0  # in which a proxy may still read what another listener has sent to it
MAX_BOARDS_REMEMBERED = 100_000  # some 25 MB

CHANGES_READ = Counter("leaderboard_changes_read", "Boards that the feed named as changed")
BOARDS_READ = Counter("leaderboard_boards_read", "Boards that were read to be published")


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
    published: int = 0  # snapshots since the last repeat
    is_adopted: bool = False  # it was not published, but read because somebody joined

    def is_lossy(self) -> bool:
        """Return whether so much was published that Pushpin may have dropped some of it. A repeat
        is for streams as well then."""
        return self.published >= LOSSY

    def is_repeated(self) -> bool:
        """Return whether it was published once more after the board had gone quiet."""
        return self.published_at >= self.changed_at + REPEAT_SECONDS


class PublishScheduler:
    """Decides when to read a board, and what to publish of it.

    A board is read only if a proxy may hold viewers of it. One that has gone quiet has its newest
    snapshot repeated once, which stands in for messages lost on the way. Who is just joining has a
    first snapshot that was read before the hold. Where a proxy tells whom it holds, they are sent
    at once what they lack; elsewhere the repeat is for them, too.

    Times are those of time.monotonic()."""

    def __init__(
        self, publisher: Publisher, checkpoint: int, is_own: Callable[[str], bool]
    ) -> None:
        """Begin at a checkpoint: all changes up to it were published, by this or another process.

        The caller adds boards that changed after it to the `backlog`. `is_own` says by a board's id
        whether it is this listener's, which may change."""
        self.publisher, self.is_own = publisher, is_own
        self.joiners = Joiners(publisher.proxies, is_own)
        self.changed: set[str] = set()  # ids of boards that have changed since they were read
        self.due_at: dict[str, float] = {}  # by board id, when to read it
        self.backlog: set[str] = set()  # ids of boards to read when there is time
        self.newcomers: Changes = {}  # by board id, to be published when the board is read
        self.leaders = Leaders()
        # By board id, the one published longest ago first. To evict one costs one publish that
        # was not needed.
        self.states: OrderedDict[str, PublishState] = OrderedDict()
        self.checkpoint, self.rewound_at = checkpoint, float("-inf")
        # Positions in the store's order of changes, each with its time, that may become the
        # checkpoint.
        self.checkpoints: deque[tuple[float, int]] = deque()

    def run_once(self, feed: Feed, idle: float = IDLE_SECONDS) -> list[str]:
        """Wait for changes, at most for `idle` seconds, publish the boards that are due, and return
        the ids of those that were.

        Raises StoreUnavailable. Boards that could not be read stay due."""
        self.collect_changes(feed, idle)
        self.joiners.collect()
        self.joiners.drop(self.is_current)
        now = time.monotonic()
        self.defer_joiners(now)
        due = self._take_due_boards(now)
        watched = [*filter(self.publisher.is_watched, due)]
        for board in {*due}.difference(watched):
            self.forget(board)
            self.leaders.read_later(board)
        self.leaders.read_due(now)
        joined = self.joiners.list_boards(excluded=self.changed)
        if boards := dict.fromkeys([*watched, *joined]):
            current = snapshots.read_snapshots(boards)
            BOARDS_READ.count(by=len(boards))
            self.adopt({board: current.get(board) for board in joined if board not in watched}, now)
            self._publish({board: current.get(board) for board in boards}, now)
        return due

    def defer_joiners(self, now: float) -> None:
        """Have boards that were just published wait for their next turn, whoever joins."""
        for board in self.joiners.boards() & self.states.keys():
            when = self.states[board].published_at + settings.PUBLISH_INTERVAL
            if now < when:
                self.changed.add(board)
                self.due_at[board] = min(when, self.due_at.get(board, when))

    def is_current(self, hold: Hold) -> bool:
        """Return whether the viewer has what was published last. What is published next reaches
        every viewer who is held."""
        state = self.states.get(hold.board)
        return state is not None and state.fingerprint == hold.has

    def adopt(self, current: dict[str, Snapshot | None], now: float) -> None:
        """Remember boards that were read because somebody joined as if they were published, if
        nothing is known of them. Who watches one has read it as it is, or is sent it."""
        for board, snapshot in current.items():
            if board not in self.states:
                self.record_publish(board, snapshot, now, visibility_announced=True)
                state = self.states[board]
                quiet_since = state.published_at - REPEAT_SECONDS
                self.states[board] = state._replace(changed_at=quiet_since, is_adopted=True)

    def distrust(self, board: str) -> None:
        """Forget a board that was adopted: its viewers may lack what was read then."""
        if board in self.states and self.states[board].is_adopted:
            del self.states[board]

    def forget(self, board: str) -> None:
        """Forget all about a board that nobody watches."""
        self.changed.discard(board)
        self.due_at.pop(board, None)
        self.newcomers.pop(board, None)
        self.states.pop(board, None)
        self.joiners.take(board)

    def rewind(self, position: int) -> None:
        """Go back to a checkpoint, which is that of boards that are new here. The caller adds those
        that changed after it to the `backlog`."""
        self.checkpoint = min(self.checkpoint, position)
        if position:  # else no listener has published anything of them
            self.rewound_at = time.monotonic()
        self.checkpoints.clear()

    def forget_others(self, new: Parts) -> None:
        """Forget all boards that another listener has by now, or had, if they are in new parts."""
        known = (self.states, self.due_at, self.changed, self.newcomers, self.backlog)
        for board in {*self.joiners.boards(), *self.leaders.boards()}.union(*known):
            if not self.is_own(board) or new.have(board):
                self.forget(board)
                self.backlog.discard(board)
                self.leaders.forget(board)

    def collect_changes(self, feed: Feed, idle: float = IDLE_SECONDS) -> None:
        """Wait for changes until a board is due, and schedule the boards that changed.

        Raises StoreUnavailable if the feed is dead."""
        soonest = min(self.due_at.values(), default=float("inf")) - time.monotonic()
        is_waited_for = self.backlog or self.joiners.list_boards(excluded=self.changed)
        changes = feed.poll(0.0 if is_waited_for else max(0.0, min(idle, soonest)))
        changes = {board: joined for board, joined in changes.items() if self.is_own(board)}
        CHANGES_READ.count(by=len(changes))
        now = time.monotonic()
        self.changed.update(changes)
        for board, joined in changes.items():
            if joined:
                self.newcomers[board] = [*self.newcomers.get(board, []), *joined][-MAX_JOINED:]
            self.distrust(board)
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
            self.distrust(board)
            self.due_at.setdefault(board, now)
        return boards

    def _publish(self, current: dict[str, Snapshot | None], now: float) -> None:
        """Publish what the proxies do not have of boards that were read, and schedule repeats."""
        batch = PublishBatch(events=dict(self._take_newcomers(current)))
        for board, snapshot in current.items():
            if self.should_publish(board, snapshot, now):
                batch.snapshots[board] = snapshot
                if self.is_new(board, snapshot) or self.states[board].is_lossy():
                    batch.new.add(board)
                if self.should_announce_visibility(board, snapshot, now):
                    batch.visibility_changed.add(board)
        caught_up = self._publish_to_joiners(current, batch)
        self.publisher.enqueue(batch)
        for board, snapshot in current.items():
            self.leaders.note(board, snapshot.leader if snapshot else None)
            if board in batch.snapshots:
                announced = board in batch.visibility_changed
                self.record_publish(board, snapshot, now, visibility_announced=announced)
            if board in caught_up:  # it is repeated for them, too
                state = self.states[board]
                self.states[board] = state._replace(published_at=now, changed_at=now)
            self._schedule_repeat(board)
        self.changed.difference_update(current)

    def _publish_to_joiners(
        self, current: dict[str, Snapshot | None], batch: PublishBatch
    ) -> set[str]:
        """Add to the batch what those lack who have joined, and publish the boards of proxies that
        are back to these. Return the ids of these boards."""
        returned: dict[ProxyPublisher, PublishBatch] = {}
        caught_up = set()
        for board, snapshot in current.items():
            holds, proxies = self.joiners.take(board)
            is_new = board in batch.new
            for hold in holds:
                # What is published of a deleted board is for all of its viewers.
                is_published = is_new and visibility(snapshot) in (None, hold.private)
                if not is_published and hold.has != published_fingerprint(snapshot):
                    batch.holds[hold] = snapshot
                    if hold.fingerprint:  # else the repeat for long-polls is enough
                        caught_up.add(board)
            if proxies:
                caught_up.add(board)
            if proxies and is_new:
                batch.visibility_changed.add(board)
            for proxy in () if is_new else proxies:
                anew = returned.setdefault(proxy, PublishBatch())
                anew.merge(PublishBatch({board: snapshot}, {}, {board}, {board}))
        for proxy, anew in returned.items():
            proxy.enqueue(anew)
        return caught_up

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
        if self.is_new(board, snapshot):
            return True
        state = self.states[board]
        return not state.is_repeated() and now >= state.published_at + REPEAT_SECONDS

    def is_new(self, board: str, snapshot: Snapshot | None) -> bool:
        """Return whether the proxies have another snapshot, as far as is known."""
        state = self.states.get(board)
        return state is None or published_fingerprint(snapshot) != state.fingerprint

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
        """Remember what was published of a board."""
        before = self.states.get(board)
        private, fingerprint = visibility(snapshot), published_fingerprint(snapshot)
        is_repeat = before is not None and before.fingerprint == fingerprint
        self.states[board] = PublishState(
            fingerprint=fingerprint,
            published_at=time.monotonic(),
            changed_at=before.changed_at if before else now,
            private=private,
            private_since=before.private_since if before and before.private == private else now,
            visibility_told_at=(
                now if visibility_announced or not before else before.visibility_told_at
            ),
            published=0
            if is_repeat
            else 1 + (before.published if before else self._count_unseen(now)),
        )
        self.states.move_to_end(board)
        self.evict()

    def _count_unseen(self, now: float) -> int:
        """Return how many snapshots another listener may have published of a board that is new
        here, which a proxy may read only after this listener's."""
        return LOSSY if now < self.rewound_at + HANDOVER_SECONDS else 0

    def _schedule_repeat(self, board: str) -> None:
        state = self.states[board]
        if state.is_repeated():
            self.due_at.pop(board, None)
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
