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
from collections import defaultdict, deque
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, NamedTuple, Self

from leaderboardapp.concurrency.backoff import backoff
from leaderboardapp.domain.topics import Topic, canonical, filter_of
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import StoreUnavailable
from leaderboardapp.stores.messages import KEPT_SECONDS, Group, Messages, Sent

logger = logging.getLogger(__name__)

MAX_PAYLOAD = 100_000  # characters of JSON, all of them ASCII
WAITING = 1_000  # messages that wait for a subscriber, unless it says otherwise
EXPIRE_EVERY = 50  # messages published, on average
LOOK_SECONDS = 0.1  # how late a new subscriber may be seen
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
        wait, beside those that the loop has taken; then the oldest give way. Raises ValueError."""
        if limit < 1:
            raise ValueError(f"limit is at least 1, not {limit}")
        if callable(wanted):
            return Queue(Group(self.name, filter_of(None)), wanted, limit)
        return Queue(Group(self.name, filter_of(wanted)), None, limit)


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
        store.publish(self.exchange, Sent(self.key, text))
        # Each deletes more than it adds, so that it never grows, and none of them takes long.
        if random.randrange(EXPIRE_EVERY) == 0:
            try:
                store.expire_messages(KEPT_SECONDS)
            except StoreUnavailable as error:
                logger.warning("old messages were not deleted: %s", error)


class Inbox:
    """What waits for one subscriber."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.condition = threading.Condition()
        self.waiting: deque[Sent | Missed] = deque()
        self.live, self.closed = False, False
        self.refusal: ValueError | StoreUnavailable | None = None

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
        """Or closed. Raises what it was refused with, StoreUnavailable after LIVE_SECONDS."""
        with self.condition:
            if not self.condition.wait_for(lambda: self.live or self.closed, LIVE_SECONDS):
                self.closed = True  # or it would begin when nobody listens any more
                raise StoreUnavailable("the store did not take the subscription")
            if self.refusal:
                raise type(self.refusal)(str(self.refusal))  # which refers to nobody's frames

    def begin(self) -> None:
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


class Queue:
    """A subscription: from `with`, or else from the loop's start, to the end of the loop, `close`,
    or when nobody refers to it any more. It is for one loop at a time."""

    def __init__(self, group: Group, predicate: Callable[[Any], bool] | None, limit: int) -> None:
        self.group, self.predicate, self.limit = group, predicate, limit
        self.hub = _hub
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
        inbox = entered if entered and self.hub is _hub else self._join()
        try:
            while events := inbox.take():
                for event in events:
                    if inbox.closed or self.hub is not _hub:
                        break
                    if isinstance(event, Missed):
                        yield event
                        continue
                    topic = json.loads(event.topic)
                    if self.predicate is None or self.predicate(topic):
                        yield Message(topic, json.loads(event.payload))
                if self.hub is not _hub:  # this is a forked process now
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
        forked = self.inbox and self.hub is not _hub
        self.hub, self.inbox = _hub, Inbox(self.limit)
        inbox = self.inbox
        if forked:
            inbox.put([FORKED])
        self.hub.join(self.group, inbox)
        return inbox

    def _leave(self, inbox: Inbox) -> None:
        if self.hub is _hub:
            inbox.close()
        else:
            inbox.closed = True  # a thread of the parent may have held its lock


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
                thread = threading.Thread(target=self._run, name="pubsub", daemon=True)
                thread.start()
                self.thread = thread
        inbox.wait_until_live()

    def _run(self) -> None:
        failures = 0
        while self._wanted():
            started = time.monotonic()
            try:
                with closing(_open()) as messages:
                    return self._read(messages)
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
            watched &= wanted.keys()
            for group in wanted.keys() - watched:
                if self._watch(messages, group, wanted[group]):
                    watched.add(group)
            for group in watched:
                for inbox in wanted[group]:
                    inbox.begin()
            events: dict[Group, list[Sent | Missed]] = defaultdict(list)
            for group, sent in messages.read(LOOK_SECONDS):
                events[group].append(sent or OVERRUN)
            for group, some in events.items():
                for inbox in wanted.get(group, ()):
                    inbox.put(some)
            if time.monotonic() >= checked + CHECK_SECONDS:
                messages.check()
                checked = time.monotonic()

    def _watch(self, messages: Messages, group: Group, inboxes: list[Inbox]) -> bool:
        try:
            messages.watch(group)
        except ValueError as error:
            for inbox in inboxes:
                inbox.refuse(error)
            return False
        for inbox in inboxes:
            if inbox.live:  # through an earlier connection
                inbox.put([AWAY])
        return True

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
        with self.lock:
            inboxes = [inbox for all in self.inboxes.values() for inbox in all]
        for inbox in inboxes:
            if not inbox.live:
                inbox.refuse(error)


def _open() -> Messages:
    store = get_store()
    try:
        return store.open_messages()
    finally:
        store.close()  # the thread needs no other connection


def _start_afresh() -> None:
    global _hub
    _hub = Hub()


_hub = Hub()
os.register_at_fork(after_in_child=_start_afresh)
