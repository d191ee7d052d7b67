"""Publish and subscribe, through the store.

    exchange = Exchange("activity")
    exchange.topic("races.monza").publish({"winner": "alice"})

    with exchange.queue(r"^races\\.") as queue:
        for topic, payload in queue.subscribe():
            ...

Whoever subscribes gets what is published from then on, at most once, and the messages of a topic in
their order. Where some may have been lost a Missed stands in their place.
"""

import json
import logging
import random
import re
from collections.abc import Callable, Generator
from typing import Any, Self

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.topics import Topic, encode_topic, filter_of
from leaderboardapp.pubsub.delivery import FORKED, Inbox, Message, Missed
from leaderboardapp.pubsub.hub import get_hub
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import KEPT_SECONDS, EncodedMessage, Subscription

logger = logging.getLogger(__name__)
MAX_PAYLOAD = 100_000  # characters of JSON, all of them ASCII
WAITING = 1_000  # messages that wait for a subscriber, unless it says otherwise
EXPIRE_EVERY = 50  # messages published, on average


class Exchange:
    """A name under which programs that share a store publish to topics, and subscribe."""

    def __init__(self, name: str) -> None:
        """Raises ValueError."""
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            raise ValueError(f"the name of an exchange is [A-Za-z0-9_-]{{1,64}}, not {name!r:.80}")
        self.name = name

    def topic(self, key: Topic) -> "ExchangeTopic":
        """Raises ValueError."""
        return ExchangeTopic(self.name, encode_topic(key))

    def queue(
        self,
        wanted: str | list[str] | set[str] | dict[str, Any] | Callable[[Any], bool] | None = None,
        limit: int = WAITING,
    ) -> "Queue":
        """For messages whose topic passes: a regular expression (RE2's syntax), tags all of which
        are there, a pattern of an object, a predicate, or None for all. At most `limit` of them
        wait, beside those that the loop has taken; then the oldest give way. Raises ValueError."""
        if limit < 1:
            raise ValueError(f"limit is at least 1, not {limit}")
        if callable(wanted):
            return Queue(Subscription(self.name, filter_of(None)), wanted, limit)
        return Queue(Subscription(self.name, filter_of(wanted)), None, limit)


class ExchangeTopic:
    def __init__(self, exchange: str, key: str) -> None:
        self.exchange, self.key = exchange, key

    def publish(self, payload: Any) -> None:
        """`payload` is what JSON can say (keys that are no text become text), in at most 100,000
        characters of ASCII. Raises ValueError, StoreUnavailable."""
        try:
            text = json.dumps(payload, allow_nan=False, separators=(",", ":"))
        except (TypeError, RecursionError) as error:
            raise ValueError(f"a payload is what JSON can say: {error}") from error
        if len(text) > MAX_PAYLOAD:
            raise ValueError(
                f"a payload has at most {MAX_PAYLOAD} characters of JSON, not {len(text)}"
            )
        store = get_store()
        store.publish(self.exchange, EncodedMessage(self.key, text))
        # Each deletes more than it adds, so that it never grows, and none of them takes long.
        if random.randrange(EXPIRE_EVERY) == 0:
            try:
                store.expire_messages(KEPT_SECONDS)
            except StoreUnavailable as error:
                logger.warning("old messages were not deleted: %s", error)


class Queue:
    """A subscription: from `with`, or else from the loop's start, to the end of the loop, `close`,
    or when nobody refers to it any more. It is for one loop at a time."""

    def __init__(
        self, subscription: Subscription, predicate: Callable[[Any], bool] | None, limit: int
    ) -> None:
        self.subscription, self.predicate, self.limit = subscription, predicate, limit
        self.hub = get_hub()
        self.inbox: Inbox | None = None  # while it is subscribed

    def __enter__(self) -> Self:
        self._join()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.inbox = None

    def __del__(self) -> None:
        # In whichever thread the garbage is collected, which may hold any lock.
        if self.inbox:
            self.inbox.closed = True

    def subscribe(self) -> Generator[Message | Missed, None, None]:
        """Endless, but for `close`. Raises StoreUnavailable if the subscription cannot begin, once
        it has, it resumes by itself; ValueError if the store does not know the filter. What the
        predicate raises ends it."""
        entered = self.inbox
        inbox = entered if entered and self.hub is get_hub() else self._join()
        try:
            while events := inbox.take():
                for event in events:
                    if inbox.closed or self.hub is not get_hub():
                        break
                    if isinstance(event, Missed):
                        yield event
                        continue
                    topic = json.loads(event.topic)
                    if self.predicate is None or self.predicate(topic):
                        yield Message(topic, json.loads(event.payload))
                if self.hub is not get_hub():  # this is a forked process now
                    inbox = self._join()
        finally:
            self._leave(inbox)
            if not entered and self.inbox is inbox:
                self.inbox = None

    def close(self) -> None:
        """Ends the loop, too, in whichever thread."""
        if self.inbox:
            self._leave(self.inbox)

    def _join(self) -> Inbox:
        forked = self.inbox and self.hub is not get_hub()
        self.hub, self.inbox = get_hub(), Inbox(self.limit)
        inbox = self.inbox
        if forked:
            inbox.enqueue([FORKED])
        self.hub.join(self.subscription, inbox)
        return inbox

    def _leave(self, inbox: Inbox) -> None:
        if self.hub is get_hub():
            inbox.close()
        else:
            inbox.closed = True  # a thread of the parent may have held its lock
