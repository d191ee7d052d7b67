"""What waits for a subscriber."""

import threading
from collections import deque
from typing import Any, NamedTuple

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.topics import Topic
from leaderboardapp.stores.base import EncodedMessage

LIVE_SECONDS = 15.0  # within which one has to be


class Message(NamedTuple):
    topic: Topic
    payload: Any


class Missed(NamedTuple):
    """Messages before this one may have been lost. It can be unpacked as one, with no topic."""

    topic: None
    payload: str  # why


SLOW = Missed(None, "this subscriber was slow, and its oldest messages gave way")
AWAY = Missed(None, "the connection to the store was lost for a while")
OVERRUN = Missed(None, "this process was slow, and the store does not keep messages for long")
FORKED = Missed(None, "this process was forked from the one that subscribed")


class Inbox:
    """What waits for one subscriber."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.condition = threading.Condition()
        self.waiting: deque[EncodedMessage | Missed] = deque()
        self.live, self.closed = False, False
        self.refusal: ValueError | StoreUnavailable | None = None

    def enqueue(self, events: list[EncodedMessage | Missed]) -> None:
        with self.condition:
            self.waiting.extend(events)
            if len(self.waiting) > self.limit:
                while len(self.waiting) > self.limit:
                    self.waiting.popleft()
                self.waiting.appendleft(SLOW)
            self.condition.notify_all()

    def take(self) -> deque[EncodedMessage | Missed]:
        """All, once there are any; none if the inbox is closed."""
        with self.condition:
            self.condition.wait_for(lambda: self.waiting or self.closed)
            taken, self.waiting = self.waiting, deque()
            return deque() if self.closed else taken

    def wait_until_live(self) -> None:
        """Or closed. Raises what it was refused with, StoreUnavailable after LIVE_SECONDS."""
        with self.condition:
            if not self.condition.wait_for(lambda: self.live or self.closed, LIVE_SECONDS):
                self.closed = True  # or it would begin when nobody listens any more
                raise StoreUnavailable("the store did not take the subscription")
            if self.refusal:
                raise type(self.refusal)(str(self.refusal))  # which refers to nobody's frames

    def mark_live(self) -> None:
        if not self.live:
            with self.condition:
                self.live = True
                self.condition.notify_all()

    def refuse(self, error: ValueError | StoreUnavailable) -> None:
        with self.condition:
            self.refusal, self.closed = error, True
            self.condition.notify_all()

    def close(self) -> None:
        with self.condition:
            self.closed = True
            self.waiting.clear()
            self.condition.notify_all()
