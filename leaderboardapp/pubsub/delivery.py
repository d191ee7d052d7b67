"""What subscribers are delivered, and the inbox in which it waits for each of them."""

import threading
from collections import deque
from typing import Any, NamedTuple

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.topics import Topic
from leaderboardapp.stores.streams import EncodedMessage

LIVE_SECONDS = 15.0  # within which a subscription has to begin


class Message(NamedTuple):
    """A message as a subscriber gets it."""

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

Delivery = EncodedMessage | Missed


class Inbox:
    """What waits for one subscriber. The hub fills it, and the subscriber's loop empties it.

    It is pending at first, live once the subscription has begun in the store, and closed at its
    end. It may be refused, which closes it, too: at its beginning, or when the hub has connected
    to the store again."""

    def __init__(self, limit: int) -> None:
        """`limit`: how many messages may wait."""
        self.limit = limit
        self.condition = threading.Condition()
        self.deliveries: deque[Delivery] = deque()
        self.is_live, self.is_closed = False, False
        self.refusal: ValueError | StoreUnavailable | None = None

    def enqueue(self, deliveries: list[Delivery]) -> None:
        """Append the deliveries. Over the limit, SLOW replaces the oldest."""
        with self.condition:
            self.deliveries.extend(deliveries)
            if len(self.deliveries) > self.limit:
                while len(self.deliveries) > self.limit:
                    self.deliveries.popleft()
                self.deliveries.appendleft(SLOW)
            self.condition.notify_all()

    def take_all(self) -> deque[Delivery]:
        """Wait for deliveries and return all of them; return none if the inbox is closed.

        Raises the error with which it was refused."""
        with self.condition:
            self.condition.wait_for(lambda: self.deliveries or self.is_closed)
            self._raise_if_refused()
            taken, self.deliveries = self.deliveries, deque()
            return deque() if self.is_closed else taken

    def wait_until_live(self) -> None:
        """Wait until the inbox is live or closed.

        Raises the error with which it was refused, or StoreUnavailable after LIVE_SECONDS."""
        with self.condition:
            if not self.condition.wait_for(lambda: self.is_live or self.is_closed, LIVE_SECONDS):
                self.is_closed = True  # or it would go live when nobody waits for it any more
                raise StoreUnavailable("the store did not take the subscription")
            self._raise_if_refused()

    def _raise_if_refused(self) -> None:
        if self.refusal:
            # A new error: the other one's traceback refers to the hub's frames, and keeps them.
            raise type(self.refusal)(str(self.refusal))

    def mark_live(self) -> None:
        """Tell the subscriber that the subscription has begun."""
        if not self.is_live:
            with self.condition:
                self.is_live = True
                self.condition.notify_all()

    def refuse(self, error: ValueError | StoreUnavailable) -> None:
        """Close the inbox; the subscriber gets the error."""
        with self.condition:
            self.refusal, self.is_closed = error, True
            self.condition.notify_all()

    def close(self) -> None:
        """Close the inbox and end the subscriber's loop."""
        with self.condition:
            self.is_closed = True
            self.deliveries.clear()
            self.condition.notify_all()
