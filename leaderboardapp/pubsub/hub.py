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
from leaderboardapp.stores.base import Group, Messages, Sent

logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.1  # how late a new subscriber may be seen
CHECK_SECONDS = 5.0  # between two questions whether the store is still there
CALM_SECONDS = 30.0  # without a failure, after which the next one is the first again


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


def get_hub() -> Hub:
    """Return this process's hub. A forked process has another one than its parent."""
    return _hub
