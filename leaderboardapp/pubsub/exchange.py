"""Publish and subscribe, through the store.

    exchange = Exchange("activity")
    exchange.topic("races.monza").publish({"winner": "alice"})

    with exchange.queue(r"^races\\.") as queue:
        for topic, payload in queue.subscribe():
            ...

A subscriber gets what is published from then on, at most once, and the messages of a topic in
order. Where messages may have been lost, it gets a Missed.
"""

import json
import logging
import random
import re
from collections.abc import Callable, Generator
from typing import Any, Self

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.topics import Reql, Topic, encode_topic, parse_filter
from leaderboardapp.domain.types import ID_PATTERN
from leaderboardapp.pubsub.delivery import FORKED, Inbox, Message, Missed
from leaderboardapp.pubsub.hub import get_hub
from leaderboardapp.stores import get_store
from leaderboardapp.stores.streams import KEPT_SECONDS, Subscription

logger = logging.getLogger(__name__)
MAX_PAYLOAD = 100_000  # characters of JSON, all of them ASCII
WAITING = 1_000  # messages that wait for a subscriber, by default
EXPIRE_EVERY = 50  # messages published, on average
PUBLISHED_AT_ONCE = 100  # messages, for which other publishers of the topic wait

Wanted = str | list[str] | set[str] | dict[str, Any] | Callable[[Any], bool] | Reql | None


class Exchange:
    """A name under which programs that share a store publish to topics, and subscribe."""

    def __init__(self, name: str) -> None:
        """`name`: 1 to 64 of the characters A-Z, a-z, 0-9, _ and -. Raises ValueError."""
        if not re.fullmatch(ID_PATTERN, name):
            raise ValueError(f"the name of an exchange is {ID_PATTERN}, not {name!r:.80}")
        self.name = name

    def topic(self, key: Topic) -> "ExchangeTopic":
        """Return a topic to publish to: a text, a list of tags, or an object. Raises ValueError."""
        return ExchangeTopic(self.name, encode_topic(key))

    def queue(self, wanted: Wanted = None, limit: int = WAITING) -> "Queue":
        """Return a queue for messages whose topic passes the filter `wanted`.

        A filter is a regular expression (RE2's syntax), tags that all occur, a pattern of an
        object, a predicate, `reql(…)` on RethinkDB, or None for all messages. At most `limit`
        messages wait, beside those that the loop has taken; then the oldest are dropped. Raises
        ValueError."""
        if limit < 1:
            raise ValueError(f"limit is at least 1, not {limit}")
        if callable(wanted):
            return Queue(Subscription(self.name, parse_filter(None)), wanted, limit)
        return Queue(Subscription(self.name, parse_filter(wanted)), None, limit)


class ExchangeTopic:
    """A topic of an exchange, to publish to."""

    def __init__(self, exchange: str, key: str) -> None:
        """`exchange`: its name. `key`: the topic, encoded."""
        self.exchange, self.key = exchange, key

    def publish(self, *payloads: Any) -> None:
        """Publish messages, one for each payload, to those who are subscribed now.

        A payload is whatever JSON can say, in at most 100,000 characters of ASCII. Keys that are
        no text become text. Raises ValueError, StoreUnavailable."""
        texts = [*map(encode_payload, payloads)]
        store = get_store()
        for begin in range(0, len(texts), PUBLISHED_AT_ONCE):
            store.publish(self.exchange, self.key, texts[begin : begin + PUBLISHED_AT_ONCE])
        # Each expiry deletes more messages than came since the last, so that the log does not grow.
        # It has a limit, so that no publisher waits for long.
        if random.random() * EXPIRE_EVERY < len(payloads):
            try:
                store.expire_messages(KEPT_SECONDS)
            except StoreUnavailable as error:
                logger.warning("old messages were not deleted: %s", error)


def encode_payload(payload: Any) -> str:
    """Return the payload as a message has it. Raises ValueError."""
    try:
        text = json.dumps(payload, allow_nan=False, separators=(",", ":"))
    except (TypeError, RecursionError) as error:
        raise ValueError(f"a payload is what JSON can say: {error}") from error
    if len(text) > MAX_PAYLOAD:
        raise ValueError(f"a payload has at most {MAX_PAYLOAD} characters of JSON, not {len(text)}")
    return text


def reql(function: Callable[[Any], Any]) -> Reql:
    """Return the filter of a function of ReQL, which RethinkDB's server runs for each message.

    The function is called once, now, with an expression that stands for the topic. It returns
    another, such as `topic.match("^a")`. A topic passes if that is neither false nor null, and does
    not fail. Raises ValueError if it returns anything else, and on another store."""
    return get_store().compile_reql(function)


class Queue:
    """A subscription, for one loop at a time.

    It begins with `with`, or else with the loop. It ends with the loop, with `close`, or when the
    queue is garbage-collected."""

    def __init__(
        self, subscription: Subscription, predicate: Callable[[Any], bool] | None, limit: int
    ) -> None:
        """`predicate`: a filter that only this process can apply, to the topic as a value."""
        self.subscription, self.predicate, self.limit = subscription, predicate, limit
        self.hub = get_hub()
        self.inbox: Inbox | None = None  # while it is subscribed

    def __enter__(self) -> Self:
        """Begin the subscription. Raises StoreUnavailable, ValueError."""
        self._open_inbox()
        return self

    def __exit__(self, *_: object) -> None:
        """End the subscription."""
        self.close()
        self.inbox = None

    def __del__(self) -> None:
        # Without the inbox's lock: the garbage collector runs in any thread, which may hold it.
        if self.inbox:
            self.inbox.is_closed = True

    def subscribe(self) -> Generator[Message | Missed, None, None]:
        """Yield messages, and a Missed where some may have been lost, until `close`.

        Raises StoreUnavailable if the subscription cannot begin; once begun, it resumes by itself.
        Raises ValueError if the store does not know the filter. The predicate's exceptions end the
        loop."""
        entered = self.inbox
        inbox = entered if entered and not self._is_forked() else self._open_inbox()
        try:
            while deliveries := inbox.take_all():
                for delivery in deliveries:
                    if inbox.is_closed or self._is_forked():
                        break
                    if isinstance(delivery, Missed):
                        yield delivery
                        continue
                    topic = json.loads(delivery.topic)
                    if self.predicate is None or self.predicate(topic):
                        yield Message(topic, json.loads(delivery.payload))
                if self._is_forked():
                    inbox = self._open_inbox()
        finally:
            self._close_inbox(inbox)
            if not entered and self.inbox is inbox:
                self.inbox = None

    def close(self) -> None:
        """End the subscription and its loop, from any thread."""
        if self.inbox:
            self._close_inbox(self.inbox)

    def _is_forked(self) -> bool:
        """Return whether the process was forked since the inbox was opened."""
        return self.hub is not get_hub()

    def _open_inbox(self) -> Inbox:
        """Subscribe a new inbox at this process's hub; return it."""
        had_inbox_of_parent = self.inbox and self._is_forked()
        self.hub, self.inbox = get_hub(), Inbox(self.limit)
        inbox = self.inbox
        if had_inbox_of_parent:
            inbox.enqueue([FORKED])
        try:
            self.hub.subscribe(self.subscription, inbox)
        except (StoreUnavailable, ValueError):
            self.inbox = None  # the next loop begins anew
            raise
        return inbox

    def _close_inbox(self, inbox: Inbox) -> None:
        if self._is_forked():
            inbox.is_closed = True  # a thread of the parent may have held its lock
        else:
            inbox.close()
