"""The store in RethinkDB."""

import threading
import uuid
from collections.abc import Iterable
from os import getpid
from typing import Any

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.stores.base import (
    KEYS_REMEMBERED,
    MAX_SCORE,
    AlreadyExists,
    Amount,
    Feed,
    Import,
    ImportMoved,
    Lease,
    Row,
    ScoreOutOfRange,
    Store,
    StoreUnavailable,
    now_us,
)
from leaderboardapp.stores.rethinkdb.connection import Connection, parse_url, r
from leaderboardapp.stores.rethinkdb.feed import RethinkFeed
from leaderboardapp.stores.rethinkdb.tables import SETUP_SECONDS, ensure

# The namespace of RethinkDB's own r.uuid(text); read from its source, src/containers/uuid.cc.
UUID_NAMESPACE = uuid.UUID("91461c99-f89d-49d2-af96-d8e2e14e9b58")
QUERY_SECONDS = 2.5
DELETE_ROWS = 2_000  # at once, to stay far within QUERY_SECONDS
BATCHES_REMEMBERED = 10  # per player: only a batch that was interrupted is ever looked up

OUT_OF_RANGE = "score out of range"
NO_BOARD = "no such board"
IMPORT_MOVED = "import moved"
LEASE_LOST = "lease lost"

LEASE = "listener"  # the only document of its table
# How much later than acknowledged a write may be stamped: clocks of the cluster's servers differ.
TOLERANCE_MS = 5_000


class RethinkStore(Store):
    def __init__(self, url: str) -> None:
        self.address = parse_url(url)
        self.local = threading.local()
        self.boards, self.players, self.imports = map(r.table, ("boards", "players", "imports"))
        self.deleted, self.lease = map(r.table, ("deleted", "lease"))
        # Made once, because the driver takes longer to build a query than to ask it.
        self.snapshot = r.ast.Func(lambda board: self.board_and_top(board))

    def ensure(self) -> None:
        connection = Connection(self.address, SETUP_SECONDS)
        try:
            ensure(connection, self.address["db"])
        finally:
            connection.close()

    def ping(self) -> None:
        self.run(self.boards.limit(1))

    def create_board(self, board: Row) -> None:
        # Whoever was being added while a board of this id was deleted does not come back.
        gone = self.boards.get(board["id"]).eq(None)
        for rows in self.rows_of(board["id"]):
            self.delete_all(rows, only_if=gone)
        _check(self.run(self.boards.insert(board)), board["id"])

    def get_board(self, board: str) -> Row:
        return _board_row(_found(self.run(self.boards.get(board))))

    def update_board(self, board: str, fields: Row) -> Row:
        return _board_row(self.update(self.boards.get(board), fields))

    def delete_board(self, board: str) -> None:
        self.note_deletion(board)
        # The board first, so that nobody begins to add to it.
        deleted = self.run(self.boards.get(board).delete())["deleted"]
        for rows in self.rows_of(board):
            self.delete_all(rows)
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
        self.note_deletion(board)
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
        rows = [row for row in self.run(r.expr(list(boards)).map(self.snapshot)) if row]
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
        self.check_range(board, f"{name}:{upto.line}", amounts)
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
        try:
            self.note_import(board, name, upto._replace(done=True))
        except ObjectDoesNotExist:  # the board was deleted meanwhile
            self.delete_all(self.ranked(board), only_if=self.boards.get(board).eq(None))
            raise

    def check_range(self, board: str, batch: str, amounts: list[Amount]) -> None:
        """Before anything is counted, because what is counted of a batch cannot be taken back."""
        keys = [_key(board, amount.player) for amount in amounts]
        found = self.run(self.players.get_all(*keys).pluck("player", "score", "batches"))
        rows = {row["player"]: row for row in found}
        for player, _, amount in amounts:
            row = rows.get(player, {"score": 0})
            if batch not in row.get("batches", ()) and abs(row["score"] + amount) > MAX_SCORE:
                raise ScoreOutOfRange(player)

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
        connection = Connection(self.address, answer_seconds=None)
        return RethinkFeed(connection, self.players, self.boards, self.lease)

    def position(self) -> int:
        return int(self.run(r.now().to_epoch_time()) * 1000) - TOLERANCE_MS

    def changed_since(self, position: int) -> set[str]:
        since = r.epoch_time(position / 1000)
        named = ((self.players, "board"), (self.boards, "id"), (self.deleted, "id"))
        return {
            row[board]
            for table, board in named
            for row in self.run(
                table.between(since, r.maxval, index="changed_at").pluck(board).distinct()
            )
        }

    def read_lease(self) -> Lease:
        row = self.run(self.lease.get(LEASE))
        return Lease(*(row[field] for field in Lease._fields)) if row else Lease()

    def replace_lease(self, old: Lease, new: Lease) -> bool:
        def replace(row: Any) -> Any:
            there = r.expr([row["holder"], row["beat"]]).default(list(Lease()[:2]))
            return r.branch(
                there.eq(list(old[:2])), {"id": LEASE, **new._asdict()}, r.error(LEASE_LOST)
            )

        result = self.run(self.lease.get(LEASE).replace(replace))
        if result["errors"] and result["first_error"] == LEASE_LOST:
            return False
        _check(result)
        return True

    def note_deletion(self, board: str) -> None:
        # Before the deletion: a listener that was away looks further back than it needs to.
        _check(self.run(self.deleted.insert({"id": board}, conflict="replace")))

    def close(self) -> None:
        connection = self.opened()
        if connection is not None:
            connection.close()

    def ranked(self, board: Any, upto: Any = None) -> Any:
        """The board's players in the rank index, better than `upto` (an index key) if given."""
        most = [board, r.maxval] if upto is None else upto
        return self.players.between([board, r.minval], most, index="rank")

    def board_and_top(self, board: Any) -> Any:
        return self.boards.get(board).do(
            lambda row: r.branch(
                row.eq(None),
                None,
                {"board": row, "players": self.best(board, row["size"].default(5))},
            )
        )

    def best(self, board: Any, limit: Any) -> Any:
        rows = self.ranked(board).order_by(index="rank").limit(limit)
        return rows.pluck("player", "name", "score").coerce_to("array")

    def on_board(self, board: str, write: Any) -> Any:
        return self.boards.get(board).do(
            lambda row: r.branch(row.eq(None), {"errors": 1, "first_error": NO_BOARD}, write)
        )

    def rows_of(self, board: str) -> tuple[Any, Any]:
        """All rows that belong to a board."""
        return self.ranked(board), self.imports.get_all(board, index="board")

    def delete_all(self, rows: Any, only_if: Any = True) -> None:
        some = rows.limit(DELETE_ROWS).delete()
        while self.run(r.branch(only_if, some, {"deleted": 0}))["deleted"]:
            pass

    def update(self, document: Any, change: Any) -> Row:
        """The document after the change. Raises ObjectDoesNotExist, ScoreOutOfRange."""
        result = self.run(document.update(change, return_changes="always"))
        _check(result)
        if not result.get("changes") or result["changes"][0]["new_val"] is None:
            raise ObjectDoesNotExist
        new: Row = result["changes"][0]["new_val"]
        return new

    def run(self, query: Any) -> Any:
        return self.connection().run(query)

    def connection(self) -> Connection:
        """This thread's, made anew if the server has closed it."""
        connection = self.opened()
        if connection is None or not connection.is_alive():
            if connection is not None:
                connection.close()
            connection = Connection(self.address, QUERY_SECONDS)
            self.local.connection = (getpid(), connection)
        return connection

    def opened(self) -> Connection | None:
        """This thread's connection, if it has one. One from before a fork is the parent's."""
        pid, connection = getattr(self.local, "connection", (None, None))
        return connection if pid == getpid() else None


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
    # A row made in the console may lack something; it must not keep others from being shown.
    return {"id": document["id"], "name": document.get("name", ""), "size": document.get("size", 5)}


def _player_row(document: Row) -> Row:
    return {"id": document["player"], "name": document.get("name", ""), "score": document["score"]}


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
