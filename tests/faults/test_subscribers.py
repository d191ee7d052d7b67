"""Subscribers, while their store's server is killed or the link to it goes dead."""

import itertools
import signal
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.pubsub import Exchange, Missed, reql
from tests.faults.conftest import Server
from tests.faults.link import Link
from tests.support.programs import wait_until
from tests.support.store import store_at

TOPICS = ["one", "two"]
SUBSCRIBERS = 5


def make_filters() -> list[Any]:
    """Return filters that pass all topics, one for each subscriber."""
    filters: list[Any] = [None] * SUBSCRIBERS
    if settings.DATABASE_URL.startswith("rethinkdb:"):
        filters[0] = reql(lambda topic: topic.match("."))
    return filters


class Traffic:
    """A publisher of numbered messages, and subscribers.

    `sent` has the numbers that the store took, by topic, and `received` what each subscriber
    got."""

    def __init__(self) -> None:
        self.exchange = Exchange("numbers")
        self.stopping = threading.Event()
        self.sent: dict[str, list[int]] = {topic: [] for topic in TOPICS}
        self.received: list[list[Any]] = [[] for _ in range(SUBSCRIBERS)]
        self.queues = [self.exchange.queue(wanted, 100_000) for wanted in make_filters()]
        subscribers = [
            threading.Thread(target=self._subscribe, args=pair)
            for pair in zip(self.queues, self.received, strict=True)
        ]
        publisher = threading.Thread(target=self._publish)
        self.threads = [publisher, *subscribers]
        for queue in self.queues:
            queue.__enter__()
        for thread in self.threads:
            thread.start()

    def _publish(self) -> None:
        from leaderboardapp.stores import get_store

        for number in itertools.count():
            if self.stopping.is_set():
                break
            for topic in TOPICS:
                try:
                    self.exchange.topic(topic).publish(number)
                    self.sent[topic].append(number)
                except StoreUnavailable:
                    time.sleep(0.05)
        get_store().close()

    def _subscribe(self, queue: Any, received: list[Any]) -> None:
        for event in queue.subscribe():
            received.append(event)

    def wait_for_progress(self) -> None:
        """Wait until each subscriber gets messages of each topic that are sent from now on."""
        newest = {topic: max(self.sent[topic], default=0) for topic in TOPICS}

        def progresses(received: list[Any], topic: str) -> bool:
            recent = received[-100:]
            return any(event.topic == topic and event.payload > newest[topic] for event in recent)

        wait_until(
            lambda: all(progresses(events, topic) for events in self.received for topic in TOPICS),
            "messages",
            40,
        )

    def stop(self) -> None:
        self.stopping.set()
        self.threads[0].join()
        for queue in self.queues:
            queue.close()
        for thread in self.threads[1:]:
            thread.join()


@contextmanager
def traffic() -> Iterator[Traffic]:
    running = Traffic()
    try:
        running.wait_for_progress()
        yield running
        running.wait_for_progress()
    finally:
        running.stop()
    for received in running.received:
        assert_losses_are_announced(running.sent, received)
        assert any(isinstance(event, Missed) for event in received), (
            "there was something to announce"
        )


def assert_losses_are_announced(sent: dict[str, list[int]], received: list[Any]) -> None:
    """Assert that messages came in order and once, with a Missed wherever one is missing."""
    for topic in TOPICS:
        missed, last, position = False, -1, 0
        for event in received:
            if isinstance(event, Missed):
                missed = True
            elif event.topic == topic:
                assert event.payload > last, "in order, and once"
                lost = bisect_left(sent[topic], event.payload) - position
                assert missed or not lost, f"{topic}: {lost} lost before {event.payload}"
                missed, last = False, event.payload
                position = bisect_right(sent[topic], last)


def prepare(store: Any) -> None:
    """Make what the store needs. The test before may have opened the process's circuit breaker."""

    def is_prepared() -> bool:
        with suppress(StoreUnavailable):
            store.ensure()
            return True
        return False

    wait_until(is_prepared, "the store")


def test_a_killed_server_is_announced_and_subscribers_resume(own_server: Server) -> None:
    with store_at(own_server.database("pubsub")) as store:
        prepare(store)
        with traffic():
            own_server.program.restart()


def test_a_dead_link_is_announced_and_subscribers_resume(own_server: Server) -> None:
    with Link(own_server.port) as link:
        url = own_server.database("pubsub").replace(str(own_server.port), str(link.port))
        assert urlsplit(url).port == link.port
        with store_at(url) as store:
            prepare(store)
            with traffic():
                link.cut()


@pytest.mark.parametrize("wanted", ["^one$", {"nothing": None}])
def test_a_subscription_that_cannot_begin_is_refused(own_server: Server, wanted: Any) -> None:
    with store_at(own_server.database("pubsub")) as store:
        prepare(store)
        own_server.program.signal_all(signal.SIGKILL)
        own_server.program.process.wait()
        with pytest.raises(StoreUnavailable), Exchange("numbers").queue(wanted):
            pass
