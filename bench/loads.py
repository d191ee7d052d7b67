"""Loads on many boards: changes past the web processes, reads as the listener makes them, and
publishes past the service. The first two are for a process with the store."""

import itertools
import json
import random
import time
from http.client import HTTPConnection
from typing import NamedTuple

from bench.fill import add_one
from bench.viewers import event, snapshot

STATEMENTS = 20  # of changes per second, each of as many boards as it takes
PUBLISHED_AT_ONCE = 500  # as the listener reads them


class Change(NamedTuple):
    board: int
    score: int
    acknowledged: float


def read(boards: int, seconds: float) -> float:
    """Snapshots per second, in batches as the listener's."""
    from leaderboardapp import snapshots
    from leaderboardapp.realtime.publish import MAX_BOARDS_READ

    names, taken = [f"b{n}" for n in range(boards)], 0
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        taken += len(snapshots.read_snapshots(random.sample(names, min(boards, MAX_BOARDS_READ))))
    return taken / (time.monotonic() - began)


def write(
    store: str, boards: int, first: int, rate: float, seconds: float
) -> tuple[list[Change], float]:
    """Bring all boards to the score `first`, then to the next, at no more than this rate, until the
    time is over. The changes, and the processor's seconds that this process took for them."""
    changes: list[Change] = []
    at_once = max(1, int(min(rate / STATEMENTS, boards)))
    began, used = time.monotonic(), time.process_time()
    for score in itertools.count(first):
        order = random.sample(range(boards), boards)
        for start in range(0, boards, at_once):
            some = order[start : start + at_once]
            time.sleep(max(0.0, began + len(changes) / rate - time.monotonic()))
            add_one(store, some)
            now = time.monotonic()
            changes += [Change(board, score, now) for board in some]
        if now > began + seconds:
            break
    return changes, time.process_time() - used


def publish(port: int, boards: int, scores: range) -> None:
    """An event of each of the scores to each board's viewers."""
    for score in scores:
        shown = snapshot("b", [("p", "P", score)])
        formats = {
            "http-stream": {"content": event(shown)},
            "http-response": {"headers": {"Content-Type": "application/json"}, "body": shown},
            "ws-message": {"content": shown},
        }
        for start in range(0, boards, PUBLISHED_AT_ONCE):
            some = range(start, min(start + PUBLISHED_AT_ONCE, boards))
            items = [{"channel": f"board-b{n}", **formats} for n in some]
            connection = HTTPConnection("localhost", port)
            connection.request("POST", "/publish/", json.dumps({"items": items}))
            assert connection.getresponse().status == 200
            connection.close()
