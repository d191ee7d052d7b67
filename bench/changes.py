"""Three ways to add 1 to the score of the player p on the board b. Each returns the new score."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any

import psycopg
from rethinkdb import r

from bench.viewers import event, snapshot
from leaderboardapp.stores.rethinkdb.address import parse_url
from leaderboardapp.stores.rethinkdb.schema import row_id
from tests.support.stack import Stack

Change = Callable[[], int]
ADD = "UPDATE player SET score = score + 1 WHERE board_id = 'b' AND player = 'p' RETURNING score"


class TimedWrite:
    """A write to the store, bypassing the service. It returns when the change is durable."""

    def __init__(self, add: Change) -> None:
        self.add = add
        self.milliseconds: list[float] = []

    def __call__(self) -> int:
        began = time.monotonic()
        score = self.add()
        self.milliseconds.append((time.monotonic() - began) * 1000)
        return score

    def pop_milliseconds(self) -> list[float]:
        """Return how long each write took since the last call."""
        milliseconds, self.milliseconds = self.milliseconds, []
        return milliseconds


@contextmanager
def timed_writer(url: str) -> Iterator[TimedWrite]:
    """Connect to the store at this address; yield a write to it."""
    if url.startswith("sqlite"):
        file = url.removeprefix("sqlite:///")
        # One write at a time, though each from another thread.
        with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as sql:
            sql.execute("PRAGMA synchronous=FULL")
            yield TimedWrite(lambda: int(sql.execute(ADD).fetchall()[0][0]))
    elif url.startswith("postgresql"):
        with psycopg.connect(url, autocommit=True) as postgres:
            yield TimedWrite(lambda: int(next(postgres.execute(ADD))[0]))
    else:
        player = r.table("players").get(row_id("b", "p"))
        add = player.update({"score": r.row["score"] + 1}, return_changes=True)
        with closing(r.connect(**parse_url(url).arguments())) as connection:
            yield TimedWrite(lambda: int(add.run(connection)["changes"][0]["new_val"]["score"]))


def write_then_publish(stack: Stack, write: Change) -> Change:
    """Return a change that writes, and then publishes the board to Pushpin without a listener."""
    port = control_port(stack)

    def write_and_publish() -> int:
        score = write()
        content = event(snapshot("b", [("p", "P", score)]))
        item = {"channel": "board-b", "http-stream": {"content": content}}
        _post(port, "/publish/", json.dumps({"items": [item]}))
        return score

    return write_and_publish


def post_increment(port: int) -> Change:
    """Return a change that posts an increment to a web process, as a client does."""
    path = "/boards/b/players/p/score-add/"
    return lambda: int(json.loads(_post(port, path))["score"])


def control_port(stack: Stack) -> int:
    """Return the port at which Pushpin is published to."""
    return int(stack.env["GRIP_URL"].partition("?")[0].rpartition(":")[2])


def _post(port: int, path: str, body: Any = None) -> bytes:
    with closing(HTTPConnection("localhost", port)) as connection:
        connection.request("POST", path, body)
        response = connection.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        return answer
