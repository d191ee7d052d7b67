"""The hub of a process: one thread reads the store's messages for all subscribers."""

import os
import threading
import time
from collections import defaultdict
from contextlib import closing

from leaderboardapp.concurrency.supervise import supervise
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.pubsub.delivery import AWAY, OVERRUN, Delivery, Inbox
from leaderboardapp.stores import get_store
from leaderboardapp.stores.streams import MessageStream, Subscription

POLL_SECONDS = 0.1  # how late a new subscriber may be noticed
LINK_CHECK_SECONDS = 5.0  # between two questions whether the store is still reachable

Inboxes = dict[Subscription, list[Inbox]]


class Hub:
    """The process's subscribers, and one thread that reads for all of them while there are any."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inboxes: Inboxes = {}
        self.thread: threading.Thread | None = None

    def subscribe(self, subscription: Subscription, inbox: Inbox) -> None:
        """Subscribe the inbox; return when it gets everything that is published from then on.

        Raises StoreUnavailable, and ValueError if the store does not know the filter."""
        with self.lock:
            self.inboxes.setdefault(subscription, []).append(inbox)
            if self.thread is None:
                thread = threading.Thread(target=self._run, name="pubsub", daemon=True)
                thread.start()
                self.thread = thread
        inbox.wait_until_live()

    def _run(self) -> None:
        """Deliver messages until there are no subscribers, through every failure of the store."""
        supervise("pubsub", self._read, self._rest, (StoreUnavailable,), self._refuse_pending)

    def _rest(self, seconds: float) -> bool:
        """Sleep; return whether the thread is to end, because there are no subscribers."""
        time.sleep(seconds)
        return not self._list_open_inboxes()

    def _read(self) -> None:
        """Open the store's messages and deliver them until there are no subscribers."""
        with closing(_open_message_stream()) as stream:
            self._deliver(stream)

    def _deliver(self, stream: MessageStream) -> None:
        subscribed: set[Subscription] = set()
        checked_at = time.monotonic()
        while inboxes := self._list_open_inboxes():
            _follow_subscribers(stream, subscribed, inboxes)
            deliveries: dict[Subscription, list[Delivery]] = defaultdict(list)
            for subscription, message in stream.poll(POLL_SECONDS):
                deliveries[subscription].append(message or OVERRUN)
            for subscription, batch in deliveries.items():
                for inbox in inboxes.get(subscription, ()):
                    inbox.enqueue(batch)
            if time.monotonic() >= checked_at + LINK_CHECK_SECONDS:
                stream.check()
                checked_at = time.monotonic()

    def _list_open_inboxes(self) -> Inboxes:
        """Return open inboxes by subscription; clear `self.thread` if there are none.

        The thread must end then, because the next subscriber starts another one."""
        with self.lock:
            by_subscription = {
                subscription: [inbox for inbox in inboxes if not inbox.is_closed]
                for subscription, inboxes in self.inboxes.items()
            }
            self.inboxes = {
                subscription: inboxes
                for subscription, inboxes in by_subscription.items()
                if inboxes
            }
            if not self.inboxes:
                self.thread = None
            return {subscription: [*inboxes] for subscription, inboxes in self.inboxes.items()}

    def _refuse_pending(self, error: Exception) -> None:
        """Refuse subscribers whose subscription has not begun; the others wait for a reconnect."""
        with self.lock:
            inboxes = [inbox for group in self.inboxes.values() for inbox in group]
        for inbox in inboxes:
            if not inbox.is_live:
                inbox.refuse(StoreUnavailable(str(error)))


def _follow_subscribers(
    stream: MessageStream, subscribed: set[Subscription], inboxes: Inboxes
) -> None:
    """Subscribe and unsubscribe the stream, so that it has the inboxes' subscriptions.

    `subscribed` has those of the stream, and is kept up to date."""
    for subscription in subscribed - inboxes.keys():
        stream.unsubscribe(subscription)
    subscribed.intersection_update(inboxes)
    for subscription in inboxes.keys() - subscribed:
        if _subscribe(stream, subscription, inboxes[subscription]):
            subscribed.add(subscription)
    for subscription in subscribed:
        for inbox in inboxes[subscription]:
            inbox.mark_live()


def _subscribe(stream: MessageStream, subscription: Subscription, inboxes: list[Inbox]) -> bool:
    """Subscribe the stream; return True if the store took it. Else refuse the inboxes."""
    try:
        stream.subscribe(subscription)
    except ValueError as error:
        for inbox in inboxes:
            inbox.refuse(error)
        return False
    for inbox in inboxes:
        if inbox.is_live:  # through an earlier connection
            inbox.enqueue([AWAY])
    return True


def _open_message_stream() -> MessageStream:
    store = get_store()
    try:
        return store.open_message_stream()
    finally:
        store.close()  # the thread needs no other connection


def _replace_hub() -> None:
    global _hub
    _hub = Hub()


_hub = Hub()
# The parent's thread does not run in a forked process, and may have held any lock.
os.register_at_fork(after_in_child=_replace_hub)


def get_hub() -> Hub:
    """Return this process's hub. A forked process has another one than its parent."""
    return _hub
