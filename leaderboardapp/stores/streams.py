"""What a store gives to read as it happens: the feed of changes, and streams of messages.

Every store has its own kinds of both, which pass the same contract tests (tests/stores).
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any, NamedTuple

from django.conf import settings

from leaderboardapp.domain.topics import Filter, Reql
from leaderboardapp.domain.types import Changes

KEPT_SECONDS = 600  # older messages are deleted, by the programs that publish
EXPIRED_AT_ONCE = 200  # messages, at most

# After changes a feed rests, in seconds: at first, and at most.
SHORTEST_REST, LONGEST_REST = 0.01, 0.04
GROWTH = 1.25  # of a rest, from one to the next


class Rest:
    """The rests of a feed, so that it reads many changes together.

    They grow while change follows change. So the work of a listener depends on how many boards
    change, and little on how often."""

    def __init__(self, longest: float = LONGEST_REST) -> None:
        """`longest` is in seconds."""
        self.longest, self.next, self.ends_at = longest, SHORTEST_REST, 0.0

    def begin(self) -> None:
        """Begin a rest, because there were changes."""
        now = time.monotonic()
        if now > self.ends_at + SHORTEST_REST:  # there were none for a while after the last rest
            self.next = SHORTEST_REST
        self.ends_at = now + self.next
        self.next = min(self.next * GROWTH, self.longest)

    def left(self, timeout: float = inf) -> float:
        """Return how many seconds there are left to rest, of `timeout`."""
        return max(0.0, min(self.ends_at - time.monotonic(), timeout))


class Feed(ABC):
    """The store's stream of changes, conflated to the boards that they touched."""

    last_activity: float
    """When (time.monotonic()) anything last came through: a change, or the lease's heartbeat."""

    @abstractmethod
    def poll(self, timeout: float) -> Changes:
        """Return the boards that have changed (deleted ones, too) since the last call, or since the
        feed was opened. Wait up to `timeout` seconds if there are none, or until it is woken."""

    @abstractmethod
    def wake(self) -> None:
        """Have the poll that waits, or else the next one, return soon. Any thread may call it."""

    @abstractmethod
    def close(self) -> None:
        """Close the feed's connection."""


class Subscription(NamedTuple):
    """The messages of an exchange whose topics pass the filter."""

    exchange: str
    filter: Filter


class EncodedMessage(NamedTuple):
    """A message as the store keeps it."""

    topic: str  # JSON, as topics.encode_topic gives it
    payload: str  # JSON


class MessageStream(ABC):
    """The messages that one process is subscribed to, through one connection, for one thread.

    Its methods raise StoreUnavailable. After that the stream can only be closed."""

    @abstractmethod
    def subscribe(self, subscription: Subscription) -> None:
        """Begin a subscription: everything published after this returns is polled. Raises
        ValueError if the store does not know the filter."""

    @abstractmethod
    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription."""

    @abstractmethod
    def poll(self, timeout: float) -> Iterable[tuple[Subscription, EncodedMessage | None]]:
        """Return the messages published since the last call, once for each subscription that they
        pass. Wait up to `timeout` seconds if there are none.

        Messages of one topic come in their order. None in place of a message says that some
        messages of the subscription were lost."""

    @abstractmethod
    def check(self) -> None:
        """Raise StoreUnavailable if the server has gone. Without this a dead connection looks like
        one on which nothing is published."""

    @abstractmethod
    def close(self) -> None:
        """Close the stream's connection."""


class MessageStore(ABC):
    """What a store does for messages between programs."""

    @abstractmethod
    def publish(self, exchange: str, topic: str, payloads: Sequence[str]) -> None:
        """Publish messages of one topic, in this order, to those who are subscribed now. They need
        not be durable. Topic and payloads are those of an EncodedMessage."""

    @abstractmethod
    def expire_messages(self, older: float) -> None:
        """Delete up to EXPIRED_AT_ONCE messages that are older than so many seconds, by the store's
        clock. In SQL the newest message stays."""

    def compile_reql(self, function: Callable[[Any], Any]) -> Reql:
        """Return the filter of a function of ReQL. Raises ValueError, and always does but in
        RethinkDB."""
        scheme = settings.DATABASE_URL.partition(":")[0]
        raise ValueError(
            f"reql(…) runs in RethinkDB's server, and DATABASE_URL begins with {scheme}://. Filters"
            " for every store are a regular expression (text), tags (texts), a pattern (an object)"
            " and a predicate (a function of the topic, without reql)"
        )

    @abstractmethod
    def open_message_stream(self) -> MessageStream:
        """Return a stream of this process's own, without subscriptions."""
