"""What subscribers are told when their store's server is killed, or the link to it goes dead."""

import itertools
import signal
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.pubsub import Exchange, Missed
from tests.faults.conftest import Server
from tests.faults.link import Link
from tests.faults.load import restart
from tests.support.programs import wait_until
from tests.support.store import store_at

TOPICS = ["one", "two"]
SUBSCRIBERS = 5


class Traffic:
    """Messages numbered upwards, of which those that the store took are `sent`; and what each of
    some subscribers heard."""

    def __init__(self) -> None:
        self.exchange = Exchange("numbers")
        self.stopping = threading.Event()
        self.sent: dict[str, list[int]] = {topic: [] for topic in TOPICS}
        self.heard: list[list[Any]] = [[] for _ in range(SUBSCRIBERS)]
        self.queues = [self.exchange.queue(limit=100_000) for _ in self.heard]
        subscribers = [
            threading.Thread(target=self._subscribe, args=pair)
            for pair in zip(self.queues, self.heard, strict=True)
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

    def _subscribe(self, queue: Any, heard: list[Any]) -> None:
        for event in queue.subscribe():
            heard.append(event)

    def goes_on(self) -> None:
        """Each subscriber hears of each topic what is sent from now on."""
        now = {topic: max(self.sent[topic], default=0) for topic in TOPICS}

        def hears(heard: list[Any], topic: str) -> bool:
            recent = heard[-100:]
            return any(event.topic == topic and event.payload > now[topic] for event in recent)

        wait_until(
            lambda: all(hears(heard, topic) for heard in self.heard for topic in TOPICS),
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
        running.goes_on()
        yield running
        running.goes_on()
    finally:
        running.stop()
    for heard in running.heard:
        assert_losses_are_announced(running.sent, heard)
        assert any(isinstance(event, Missed) for event in heard), "there was something to announce"


def assert_losses_are_announced(sent: dict[str, list[int]], heard: list[Any]) -> None:
    for topic in TOPICS:
        missed, last, position = False, -1, 0
        for event in heard:
            if isinstance(event, Missed):
                missed = True
            elif event.topic == topic:
                assert event.payload > last, "in order, and once"
                lost = bisect_left(sent[topic], event.payload) - position
                assert missed or not lost, f"{topic}: {lost} lost before {event.payload}"
                missed, last = False, event.payload
                position = bisect_right(sent[topic], last)


def test_a_killed_server_is_announced_and_subscribers_resume(own_server: Server) -> None:
    with store_at(own_server.database("pubsub")) as store:
        store.ensure()
        with traffic():
            restart(own_server.program)


def test_a_dead_link_is_announced_and_subscribers_resume(own_server: Server) -> None:
    with Link(own_server.port) as link:
        url = own_server.database("pubsub").replace(str(own_server.port), str(link.port))
        assert urlsplit(url).port == link.port
        with store_at(url) as store:
            store.ensure()
            with traffic():
                link.cut()


@pytest.mark.parametrize("wanted", ["^one$", {"nothing": None}])
def test_who_cannot_subscribe_is_told_so(own_server: Server, wanted: Any) -> None:
    with store_at(own_server.database("pubsub")) as store:
        store.ensure()
        own_server.program.signal_all(signal.SIGKILL)
        own_server.program.process.wait()
        with pytest.raises(StoreUnavailable), Exchange("numbers").queue(wanted):
            pass
