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
from leaderboardapp.stores.rethinkdb.connection import parse_url
from leaderboardapp.stores.rethinkdb.schema import row_id
from tests.support.stack import Stack

Change = Callable[[], int]
ADD = "UPDATE player SET score = score + 1 WHERE board_id = 'b' AND player = 'p' RETURNING score"


class Write:
    """To the store, past the service. Returns when the change is durable."""

    def __init__(self, add: Change) -> None:
        self.add = add
        self.milliseconds: list[float] = []

    def __call__(self) -> int:
        began = time.monotonic()
        score = self.add()
        self.milliseconds.append((time.monotonic() - began) * 1000)
        return score

    def taken(self) -> list[float]:
        """What each took since this was last asked."""
        taken, self.milliseconds = self.milliseconds, []
        return taken


@contextmanager
def writer(url: str) -> Iterator[Write]:
    if url.startswith("sqlite"):
        file = url.removeprefix("sqlite:///")
        # One write at a time, though each from another thread.
        with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as sql:
            sql.execute("PRAGMA synchronous=FULL")
            yield Write(lambda: int(sql.execute(ADD).fetchall()[0][0]))
    elif url.startswith("postgresql"):
        with psycopg.connect(url, autocommit=True) as postgres:
            yield Write(lambda: int(next(postgres.execute(ADD))[0]))
    else:
        player = r.table("players").get(row_id("b", "p"))
        add = player.update({"score": r.row["score"] + 1}, return_changes=True)
        with closing(r.connect(**parse_url(url))) as connection:
            yield Write(lambda: int(add.run(connection)["changes"][0]["new_val"]["score"]))


def publisher(stack: Stack, write: Change) -> Change:
    """Writes, and publishes the board itself to the edge. Nobody else has to do anything."""
    port = int(stack.env["GRIP_URL"].partition("?")[0].rpartition(":")[2])

    def write_and_publish() -> int:
        score = write()
        content = event(snapshot("b", [("p", "P", score)]))
        item = {"channel": "board-b", "http-stream": {"content": content}}
        _post(port, "/publish/", json.dumps({"items": [item]}))
        return score

    return write_and_publish


def poster(stack: Stack) -> Change:
    """Asks the application to add, as a client does."""
    path = "/boards/b/players/p/score-add/"
    return lambda: int(json.loads(_post(stack.web_port, path))["score"])


def _post(port: int, path: str, body: Any = None) -> bytes:
    with closing(HTTPConnection("localhost", port)) as connection:
        connection.request("POST", path, body)
        response = connection.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        return answer
