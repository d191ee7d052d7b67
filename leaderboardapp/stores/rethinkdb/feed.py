"""The feed of a RethinkDB database."""

import threading
import time
from typing import Any

from rethinkdb.errors import ReqlDriverError

from leaderboardapp.stores.base import Feed, Row, StoreUnavailable
from leaderboardapp.stores.rethinkdb.connection import Connection

READY_SECONDS = 10.0


class RethinkFeed(Feed):
    """One changefeed over three tables, drained by a thread into a set of board ids, so that
    a slow listener finds many changes of a board as one."""

    def __init__(self, connection: Connection, players: Any, boards: Any, lease: Any) -> None:
        self.connection = connection
        self.condition = threading.Condition()
        self.boards: set[str] = set()
        self.heard = time.monotonic()
        self.ready = False
        self.error: str | None = None
        try:
            feeds = _changes(players, "board"), _changes(boards, "id"), _changes(lease, None)
            self.cursor = connection.start(feeds[0].union(*feeds[1:]))
        except StoreUnavailable:
            connection.close()
            raise
        connection.answer_seconds = None  # from here on it waits for changes
        threading.Thread(target=self._read, name="rethinkdb-feed", daemon=True).start()
        self._wait_until_ready()

    def changed(self, timeout: float) -> set[str]:
        with self.condition:
            self.condition.wait_for(lambda: self.boards or self.error, timeout)
            if self.error and not self.boards:
                raise StoreUnavailable(self.error)
            boards, self.boards = self.boards, set()
            return boards

    def close(self) -> None:
        self.connection.close()

    def _wait_until_ready(self) -> None:
        with self.condition:
            self.condition.wait_for(lambda: self.ready or self.error, READY_SECONDS)
            if not self.ready:
                self.close()
                raise StoreUnavailable(self.error or "RethinkDB's feed did not become ready")

    def _read(self) -> None:
        try:
            for change in self.cursor:
                self._take(change)
            raise ReqlDriverError("the feed ended")
        except Exception as error:  # whatever ends the thread has to reach the listener
            with self.condition:
                self.error = f"RethinkDB feed: {error}"
                self.condition.notify_all()

    def _take(self, change: Row) -> None:
        self.heard = time.monotonic()
        if change["type"] == "state":
            # All feeds, as one, are ready when the union says so.
            if change["state"] == "ready":
                with self.condition:
                    self.ready = True
                    self.condition.notify_all()
        elif change.get("error"):
            raise ReqlDriverError(change["error"])  # changes were skipped
        else:
            rows = [change.get("new_val") or {}, change.get("old_val") or {}]
            with self.condition:
                # Both, because a row may move to another board; the lease's has none.
                self.boards.update(board for row in rows for board in row.values())
                self.condition.notify_all()


def _changes(table: Any, board: str | None) -> Any:
    """The table's changefeed, of each row only the field that names its board, if any."""
    feed = table.changes(include_states=True, include_types=True, squash=False)
    named = {"new_val": [board], "old_val": [board]} if board else {}
    return feed.pluck("type", "state", "error", named)
