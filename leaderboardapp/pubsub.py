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
import os
import random
import re
import threading
import time
import weakref
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple, Self

from leaderboardapp.backoff import backoff
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import StoreUnavailable, now_us
from leaderboardapp.stores.messages import KEPT_SECONDS, Group, Messages, Sent
from leaderboardapp.topics import Topic, canonical, filter_of

logger = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES = 100_000
WAITING = 1_000  # messages that wait for a subscriber, unless it says otherwise
EXPIRE_EVERY = 50  # messages published, on average
LOOK_SECONDS = 0.05  # how late a new subscriber may be seen
LIVE_SECONDS = 15.0  # within which one has to be
CHECK_SECONDS = 5.0  # between two questions whether the store is still there
CALM_SECONDS = 30.0  # without a failure, after which the next one is the first again


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


class Exchange:
    """A name under which programs that share a store publish to topics, and subscribe."""

    def __init__(self, name: str) -> None:
        """Raises ValueError."""
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            raise ValueError(f"the name of an exchange is [A-Za-z0-9_-]{{1,64}}, not {name!r:.80}")
        self.name = name

    def topic(self, key: Topic) -> "ExchangeTopic":
        """Raises ValueError."""
        return ExchangeTopic(self.name, canonical(key))

    def queue(
        self,
        wanted: str | list[str] | set[str] | dict[str, Any] | Callable[[Any], bool] | None = None,
        limit: int = WAITING,
    ) -> "Queue":
        """For messages whose topic passes: a regular expression (RE2's syntax), tags all of which
        are there, a pattern of an object, a predicate, or None for all. At most `limit` of them
        wait; then the oldest give way. Raises ValueError."""
        if limit < 1:
            raise ValueError(f"limit is at least 1, not {limit}")
        if callable(wanted):
            return Queue(Group(self.name, filter_of(None)), wanted, limit)
        return Queue(Group(self.name, filter_of(wanted)), None, limit)


class ExchangeTopic:
    def __init__(self, exchange: str, key: str) -> None:
        self.exchange, self.key = exchange, key

    def publish(self, payload: Any) -> None:
        """`payload` is what JSON can say, of 100,000 bytes at most. Raises ValueError,
        StoreUnavailable."""
        try:
            text = json.dumps(payload, allow_nan=False, separators=(",", ":"))
        except (TypeError, RecursionError) as error:
            raise ValueError(f"a payload is what JSON can say: {error}") from error
        if len(text) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"a payload has at most {MAX_PAYLOAD_BYTES} bytes, not {len(text)}")
        store = get_store()
        store.publish(self.exchange, Sent(self.key, text))
        # Each deletes more than it adds, so that it never grows, and none of them takes long.
        if random.randrange(EXPIRE_EVERY) == 0:
            store.expire_messages(now_us() - KEPT_SECONDS * 1_000_000)


class Inbox:
    """What waits for one subscriber."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.condition = threading.Condition()
        self.waiting: deque[Sent | Missed] = deque()
        self.live, self.closed = False, False
        self.error: StoreUnavailable | None = None  # why it has never become live

    def put(self, events: list[Sent | Missed]) -> None:
        with self.condition:
            self.waiting.extend(events)
            if len(self.waiting) > self.limit:
                while len(self.waiting) > self.limit:
                    self.waiting.popleft()
                self.waiting.appendleft(SLOW)
            self.condition.notify_all()

    def take(self) -> deque[Sent | Missed]:
        """All, once there are any; none if the inbox is closed."""
        with self.condition:
            self.condition.wait_for(lambda: self.waiting or self.closed)
            taken, self.waiting = self.waiting, deque()
            return deque() if self.closed else taken

    def wait_until_live(self) -> None:
        with self.condition:
            self.condition.wait_for(lambda: self.live or self.error, LIVE_SECONDS)
            if not self.live:
                self.closed = True
                raise self.error or StoreUnavailable("the store did not take the subscription")

    def begin(self, error: StoreUnavailable | None = None) -> None:
        with self.condition:
            self.live, self.error = error is None, error
            self.closed = error is not None
            self.condition.notify_all()

    def close(self) -> None:
        with self.condition:
            self.closed = True
            self.condition.notify_all()


class Queue:
    """A subscription: from `with`, or else from the loop's start, to the end of the loop, `close`,
    or when nobody refers to it any more. One thread at a time loops over it."""

    def __init__(self, group: Group, predicate: Callable[[Any], bool] | None, limit: int) -> None:
        self.group, self.predicate, self.limit = group, predicate, limit
        self.hub: Hub | None = None
        self.inbox = Inbox(limit)
        self.inbox.close()

    def __enter__(self) -> Self:
        self._join()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def subscribe(self) -> Iterator[Message | Missed]:
        """Endless, but for `close`. Raises StoreUnavailable if the subscription cannot begin; once
        it has, it resumes by itself. What the predicate raises ends it."""
        inbox = self._join()
        try:
            while events := inbox.take():
                for event in events:
                    if inbox.closed:
                        return
                    if isinstance(event, Missed):
                        yield event
                        continue
                    topic = json.loads(event.topic)
                    if self.predicate is None or self.predicate(topic):
                        yield Message(topic, json.loads(event.payload))
                if self.hub is not _hub:  # this is a forked process now
                    inbox = self._join()
        finally:
            self.close()

    def close(self) -> None:
        """Ends the loop, too, in whichever thread."""
        self.inbox.close()

    def _join(self) -> Inbox:
        if self.hub is not _hub or self.inbox.closed:
            forked = not self.inbox.closed
            self.hub, self.inbox = _hub, Inbox(self.limit)
            self.inbox.put([FORKED] if forked else [])
            weakref.finalize(self, _abandon, self.inbox).atexit = False
            self.hub.join(self.group, self.inbox)
        return self.inbox


class Hub:
    """The process's subscribers, and one thread that reads for all of them while there are any."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inboxes: dict[Group, list[Inbox]] = {}
        self.thread: threading.Thread | None = None

    def join(self, group: Group, inbox: Inbox) -> None:
        """Once it returns, the inbox gets all that is published from then on."""
        with self.lock:
            self.inboxes.setdefault(group, []).append(inbox)
            if self.thread is None:
                self.thread = threading.Thread(target=self._run, name="pubsub", daemon=True)
                self.thread.start()
        inbox.wait_until_live()

    def _run(self) -> None:
        failures = 0
        while self._wanted():
            started = time.monotonic()
            try:
                with closing(_open()) as messages:
                    self._read(messages)
            except Exception as error:  # whatever it is, subscribers must not wait for ever
                failures = failures + 1 if time.monotonic() - started < CALM_SECONDS else 0
                pause = backoff(failures)
                unexpected = not isinstance(error, StoreUnavailable)
                logger.error("%s; subscribing again in %.1f s", error, pause, exc_info=unexpected)
                self._refuse(StoreUnavailable(str(error)))
                time.sleep(pause)

    def _read(self, messages: Messages) -> None:
        watched: set[Group] = set()
        checked = time.monotonic()
        while wanted := self._wanted():
            for group in watched - wanted.keys():
                messages.forget(group)
            for group, inboxes in wanted.items():
                if group not in watched:
                    messages.watch(group)
                for inbox in inboxes:
                    if not inbox.live:
                        inbox.begin()
                    elif group not in watched:
                        inbox.put([AWAY])
            watched = {*wanted}
            events: dict[Group, list[Sent | Missed]] = defaultdict(list)
            for group, sent in messages.read(LOOK_SECONDS):
                events[group].append(sent or OVERRUN)
            for group, some in events.items():
                for inbox in wanted[group]:
                    inbox.put(some)
            if time.monotonic() >= checked + CHECK_SECONDS:
                messages.check()
                checked = time.monotonic()

    def _wanted(self) -> dict[Group, list[Inbox]]:
        """By now; when there is nothing, the thread is at its end."""
        with self.lock:
            open = {group: [i for i in all if not i.closed] for group, all in self.inboxes.items()}
            self.inboxes = {group: inboxes for group, inboxes in open.items() if inboxes}
            if not self.inboxes:
                self.thread = None
            return {group: [*inboxes] for group, inboxes in self.inboxes.items()}

    def _refuse(self, error: StoreUnavailable) -> None:
        """Those whose subscription has not begun."""
        for inboxes in self._wanted().values():
            for inbox in inboxes:
                if not inbox.live:
                    inbox.begin(error)


def _open() -> Messages:
    store = get_store()
    try:
        return store.open_messages()
    finally:
        store.close()  # the thread needs no other connection


def _abandon(inbox: Inbox) -> None:
    # In whichever thread the garbage is collected, which may hold any lock.
    inbox.closed = True


def _start_afresh() -> None:
    global _hub
    _hub = Hub()


_hub = Hub()
os.register_at_fork(after_in_child=_start_afresh)
