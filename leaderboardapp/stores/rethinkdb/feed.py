"""The feed: one changefeed over three tables."""

import threading
import time
from collections.abc import Sequence
from typing import Any

from rethinkdb.errors import ReqlDriverError

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.parts import Parts
from leaderboardapp.domain.types import MAX_JOINED, Changes, Row
from leaderboardapp.stores.rethinkdb.connection import Connection, r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.streams import SHORTEST_REST, Feed, Rest

READY_SECONDS = 10.0


class RethinkFeed(Feed):
    """A thread reads the changefeed and collects the boards that changed. Changes that a slow
    listener has not taken yet are merged by board.

    The thread rests after several changes, so that the server sends more of them in one answer."""

    def __init__(self, connection: Connection, db: Database, parts: Parts) -> None:
        """Open the feed, and return once it is live. The feed closes the connection.

        Raises StoreUnavailable.
        """
        self.connection = connection
        self.condition, self.closed = threading.Condition(), threading.Event()
        self.rest = Rest()
        self.changes: Changes = {}
        self.last_activity = time.monotonic()
        self.ready = self.woken = False
        self.error: str | None = None
        try:
            players = _select_changes(db.players, "board", "player", "name", "score", "hidden")
            boards = _select_changes(db.boards, "id")
            own = _filter_parts(players, "board", parts), _filter_parts(boards, "id", parts)
            self.cursor = connection.open_cursor(_select_changes(db.lease).union(*own))
        except StoreUnavailable:
            connection.close()
            raise
        connection.limit_answers(None)  # from here on it waits for changes, however long
        threading.Thread(target=self._read, name="rethinkdb-feed", daemon=True).start()
        self._wait_until_ready()

    def poll(self, timeout: float) -> Changes:
        with self.condition:
            self.condition.wait_for(lambda: self.changes or self.error or self.woken, timeout)
            self.woken = False
            if self.error and not self.changes:
                raise StoreUnavailable(self.error)
            changes, self.changes = self.changes, {}
            return changes

    def wake(self) -> None:
        with self.condition:
            self.woken = True
            self.condition.notify_all()

    def close(self) -> None:
        self.closed.set()
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
                answer = [change, *self.cursor.items]  # all that the driver has received
                self.cursor.items.clear()
                follows = time.monotonic() < self.last_activity + SHORTEST_REST
                self._handle_changes(answer)
                # The first answer after a rest was asked for before it, and has a single change.
                if change["type"] != "state" and (follows or len(answer) > 1):
                    self.rest.begin()
                    self.closed.wait(self.rest.left())
            raise ReqlDriverError("the feed ended")
        except Exception as error:  # whatever ends the thread has to reach the listener
            with self.condition:
                self.error = f"RethinkDB feed: {getattr(error, 'message', error)}"
                self.condition.notify_all()

    def _handle_changes(self, answer: Sequence[Row]) -> None:
        self.last_activity = time.monotonic()
        with self.condition:
            for change in answer:
                if change["type"] == "state":
                    # The union reports "ready" once, when all its feeds are.
                    self.ready = self.ready or change["state"] == "ready"
                elif change.get("error"):
                    raise ReqlDriverError(change["error"])  # changes were skipped
                else:
                    self._record_change(
                        change["type"], change.get("new_val") or {}, change.get("old_val") or {}
                    )
            self.condition.notify_all()

    def _record_change(self, kind: str, new: Row, old: Row) -> None:
        for row in (new, old):  # both, because a row may move to another board
            board = row.get("board", row.get("id"))
            if board is not None:  # the lease names no board
                self.changes.setdefault(board, [])
        if kind == "add" and {"board", "player"} <= new.keys() and not new.get("hidden"):
            joined = self.changes[new["board"]]
            names = {"name": new.get("name", ""), "score": new.get("score", 0)}
            joined.append({"id": new["player"], **names})
            del joined[:-MAX_JOINED]


def _select_changes(table: Any, *fields: str) -> Any:
    """Return, as ReQL, the table's changefeed. It has only these fields of each document."""
    feed = table.changes(include_states=True, include_types=True, squash=False)
    named = {"new_val": list(fields), "old_val": list(fields)} if fields else {}
    return feed.pluck("type", "state", "error", named)


def _filter_parts(changes: Any, field: str, parts: Parts) -> Any:
    """Return, as ReQL, changes of documents whose field names a board in the parts."""
    if parts.are_all():
        return changes
    hashes = "|".join(f"{hash:02x}" for hash in parts.list_hashes())

    def is_own(document: Any) -> Any:
        return r.uuid(document[field].coerce_to("string")).match(f"^({hashes})").ne(None)

    def is_wanted(change: Any) -> Any:
        # Both, because a row may move to another board. States and errors have neither.
        documents = change["new_val"], change["old_val"]
        has_none = ~change.has_fields("new_val") & ~change.has_fields("old_val")
        return r.or_(has_none, *(is_own(document).default(False) for document in documents))

    return changes.filter(is_wanted)
