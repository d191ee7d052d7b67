"""Copies of the whole service, out of a RethinkDB database and into one.

Nothing is atomic across documents. Progress is written after the records, and whoever repeats them
leaves the documents that are there, but for boards: maintenance may have made their windows.
"""

import json
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from leaderboardapp.domain.archive import is_erased_id
from leaderboardapp.domain.board_ids import is_window, owner_of
from leaderboardapp.domain.exceptions import ImportMoved
from leaderboardapp.domain.player_data import encode_data
from leaderboardapp.domain.searching import BOARDS
from leaderboardapp.domain.types import BOARD_DEFAULTS, RankPosition, Row
from leaderboardapp.stores.copies import Copies, Progress
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.results import IMPORT_MOVED, raise_for_errors
from leaderboardapp.stores.rethinkdb.rows import board_row, is_member, player_row
from leaderboardapp.stores.rethinkdb.schema import (
    ARCHIVED_FIELDS,
    archived_id,
    blocks_id,
    row_id,
)
from leaderboardapp.stores.rethinkdb.search import Search, remember_players
from leaderboardapp.stores.rethinkdb.sort_keys import FIRST_KEY, LAST_KEY, SortKey, build_sort_key
from leaderboardapp.stores.rethinkdb.windows import Windows

PROGRESS = "copy"  # the key of the document, which no import has
PLAYER_FIELDS = ("name", "score", "reached_at", "hidden", "scored", "keys")


class RethinkCopies(Copies):
    """The records of a RethinkDB database, in the order of their documents' keys."""

    def __init__(self, db: Database, windows: Windows, search: Search) -> None:
        self.db, self.windows, self.search = db, windows, search
        self.lists: dict[str, Callable[[Row | None, int], list[Row]]] = {
            "board": self._list_boards,
            "season": self._list_seasons,
            "player": self._list_players,
            "import": self._list_imports,
        }
        self.inserts: dict[str, Callable[[Sequence[Row]], None]] = {
            "board": self._insert_boards,
            "season": self._insert_seasons,
            "past": self._insert_past,
            "player": self._insert_players,
            "import": self._insert_imports,
        }

    def list_records(self, kind: str, after: Row | None, limit: int) -> list[Row]:
        return self.lists[kind](after, limit)

    def get_progress(self) -> Progress:
        row = self.db.run(self.db.imports.get(PROGRESS))
        return Progress(row["copy"], row["line"]) if row else Progress()

    def insert(self, kind: str, records: Sequence[Row], old: Progress, new: Progress) -> None:
        if self.get_progress() != old:
            raise ImportMoved(old.copy)
        self.inserts[kind](records)

        def replace(_: Any, there: Any, own: Any) -> Any:
            is_same = there["copy"].eq(old.copy) & there["line"].eq(old.line)
            return r.branch(is_same, own, r.error(IMPORT_MOVED))

        row = {"id": PROGRESS, **new._asdict()}
        raise_for_errors(self.db.run(self.db.imports.insert(row, conflict=replace)))

    def _list_boards(self, after: Row | None, limit: int) -> list[Row]:
        rows = _read_from(self.db.boards, after["id"] if after else None).limit(limit)
        boards = [board_row(row) for row in self.db.run(rows)]
        keys = [row_id(BOARDS, board["id"]) for board in boards]
        texts = self.db.run(self.db.search.get_all(*keys).pluck("player", "newest"))
        newest = {text["player"]: text.get("newest", 0) for text in texts}
        return [{**board, "created_at": -newest.get(board["id"], 0)} for board in boards]

    def _list_seasons(self, after: Row | None, limit: int) -> list[Row]:
        def is_kept(row: Any, board: Any) -> Any:
            kept_from = board["kept_from"].default(1)
            return (row["number"] >= kept_from) & (row["number"] < board["season"].default(1))

        key = row_id(after["board"], str(after["number"])) if after else None
        return [
            {
                **{name: row[name] for name in ("board", "number", "ended_at", "settings")},
                "whole": not row.get("top_only", False),
            }
            for row, _ in self._read_on_boards(self.db.seasons, key, is_kept, limit)
        ]

    def _list_players(self, after: Row | None, limit: int) -> list[Row]:
        def is_on(row: Any, board: Any) -> Any:  # what is left of an erased player is not
            return row.has_fields("player", "score") & is_member(board, row)

        key = row_id(after["board"], after["id"]) if after else None
        records = []
        for document, season in self._read_on_boards(self.db.players, key, is_on, limit):
            row = {"data": None, **player_row(document, season)}
            del row["not_carried_over"]
            own = {"keys": document.get("keys", []), "email": document.get("email")}
            records.append({"board": document["board"], **row, **own})
        return records

    def _list_imports(self, after: Row | None, limit: int) -> list[Row]:
        key = row_id(after["board"], after["name"]) if after else None
        fields = ("board", "name", "line", "digest", "done")
        rows = self._read_on_boards(
            self.db.imports, key, lambda row, _: row.has_fields("board"), limit
        )
        return [{name: row[name] for name in fields} for row, _ in rows]

    def _read_on_boards(
        self, table: Any, after: str | None, condition: Callable[[Any, Any], Any], limit: int
    ) -> list[tuple[Row, int]]:
        """Read documents whose board is there and of which, with the board's document, the
        condition holds; each with the number of the running season."""

        def read(row: Any) -> Any:
            board = self.db.boards.get(row["board"].default(""))
            return board.do(
                lambda board: r.branch(
                    board.eq(None),
                    [],
                    r.branch(condition(row, board), [[row, board["season"].default(1)]], []),
                )
            )

        pairs = _read_from(table, after).concat_map(read).limit(limit)
        return [(row, season) for row, season in self.db.run(pairs)]

    def _insert_boards(self, records: Sequence[Row]) -> None:
        for record in records:
            document = {"id": record["id"], **{name: record[name] for name in BOARD_DEFAULTS}}
            if is_window(record["id"]):
                document["began_at"] = self.windows.begin_season(owner_of(record["id"]))
            raise_for_errors(self.db.run(self.db.boards.insert(document, conflict="replace")))
            if not is_window(record["id"]):
                self.search.remember_board(record, record["created_at"])

    def _insert_seasons(self, records: Sequence[Row]) -> None:
        seasons, blocks = [], []
        for record in records:
            board, number, whole = record["board"], record["number"], record["whole"]
            kept = {name: record[name] for name in ("board", "number", "ended_at", "settings")}
            id = row_id(board, str(number))
            top = {} if whole else {"top_only": True}
            # Maintenance counts the blocks of those that are not complete.
            seasons.append({**kept, "id": id, "final": True, "complete": not whole, **top})
            counts = {"places": [FIRST_KEY], "before": [0], "scores": [0], "of": None}
            own = {"id": blocks_id(board, number), "board": board, "since": 0, "bound": 0}
            blocks.append({**own, **counts, "upto": LAST_KEY})
        self._insert(self.db.blocks, blocks)
        self._insert(self.db.seasons, seasons)

    def _insert_past(self, records: Sequence[Row]) -> None:
        for (board, number), rows in groupby(records, key=itemgetter("board", "season")):
            season = self.db.run(self.db.seasons.get(row_id(board, str(number))))
            documents = [_past_document(season["settings"], row) for row in rows]
            self._insert(self.db.past, documents)
            if not season.get("top_only"):
                self._begin_block(board, number, documents[0]["place"][2:])
                unfinished = self.db.seasons.get(season["id"]).update({"complete": False})
                raise_for_errors(self.db.run(unfinished))

    def _begin_block(self, board: str, number: int, place: SortKey) -> None:
        """Have a rank block of a past season begin at this place, behind all others. Maintenance
        counts it."""

        def append(blocks: Any) -> Any:
            is_known = blocks["places"].contains(lambda known: known >= place)
            counts = {name: blocks[name].default([]).append(0) for name in ("before", "scores")}
            return r.branch(is_known, {}, {"places": blocks["places"].append(place), **counts})

        blocks = self.db.blocks.get(blocks_id(board, number))
        raise_for_errors(self.db.run(blocks.update(append)))

    def _insert_players(self, records: Sequence[Row]) -> None:
        seasons = self.db.boards.get_all(*{row["board"] for row in records}).pluck("id", "season")
        running = {board["id"]: board["season"] for board in self.db.run(seasons)}
        documents, emails = [], []
        for record in records:
            board, id, email = record["board"], record["id"], record["email"]
            document = {
                "id": row_id(board, id),
                "board": board,
                "player": id,
                "season": running[board],
                **{name: record[name] for name in PLAYER_FIELDS},
            }
            if text := encode_data(record["data"]):
                document["data"] = text
            if email:
                document["email"] = email
            if email and not is_window(board):
                key, holder = row_id(board, email), document["id"]
                emails.append({"id": key, "board": board, "holder": holder})
            documents.append(document)
        self._insert(self.db.emails, emails, since=r.now())
        self._insert(self.db.players, documents)
        for board, rows in groupby(records, key=itemgetter("board")):
            if not is_window(board):
                remember_players(self.db, board, [*rows])

    def _insert_imports(self, records: Sequence[Row]) -> None:
        rows = [{**row, "id": row_id(row["board"], row["name"])} for row in records]
        self._insert(self.db.imports, [{**row, "start": row["line"]} for row in rows])

    def _insert(self, table: Any, documents: list[Row], **more: Any) -> None:
        """Insert those documents that are not there, with these fields more."""
        if documents:
            new = r.json(json.dumps(documents)).merge(more)
            insert = table.insert(new, conflict=lambda _, old, __: old)
            raise_for_errors(self.db.run(insert))


def _read_from(table: Any, after: str | None) -> Any:
    """Select, as ReQL, documents by their keys, from the one after the key `after` on."""
    start = r.minval if after is None else after
    return table.between(start, r.maxval, left_bound="open").order_by(index="id")


def _past_document(settings: Row, record: Row) -> Row:
    """Return the document of a player of a past season."""
    board, season, id = record["board"], record["season"], record["id"]
    position = RankPosition(record["score"], record["reached_at"], id)
    place = build_sort_key({**BOARD_DEFAULTS, **settings}, position)
    fields = {name: record[name] for name in ARCHIVED_FIELDS if name in record}
    document = {**fields, "player": id, "board": board, "season": season}
    document["place"] = [board, season, *place]
    document["id"] = archived_id(board, season, id)
    document["data"] = encode_data(record["data"])
    if document["data"] is None:
        del document["data"]
    if is_erased_id(id):  # in another tie somebody may have the same id
        document["erased"] = True
        document["id"] = archived_id(board, season, f"{id}/{place[0]}/{place[1]}")
    return document
