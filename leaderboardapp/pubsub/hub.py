"""The one thread of a process that reads for all its subscribers."""

import logging
import os
import threading
import time
from collections import defaultdict
from contextlib import closing

from leaderboardapp.concurrency.backoff import backoff
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.pubsub.delivery import AWAY, OVERRUN, Inbox, Missed
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import EncodedMessage, MessageStream, Subscription

logger = logging.getLogger(__name__)
POLL_SECONDS = 0.1  # how late a new subscriber may be seen
LINK_CHECK_SECONDS = 5.0  # between two questions whether the store is still there
CALM_SECONDS = 30.0  # without a failure, after which the next one is the first again


class Hub:
    """The process's subscribers, and one thread that reads for all of them while there are any."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inboxes: dict[Subscription, list[Inbox]] = {}
        self.thread: threading.Thread | None = None

    def join(self, subscription: Subscription, inbox: Inbox) -> None:
        """Once it returns, the inbox gets all that is published from then on."""
        with self.lock:
            self.inboxes.setdefault(subscription, []).append(inbox)
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

    def _read(self, messages: MessageStream) -> None:
        watched: set[Subscription] = set()
        checked = time.monotonic()
        while wanted := self._wanted():
            for subscription in watched - wanted.keys():
                messages.unsubscribe(subscription)
            watched &= wanted.keys()
            for subscription in wanted.keys() - watched:
                if self._watch(messages, subscription, wanted[subscription]):
                    watched.add(subscription)
            for subscription in watched:
                for inbox in wanted[subscription]:
                    inbox.mark_live()
            events: dict[Subscription, list[EncodedMessage | Missed]] = defaultdict(list)
            for subscription, sent in messages.poll(POLL_SECONDS):
                events[subscription].append(sent or OVERRUN)
            for subscription, some in events.items():
                for inbox in wanted.get(subscription, ()):
                    inbox.enqueue(some)
            if time.monotonic() >= checked + LINK_CHECK_SECONDS:
                messages.check()
                checked = time.monotonic()

    def _watch(
        self, messages: MessageStream, subscription: Subscription, inboxes: list[Inbox]
    ) -> bool:
        try:
            messages.subscribe(subscription)
        except ValueError as error:
            for inbox in inboxes:
                inbox.refuse(error)
            return False
        for inbox in inboxes:
            if inbox.live:  # through an earlier connection
                inbox.enqueue([AWAY])
        return True

    def _wanted(self) -> dict[Subscription, list[Inbox]]:
        """By now; when there is nothing, the thread is at its end."""
        with self.lock:
            open = {
                subscription: [i for i in all if not i.closed]
                for subscription, all in self.inboxes.items()
            }
            self.inboxes = {
                subscription: inboxes for subscription, inboxes in open.items() if inboxes
            }
            if not self.inboxes:
                self.thread = None
            return {subscription: [*inboxes] for subscription, inboxes in self.inboxes.items()}

    def _refuse(self, error: StoreUnavailable) -> None:
        """Those whose subscription has not begun."""
        with self.lock:
            inboxes = [inbox for all in self.inboxes.values() for inbox in all]
        for inbox in inboxes:
            if not inbox.live:
                inbox.refuse(error)


def _open() -> MessageStream:
    store = get_store()
    try:
        return store.open_message_stream()
    finally:
        store.close()  # the thread needs no other connection


def _start_afresh() -> None:
    global _hub
    _hub = Hub()


_hub = Hub()
os.register_at_fork(after_in_child=_start_afresh)


def get_hub() -> Hub:
    """Return this process's hub. A forked process has another one than its parent."""
    return _hub
