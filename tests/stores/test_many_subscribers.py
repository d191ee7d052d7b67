"""Many subscribers of one process, each of whom hears everything."""

import os
import subprocess
import sys
import threading
from typing import Any

import psutil
from django.conf import settings

from leaderboardapp.pubsub import SLOW, WAITING, Exchange, Message
from leaderboardapp.stores.base import Store
from tests.support.programs import PROJECT, wait_until
from tests.support.store import subscribed

SUBSCRIBERS, MESSAGES = 200, 10_000
PUBLISHING = """
import django; django.setup()
from leaderboardapp.pubsub import Exchange
topic = Exchange({exchange!r}).topic("count")
for number in range({messages}):
    topic.publish(number)
"""
FILTERS: list[Any] = [None, "^count$", "c", lambda topic: topic == "count"]


def connections() -> int:
    """Of this process to the store: to its server, or to its file."""
    process, place = psutil.Process(), settings.DATABASE_URL
    if place.startswith("sqlite:"):
        path = place.removeprefix("sqlite://")
        return [file.path for file in process.open_files()].count(os.path.realpath(path))
    port = int(place.rpartition("/")[0].rpartition(":")[2])
    return sum(1 for each in process.net_connections() if each.raddr and each.raddr.port == port)


def test_two_hundred_subscribers_hear_ten_thousand_messages_in_order(
    store: Store, board_id: str
) -> None:
    exchange = Exchange(board_id)
    store.ping()
    before = connections()
    heard: list[list[Any]] = [[] for _ in range(SUBSCRIBERS)]
    live = threading.Barrier(SUBSCRIBERS + 1, timeout=60)

    def subscribe(number: int) -> None:
        with exchange.queue(FILTERS[number % len(FILTERS)], limit=MESSAGES) as queue:
            live.wait()
            for event in queue.subscribe():
                heard[number].append(event.payload)
                if event.payload == MESSAGES - 1:
                    break

    threads = [threading.Thread(target=subscribe, args=[number]) for number in range(SUBSCRIBERS)]
    with exchange.queue() as sleeper:
        for thread in threads:
            thread.start()
        live.wait()
        assert connections() == before + 1
        program = PUBLISHING.format(exchange=exchange.name, messages=MESSAGES)
        ours = {"DATABASE_URL": settings.DATABASE_URL}
        publisher = subprocess.Popen(
            [sys.executable, "-c", program], cwd=PROJECT, env={**os.environ, **ours}
        )
        assert publisher.wait(120) == 0
        for thread in threads:
            thread.join(120)
        last = [Message("count", number) for number in range(MESSAGES - WAITING, MESSAGES)]
        events = sleeper.subscribe()
        assert [next(events) for _ in range(WAITING + 1)] == [SLOW, *last]
    assert all(each == list(range(MESSAGES)) for each in heard)
    wait_until(lambda: not subscribed(), "its thread's end")
    if not settings.DATABASE_URL.startswith("sqlite:"):  # SQLite keeps a closed file for the next
        assert connections() == before
