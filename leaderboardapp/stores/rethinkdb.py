"""The store in RethinkDB.

Tables: `boards`; `players`, whose key is a UUID made from the board's and the player's id, the
one that `r.uuid("<board>/<player>")` gives in the database's console; `imports`.
"""

import select
import socket
import struct
import threading
import uuid
from collections.abc import Iterable
from os import getpid
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ObjectDoesNotExist
from rethinkdb import RethinkDB
from rethinkdb.errors import ReqlDriverError, ReqlError, ReqlRuntimeError

from leaderboardapp.stores.base import (
    KEYS_REMEMBERED,
    MAX_SCORE,
    AlreadyExists,
    Amount,
    Feed,
    Import,
    ImportMoved,
    Row,
    ScoreOutOfRange,
    Store,
    StoreUnavailable,
    now_us,
)

r = RethinkDB()

# The namespace of RethinkDB's own r.uuid(text); read from its source, src/containers/uuid.cc.
UUID_NAMESPACE = uuid.UUID("91461c99-f89d-49d2-af96-d8e2e14e9b58")
CONNECT_SECONDS = 2.0
QUERY_SECONDS = 2.5
SETUP_SECONDS = 60.0
DELETE_ROWS = 2_000  # at once, to stay far within QUERY_SECONDS
BATCHES_REMEMBERED = 10  # per player: only a batch that was interrupted is ever looked up

OUT_OF_RANGE = "score out of range"
NO_BOARD = "no such board"
IMPORT_MOVED = "import moved"


class RethinkStore(Store):
    def __init__(self, url: str) -> None:
        """`rethinkdb://user:password@host:28015/db?ssl_ca=/path/of/the/ca.pem`; user, password,
        port and ssl_ca may be left out."""
        parts = urlsplit(url)
        options = parse_qs(parts.query)
        self.db = unquote(parts.path.strip("/"))
        self.address: dict[str, Any] = {
            "host": parts.hostname or "localhost",
            "port": parts.port or 28015,
            "user": unquote(parts.username or "admin"),
            "password": unquote(parts.password or ""),
            "db": self.db,
            "ssl": {"ca_certs": options["ssl_ca"][0]} if "ssl_ca" in options else {},
        }
        self.local = threading.local()
        self.boards, self.players, self.imports = map(r.table, ("boards", "players", "imports"))

    def ensure(self) -> None:
        connection = self.connect(SETUP_SECONDS)
        try:
            _ensure(connection, self.db)
        except ReqlError as error:
            raise StoreUnavailable(error.message) from error
        finally:
            connection.close(noreply_wait=False)

    def ping(self) -> None:
        self.run(self.boards.limit(1))

    def create_board(self, board: Row) -> None:
        _check(self.run(self.boards.insert(board)), board["id"])

    def get_board(self, board: str) -> Row:
        return _board_row(_found(self.run(self.boards.get(board))))

    def update_board(self, board: str, fields: Row) -> Row:
        return _board_row(self.update(self.boards.get(board), fields))

    def delete_board(self, board: str) -> None:
        # The board first, so that nobody adds to it; players are found only through a board.
        deleted = self.run(self.boards.get(board).delete())["deleted"]
        for rows in (self.ranked(board), self.imports.get_all(board, index="board")):
            while self.run(rows.limit(DELETE_ROWS).delete())["deleted"]:
                pass
        if not deleted:
            raise ObjectDoesNotExist

    def create_player(self, board: str, player: Row) -> None:
        document = {**_player_document(board, player["id"], player["name"]), **player}
        document["id"] = _key(board, player["id"])
        insert = self.players.insert(document)
        _check(self.run(self.on_board(board, insert)), player["id"])

    def get_player(self, board: str, player: str) -> Row:
        return _player_row(_found(self.run(self.players.get(_key(board, player)))))

    def update_player(self, board: str, player: str, fields: Row) -> Row:
        def change(old: Any) -> Any:
            if "score" not in fields:
                return fields
            same = old["score"].eq(fields["score"])
            return r.expr(fields).merge({"reached_at": r.branch(same, old["reached_at"], now_us())})

        return _player_row(self.update(self.players.get(_key(board, player)), change))

    def delete_player(self, board: str, player: str) -> None:
        if not self.run(self.players.get(_key(board, player)).delete())["deleted"]:
            raise ObjectDoesNotExist

    def score_add(self, board: str, player: str, amount: int, key: str | None = None) -> Row:
        def change(old: Any) -> Any:
            added = _added(old, amount, now_us())
            if key is None:
                return added
            return _once(old, "keys", key, KEYS_REMEMBERED, added)

        return _player_row(self.update(self.players.get(_key(board, player)), change))

    def rank(self, board: str, player: str) -> int:
        me = _found(self.run(self.players.get(_key(board, player))))
        mine = [board, -me["score"], me["reached_at"], player]
        return int(self.run(self.ranked(board, mine).count())) + 1

    def top(self, board: str, limit: int) -> list[Row]:
        return [_player_row(row) for row in self.run(self.best(board, limit))]

    def tops(self, boards: Iterable[str]) -> dict[str, tuple[Row, list[Row]]]:
        def one(board: Any) -> Any:
            return self.boards.get(board).do(
                lambda row: r.branch(
                    row.eq(None), None, {"board": row, "players": self.best(board, row["size"])}
                )
            )

        rows = [row for row in self.run(r.expr(list(boards)).map(one)) if row]
        return {
            row["board"]["id"]: (_board_row(row["board"]), [_player_row(p) for p in row["players"]])
            for row in rows
        }

    def get_import(self, board: str, name: str) -> Import:
        row = self.run(self.imports.get(_key(board, name)))
        return Import(*(row[field] for field in Import._fields)) if row else Import()

    def import_batch(self, board: str, name: str, upto: Import, amounts: list[Amount]) -> None:
        # Nothing is atomic across documents: the intent is written first, each player's document
        # remembers the batch with its score, and a batch cut short is applied again to the rest.
        self.note_import(board, name, upto._replace(done=False))
        batch, now = f"{name}:{upto.line}", now_us()
        documents = [
            {
                **_player_document(board, player, shown),
                "score": amount,
                "reached_at": now + position,
                "batches": [batch],
            }
            for position, (player, shown, amount) in enumerate(amounts)
        ]

        def add(_: Any, old: Any, new: Any) -> Any:
            added = _added(old, new["score"], new["reached_at"])
            return old.merge(_once(old, "batches", batch, BATCHES_REMEMBERED, added))

        _check(self.run(self.players.insert(documents, conflict=add)))
        self.note_import(board, name, upto._replace(done=True))

    def note_import(self, board: str, name: str, state: Import) -> None:
        """Begin a batch (again) where the last one ended, or end the one begun; or ImportMoved."""
        row = {"id": _key(board, name), "board": board, "name": name, **state._asdict()}

        def replace(_: Any, old: Any, new: Any) -> Any:
            same_batch = old["start"].eq(state.start) & old["line"].eq(state.line)
            last_ended_here = old["done"] & old["line"].eq(state.start)
            expected = same_batch if state.done else last_ended_here | same_batch & ~old["done"]
            return r.branch(expected, new, r.error(IMPORT_MOVED))

        _check(self.run(self.on_board(board, self.imports.insert(row, conflict=replace))))

    def open_feed(self) -> Feed:
        return RethinkFeed(self)

    def close(self) -> None:
        connection = self.opened()
        if connection is not None:
            connection.close(noreply_wait=False)

    def ranked(self, board: Any, upto: Any = None) -> Any:
        """The board's players in the rank index, better than `upto` (an index key) if given."""
        most = [board, r.maxval] if upto is None else upto
        return self.players.between([board, r.minval], most, index="rank")

    def best(self, board: Any, limit: Any) -> Any:
        rows = self.ranked(board).order_by(index="rank").limit(limit)
        return rows.pluck("player", "name", "score").coerce_to("array")

    def on_board(self, board: str, write: Any) -> Any:
        return self.boards.get(board).do(
            lambda row: r.branch(row.eq(None), {"errors": 1, "first_error": NO_BOARD}, write)
        )

    def update(self, document: Any, change: Any) -> Row:
        """The document after the change. Raises ObjectDoesNotExist, ScoreOutOfRange."""
        result = self.run(document.update(change, return_changes="always"))
        _check(result)
        if not result.get("changes") or result["changes"][0]["new_val"] is None:
            raise ObjectDoesNotExist
        new: Row = result["changes"][0]["new_val"]
        return new

    def run(self, query: Any) -> Any:
        """One round trip on this thread's connection. After any failure but a refusal by the
        server, the connection is thrown away: an answer may still be on its way through it."""
        connection = self.connection()
        try:
            result = query.run(connection)
            return list(result) if isinstance(result, r.net.DefaultCursor) else result
        except ReqlRuntimeError as error:
            raise StoreUnavailable(error.message) from error
        except (ReqlDriverError, OSError, AttributeError) as error:
            connection.close(noreply_wait=False)
            raise StoreUnavailable(f"RethinkDB: {error}") from error

    def connection(self) -> Any:
        """This thread's, connected anew if the server has closed it."""
        connection = self.opened()
        if connection is None or not _alive(connection):
            connection = self.connect(QUERY_SECONDS)
            self.local.connection = (getpid(), connection)
        return connection

    def opened(self) -> Any:
        """This thread's connection, or None. One from before a fork is the parent's."""
        pid, connection = getattr(self.local, "connection", (None, None))
        return connection if pid == getpid() else None

    def connect(self, answer_seconds: float | None) -> Any:
        try:
            connection = r.connect(**self.address, timeout=CONNECT_SECONDS)
        except (ReqlDriverError, OSError) as error:
            host, port = self.address["host"], self.address["port"]
            raise StoreUnavailable(f"RethinkDB at {host}:{port}: {error}") from error
        _set_socket_options(_socket(connection), answer_seconds)
        return connection


class RethinkFeed(Feed):
    """One changefeed over both tables, drained by a thread into a set of board ids, so that
    a slow listener finds many changes of a board as one."""

    def __init__(self, store: RethinkStore) -> None:
        self.condition = threading.Condition()
        self.boards: set[str] = set()
        self.ready = False
        self.error: str | None = None
        self.connection = store.connect(answer_seconds=None)
        options = {"include_states": True, "include_types": True, "squash": False}
        fields = "type", "state", "error"
        players = store.players.changes(**options).pluck(
            *fields, {"new_val": ["board"], "old_val": ["board"]}
        )
        boards = store.boards.changes(**options).pluck(
            *fields, {"new_val": ["id"], "old_val": ["id"]}
        )
        try:
            self.cursor = players.union(boards).run(self.connection)
        except (ReqlError, OSError) as error:
            self.close()
            raise StoreUnavailable(f"RethinkDB feed: {error}") from error
        threading.Thread(target=self._read, name="rethinkdb-feed", daemon=True).start()
        self._wait_until_ready()

    def changed(self, timeout: float) -> set[str]:
        with self.condition:
            self.condition.wait_for(lambda: self.boards or self.error, timeout)
            if self.error:
                raise StoreUnavailable(self.error)
            boards, self.boards = self.boards, set()
            return boards

    def close(self) -> None:
        self.connection.close(noreply_wait=False)

    def _wait_until_ready(self) -> None:
        with self.condition:
            self.condition.wait_for(lambda: self.ready or self.error, SETUP_SECONDS)
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
        if change["type"] == "state":
            # Both tables' feeds, as one, are ready when the union says so.
            if change["state"] == "ready":
                with self.condition:
                    self.ready = True
                    self.condition.notify_all()
        elif change.get("error"):
            raise ReqlDriverError(change["error"])  # changes were skipped
        else:
            row = change.get("new_val") or change.get("old_val") or {}
            with self.condition:
                self.boards.update(filter(None, (row.get("board") or row.get("id"),)))
                self.condition.notify_all()


def _ensure(connection: Any, db: str) -> None:
    if db not in r.db_list().run(connection):
        r.db_create(db).run(connection)
    indexes = {
        "boards": {},
        "players": {
            "rank": lambda row: [
                row["board"],
                r.expr(0) - row["score"],
                row["reached_at"],
                row["player"],
            ]
        },
        "imports": {"board": lambda row: row["board"]},
    }
    for table, functions in indexes.items():
        if table not in r.table_list().run(connection):
            r.table_create(table).run(connection)
        r.table(table).wait(wait_for="ready_for_writes", timeout=SETUP_SECONDS).run(connection)
        existing = r.table(table).index_list().run(connection)
        for name, function in functions.items():
            if name not in existing:
                r.table(table).index_create(name, function).run(connection)
        r.table(table).index_wait().run(connection)


def _key(board: str, name: str) -> str:
    # Ids are 64 characters each at most, too long for a primary key (127 bytes) of both.
    return str(uuid.uuid5(UUID_NAMESPACE, f"{board}/{name}"))


def _player_document(board: str, player: str, name: str) -> Row:
    return {
        "id": _key(board, player),
        "board": board,
        "player": player,
        "name": name,
        "score": 0,
        "reached_at": now_us(),
    }


def _added(old: Any, amount: Any, now: Any) -> Any:
    """The fields of a player's document after adding, as ReQL."""
    score = old["score"] + amount
    fields = {
        "score": score,
        "reached_at": r.branch(r.expr(amount).eq(0), old["reached_at"], now),
    }
    return r.branch((score > MAX_SCORE) | (score < -MAX_SCORE), r.error(OUT_OF_RANGE), fields)


def _once(old: Any, field: str, key: str, remembered: int, change: Any) -> Any:
    """The change, and the key at the end of the list in `field`; nothing if it is there already."""
    keys = old[field].default([])
    newest = keys.append(key).slice(r.expr([0, keys.count() + 1 - remembered]).max())
    return r.branch(keys.contains(key), {}, r.expr(change).merge({field: newest}))


def _board_row(document: Row) -> Row:
    return {name: document[name] for name in ("id", "name", "size")}


def _player_row(document: Row) -> Row:
    return {"id": document["player"], "name": document["name"], "score": document["score"]}


def _found(document: Row | None) -> Row:
    if document is None:
        raise ObjectDoesNotExist
    return document


def _check(result: Row, id: str = "") -> None:
    """Failures of single documents raise nothing in the driver; they are counted."""
    error = result.get("first_error", "")
    if not result["errors"]:
        return
    if error.startswith("Duplicate primary key"):
        raise AlreadyExists(id)
    if error == OUT_OF_RANGE:
        raise ScoreOutOfRange
    if error == NO_BOARD:
        raise ObjectDoesNotExist
    if error == IMPORT_MOVED:
        raise ImportMoved
    raise StoreUnavailable(error)


def _socket(connection: Any) -> socket.socket:
    return connection._instance._socket._socket  # type: ignore[no-any-return]


def _alive(connection: Any) -> bool:
    """Between queries a connection is silent; if there is something to read, it is the end."""
    if not connection.is_open():
        return False
    poll = select.poll()
    poll.register(_socket(connection), select.POLLIN)
    return not poll.poll(0)


def _set_socket_options(sock: socket.socket, answer_seconds: float | None) -> None:
    """The driver has no timeout on a query and notices a dead link after two hours."""
    if answer_seconds is not None:
        timeval = struct.pack("ll", int(answer_seconds), int(answer_seconds % 1 * 1_000_000))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
    linux = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}
    for name, value in linux.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
