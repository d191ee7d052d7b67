"""Many subscribers in one process, each of which gets every message."""

import itertools
import os
import subprocess
import sys
import threading
from typing import Any

import psutil
import pytest
from django.conf import settings

from leaderboardapp.pubsub import SLOW, WAITING, Exchange, Message
from leaderboardapp.stores.base import Store
from tests.support.programs import PROJECT, wait_until
from tests.support.store import subscribed

SUBSCRIBERS, MESSAGES = 200, 500
PUBLISHING = """
import django; django.setup()
from leaderboardapp.pubsub import Exchange
topic = Exchange({exchange!r}).topic("count")
for number in range({messages}):
    topic.publish(number)
"""
FILTERS: list[Any] = [None, "^count$", "c", lambda topic: topic == "count"]


def count_connections() -> int:
    """Count this process's connections to the store: to its server, or to its file."""
    process, url = psutil.Process(), settings.DATABASE_URL
    if url.startswith("sqlite:"):
        path = url.removeprefix("sqlite://")
        return [file.path for file in process.open_files()].count(os.path.realpath(path))
    port = int(url.rpartition("/")[0].rpartition(":")[2])
    sockets = process.net_connections()
    return sum(1 for socket in sockets if socket.raddr and socket.raddr.port == port)


@pytest.mark.processes
def test_two_hundred_subscribers_get_every_message_in_order(store: Store, board_id: str) -> None:
    exchange = Exchange(board_id)
    store.ping()
    before = count_connections()
    received: list[list[Any]] = [[] for _ in range(SUBSCRIBERS)]
    live = threading.Barrier(SUBSCRIBERS + 1, timeout=60)

    def subscribe(number: int) -> None:
        with exchange.queue(FILTERS[number % len(FILTERS)], limit=MESSAGES) as queue:
            live.wait()
            for event in queue.subscribe():
                received[number].append(event.payload)
                if event.payload == MESSAGES - 1:
                    break

    threads = [threading.Thread(target=subscribe, args=[number]) for number in range(SUBSCRIBERS)]
    with exchange.queue(limit=100) as sleeper:
        for thread in threads:
            thread.start()
        live.wait()
        assert count_connections() == before + 1
        program = PUBLISHING.format(exchange=exchange.name, messages=MESSAGES)
        ours = {"DATABASE_URL": settings.DATABASE_URL}
        publisher = subprocess.Popen(
            [sys.executable, "-c", program], cwd=PROJECT, env={**os.environ, **ours}
        )
        assert publisher.wait(120) == 0
        for thread in threads:
            thread.join(120)
        last = [Message("count", number) for number in range(MESSAGES - 100, MESSAGES)]
        events = sleeper.subscribe()
        assert [next(events) for _ in range(101)] == [SLOW, *last]
    assert all(numbers == list(range(MESSAGES)) for numbers in received)
    wait_until(lambda: not subscribed(), "its thread's end")
    if not settings.DATABASE_URL.startswith("sqlite:"):  # SQLite keeps a closed file for the next
        assert count_connections() == before


@pytest.mark.stores("sqlite")
def test_a_thousand_messages_wait_for_a_subscriber_by_default(store: Store, board_id: str) -> None:
    exchange = Exchange(board_id)
    with exchange.queue() as sleeper, exchange.queue(limit=2 * WAITING) as awake:
        for number in range(WAITING + 1):
            exchange.topic("count").publish(number)
        everything = [Message("count", number) for number in range(WAITING + 1)]
        assert list(itertools.islice(awake.subscribe(), WAITING + 1)) == everything
        newest = list(itertools.islice(sleeper.subscribe(), WAITING + 1))
        assert newest == [SLOW, *everything[1:]]
