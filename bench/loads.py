"""Loads on many boards: reads as the listener makes them, writes, and publishes.

Writes bypass the web processes, and publishes the whole service. Reads and writes are for a process
that has the store.
"""

import itertools
import json
import random
import time
from http.client import HTTPConnection
from typing import NamedTuple

from bench.fill import increment_boards
from bench.viewers import event, snapshot

STATEMENTS = 20  # per second, each of which changes as many boards as the rate needs
PUBLISHED_AT_ONCE = 500  # as many as the listener reads at once


class Change(NamedTuple):
    board: int
    score: int
    acknowledged: float


def read(boards: int, seconds: float) -> float:
    """Return how many snapshots a second this process reads, in batches as the listener's."""
    from leaderboardapp import snapshots
    from leaderboardapp.realtime.publish import MAX_BOARDS_READ

    names, count = [f"b{n}" for n in range(boards)], 0
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        count += len(snapshots.read_snapshots(random.sample(names, min(boards, MAX_BOARDS_READ))))
    return count / (time.monotonic() - began)


def write(
    store: str, boards: int, first: int, rate: float, seconds: float
) -> tuple[list[Change], float]:
    """Bring all boards to the score `first`, then to the next, until the time is over.

    `rate` is how many changes a second there are at most. Returns the changes, and the seconds of
    processor time that this process took for them.
    """
    changes: list[Change] = []
    at_once = max(1, int(min(rate / STATEMENTS, boards)))
    began, used = time.monotonic(), time.process_time()
    for score in itertools.count(first):
        order = random.sample(range(boards), boards)
        for start in range(0, boards, at_once):
            numbers = order[start : start + at_once]
            time.sleep(max(0.0, began + len(changes) / rate - time.monotonic()))
            increment_boards(store, numbers)
            now = time.monotonic()
            changes += [Change(board, score, now) for board in numbers]
        if now > began + seconds:
            break
    return changes, time.process_time() - used


def publish(port: int, boards: int, scores: range) -> None:
    """Publish an event of each score to the viewers of each board."""
    for score in scores:
        body = snapshot("b", [("p", "P", score)])
        formats = {
            "http-stream": {"content": event(body)},
            "http-response": {"headers": {"Content-Type": "application/json"}, "body": body},
            "ws-message": {"content": body},
        }
        for start in range(0, boards, PUBLISHED_AT_ONCE):
            numbers = range(start, min(start + PUBLISHED_AT_ONCE, boards))
            items = [{"channel": f"board-b{n}", **formats} for n in numbers]
            connection = HTTPConnection("localhost", port)
            connection.request("POST", "/publish/", json.dumps({"items": items}))
            assert connection.getresponse().status == 200
            connection.close()
