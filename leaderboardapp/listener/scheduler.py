"""From the store's feed to the edge: drain the changes, read the changed boards, publish them.

While one batch is on its way the next one gathers in the feed: at low load each change leaves at
once, at high load many changes of a board become one snapshot. Nothing queues.
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
from leaderboardapp.stores.base import Feed

IDLE_SECONDS = 0.5  # how late a stop signal, or the time for a beat, may be seen
REPEAT_SECONDS = 2.0
TELL_AGAIN_SECONDS = 10.0
SILENCE_SECONDS = 10.0  # a feed that has carried no beat for so long is dead
OVERDUE_SECONDS = 1.0
MAX_BOARDS_REMEMBERED = 100_000  # some 25 MB


class PublishState(NamedTuple):
    """What the edge was last sent of a board."""

    identity: str
    at: float  # when; or, if it was settled, when a change that shows no difference came
    changed: float  # when the board's last change came
    private: bool | None  # None: it was deleted
    turned: float  # when it became that, as far as is known
    told: float  # when those were last told who may watch it from before
    leader: str | None  # the best player's id

    def is_settled(self) -> bool:
        """It was sent once more after the board had gone quiet."""
        return self.at >= self.changed + REPEAT_SECONDS


class PublishScheduler:
    """The steps of the loop. Times are those of time.monotonic()."""

    def __init__(self, publisher: Publisher, position: int) -> None:
        """`position`: all that changed up to there has been published by somebody."""
        self.publisher = publisher
        self.due: dict[str, float] = {}  # board → when to look at it
        self.backlog: set[str] = set()  # boards to look at when there is time
        self.joined: Changes = {}  # newcomers, to be told when their board is looked at
        self.leaders: dict[
            str, LeaderChange
        ] = {}  # by board, what changed since somebody took them
        # Least recently sent first. Forgetting a board costs one publish that was not needed.
        self.sent: OrderedDict[str, PublishState] = OrderedDict()
        self.position = position
        self.marks: deque[tuple[float, int]] = deque()  # when, and the store's position then

    def turn(self, feed: Feed) -> list[str]:
        """Wait for changes, then publish what is due: the boards looked at. What could not be read
        stays due."""
        self.drain(feed)
        now = time.monotonic()
        boards = [board for board, when in self.due.items() if when <= now]
        boards = heapq.nsmallest(MAX_BOARDS_READ, boards, key=lambda board: self.due[board])
        while self.backlog and len(boards) < MAX_BOARDS_READ:
            boards.append(board := self.backlog.pop())
            self.due.setdefault(board, now)
        if boards:
            taken = snapshots.read_snapshots(boards)
            unsent = {b: taken.get(b) for b in boards if self.needs(b, taken.get(b), now)}
            turned = {board for board, new in unsent.items() if self.has_turned(board, new, now)}
            newcomers = dict(self.newcomers(boards, taken))
            self.publisher.enqueue(PublishBatch(unsent, newcomers, turned))
            for board in boards:
                self.note(board, board in unsent, taken.get(board), now, board in turned)
        return boards

    def drain(self, feed: Feed) -> None:
        soonest = min(self.due.values(), default=float("inf")) - time.monotonic()
        timeout = 0.0 if self.backlog else max(0.0, min(IDLE_SECONDS, soonest))
        changes = feed.poll(timeout)
        now = time.monotonic()
        for board, joined in changes.items():
            if joined:
                self.joined[board] = [*self.joined.get(board, []), *joined][-MAX_JOINED:]
            sent = self.sent.get(board)
            when = sent.at + settings.PUBLISH_INTERVAL if sent else now
            self.due[board] = min(when, self.due.get(board, when))
            if sent:
                at = now if sent.is_settled() else sent.at
                self.sent[board] = sent._replace(at=at, changed=now)
        if now - feed.last_activity > SILENCE_SECONDS:
            raise StoreUnavailable("the feed has gone silent")

    def newcomers(
        self, boards: list[str], taken: dict[str, Snapshot]
    ) -> Iterator[tuple[str, BoardEvents]]:
        """Of the boards looked at, those who have not been told yet."""
        for board in boards:
            joined = self.joined.pop(board, None)
            if joined and board in taken:
                yield (
                    board,
                    BoardEvents(
                        taken[board].private, [(JOINED, player_payload(row)) for row in joined]
                    ),
                )

    def needs(self, board: str, snapshot: Snapshot | None, now: float) -> bool:
        """Whether to send it: the edge has another one, or it is time to repeat this one."""
        sent = self.sent.get(board)
        if sent is None or identity(snapshot) != sent.identity:
            return True
        return not sent.is_settled() and now >= sent.at + REPEAT_SECONDS

    def has_turned(self, board: str, snapshot: Snapshot | None, now: float) -> bool:
        """Whether it became private or public, or may have, a moment ago, so that somebody was
        just joining. Said again at the repeat, and on a board that is never quiet every ten
        seconds: in place of messages lost on the way, and of turns that nobody saw."""
        sent = self.sent.get(board)
        if sent is None or sent.private != access(snapshot) or identity(snapshot) == sent.identity:
            return True
        return now < sent.turned + REPEAT_SECONDS or now >= sent.told + TELL_AGAIN_SECONDS

    def note(
        self, board: str, published: bool, snapshot: Snapshot | None, now: float, told: bool
    ) -> None:
        """Remember what was sent, and when to look at the board again. A board that has gone
        quiet has its newest snapshot repeated once: for viewers who were just joining (their
        first snapshot was read before they were held), and in place of messages lost on the way."""
        sent = self.sent.get(board)
        if published or sent is None:
            changed, private = sent.changed if sent else now, access(snapshot)
            turned = sent.turned if sent and sent.private == private else now
            at = now if told or not sent else sent.told
            leader = snapshot.leader if snapshot else None
            if sent and leader and leader["id"] != sent.leader:
                self.leaders[board] = LeaderChange(sent.leader, leader)
            who = leader["id"] if leader else None
            sent = PublishState(
                identity(snapshot), time.monotonic(), changed, private, turned, at, who
            )
            self.sent[board] = sent
            self.sent.move_to_end(board)
            self.forget()
        if sent.is_settled():
            del self.due[board]
        else:
            self.due[board] = sent.at + REPEAT_SECONDS

    def forget(self) -> None:
        """The boards sent longest ago, but none that still is to be repeated."""
        while len(self.sent) > MAX_BOARDS_REMEMBERED:
            board, sent = next(iter(self.sent.items()))
            if not sent.is_settled():
                break
            del self.sent[board]

    def checkpoint(self, position: int) -> int:
        """`position` is the store's now. The newest one before which all is published, and
        repeated if its board has gone quiet since: where another listener would go on."""
        now = time.monotonic()
        self.marks.append((now, position))
        settled = now - REPEAT_SECONDS - settings.PUBLISH_INTERVAL - OVERDUE_SECONDS
        overdue = min(self.due.values(), default=now) < now - OVERDUE_SECONDS
        if not (overdue or self.backlog or self.publisher.lag_seconds() > OVERDUE_SECONDS):
            while self.marks and self.marks[0][0] <= settled:
                self.position = self.marks.popleft()[1]
        elif len(self.marks) > 1:
            self.marks.pop()  # nothing is settled, so nothing is to be remembered
        return self.position


def identity(snapshot: Snapshot | None) -> str:
    """Of what the edge is told. A board that becomes private shows the same, but not to all."""
    if snapshot is None:
        return "deleted"
    return f"private {snapshot.fingerprint}" if snapshot.private else snapshot.fingerprint


def access(snapshot: Snapshot | None) -> bool | None:
    return snapshot.private if snapshot else None
