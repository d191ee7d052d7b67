"""From the store's feed to the edge: drain the changes, read the changed boards, publish them.

While one batch is on its way the next one gathers in the feed: at low load each change leaves at
once, at high load many changes of a board become one snapshot. Nothing queues.
"""

import logging
import random
import threading
import time
from collections import OrderedDict
from typing import NamedTuple

from django.conf import settings

from leaderboardapp import edge, snapshots
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import Feed, StoreUnavailable

logger = logging.getLogger(__name__)

IDLE_SECONDS = 1.0  # how late a stop signal may be seen
REPEAT_SECONDS = 2.0
MAX_BOARDS_PER_TURN = 500
MAX_BOARDS_REMEMBERED = 100_000  # some 20 MB
BACKOFF_SECONDS = (0.1, 5.0)


class Sent(NamedTuple):
    """What the edge was last sent of a board."""

    hash: str = ""
    at: float = 0.0
    repeated: bool = True


class Listener:
    """The steps of the loop. Times are those of time.monotonic()."""

    def __init__(self) -> None:
        self.due: dict[str, float] = {}  # board → when to look at it
        # Least recently sent first. Forgetting a board costs one publish that was not needed.
        self.sent: OrderedDict[str, Sent] = OrderedDict()

    def turn(self, feed: Feed) -> None:
        """Wait for changes, then publish what is due. Raises StoreUnavailable, or ConnectionError
        for the edge; what was not published stays due."""
        self.drain(feed)
        now = time.monotonic()
        boards = [board for board, when in self.due.items() if when <= now][:MAX_BOARDS_PER_TURN]
        if boards:
            taken = snapshots.take(boards)
            unsent = {b: taken.get(b) for b in boards if self.needs(b, taken.get(b), now)}
            edge.publish(unsent)
            for board in boards:
                self.note(board, board in unsent, taken.get(board))

    def drain(self, feed: Feed) -> None:
        soonest = min(self.due.values(), default=float("inf")) - time.monotonic()
        for board in feed.changed(timeout=max(0.0, min(IDLE_SECONDS, soonest))):
            when = self.sent.get(board, Sent()).at + settings.PUBLISH_INTERVAL
            self.due[board] = min(when, self.due.get(board, when))

    def needs(self, board: str, snapshot: Snapshot | None, now: float) -> bool:
        """Whether to send it: the edge has another one, or it is time to repeat this one."""
        sent = self.sent.get(board, Sent())
        repeat = not sent.repeated and now >= sent.at + REPEAT_SECONDS
        return repeat or identity(snapshot) != sent.hash

    def note(self, board: str, published: bool, snapshot: Snapshot | None) -> None:
        """Remember what was sent, and when to look at the board again. A board that has gone
        quiet has its newest snapshot repeated once: for viewers who were just joining (their
        first snapshot was read before they were held), and in place of messages lost on the way."""
        sent = self.sent.get(board, Sent())
        if published:
            again = identity(snapshot) == sent.hash
            sent = Sent(identity(snapshot), time.monotonic(), repeated=again)
            self.sent[board] = sent
            self.sent.move_to_end(board)
            self.forget()
        if sent.repeated:
            del self.due[board]
        else:
            self.due[board] = sent.at + REPEAT_SECONDS

    def forget(self) -> None:
        """The boards sent longest ago, but none that still is to be repeated."""
        while len(self.sent) > MAX_BOARDS_REMEMBERED:
            board, sent = next(iter(self.sent.items()))
            if not sent.repeated:
                break
            del self.sent[board]


def identity(snapshot: Snapshot | None) -> str:
    return snapshot.hash if snapshot else "deleted"


def run(stop: threading.Event) -> None:
    """Until `stop` is set, through every failure of the store and of the edge."""
    listener, feed, failures = Listener(), None, 0
    while not stop.is_set():
        try:
            if feed is None:
                feed = get_store().open_feed()
                logger.info("listening")
            listener.turn(feed)
            failures = 0
        except (StoreUnavailable, ConnectionError) as error:
            if isinstance(error, StoreUnavailable) and feed is not None:
                feed.close()
                feed = None
            delay = backoff(failures)
            failures += 1
            logger.error("%s; trying again in %.1f s", error, delay)
            stop.wait(delay)
    if feed is not None:
        feed.close()


def backoff(failures: int) -> float:
    """Seconds, doubling from least to most, jittered so that several listeners spread out."""
    least, most = BACKOFF_SECONDS
    delay: float = min(most, least * 2.0 ** min(failures, 10))
    return delay * random.uniform(0.5, 1)
