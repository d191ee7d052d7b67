"""Erasure: what remains of deleted players in past seasons (domain/archive.py).

A season that is not archived yet has the player in its document, which is deleted. So the erased
player gets a document of its own before, a `remnant`. It has no score and no id, only what it keeps
of past seasons, and archives.py deletes it with the last of them. The table has it at once, too, so
that no step that has read the player before brings it back.
"""

from collections.abc import Callable
from typing import Any

from leaderboardapp.domain.archive import ERASED_MARK, erased_id, names_player
from leaderboardapp.domain.exceptions import PlayerNotFound, StoreUnavailable
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import CHECKS, Database
from leaderboardapp.stores.rethinkdb.emails import Emails
from leaderboardapp.stores.rethinkdb.results import ROW_CHANGED, raise_for_errors
from leaderboardapp.stores.rethinkdb.schema import (
    ARCHIVED_FIELDS,
    KEY_FIELDS,
    archived_id,
    blocks_id,
    row_id,
)

AFTER_MARK = chr(ord(ERASED_MARK) + 1)
GUARDED = ("season", "score", "reached_at", "unarchived")


class Erasure:
    """Deletions of players on all boards."""

    def __init__(self, db: Database, emails: Emails) -> None:
        self.db, self.emails = db, emails

    def delete_player(self, board: str, player: str) -> None:
        """Delete the player, and erase it in all past seasons. Raises BoardNotFound,
        PlayerNotFound."""
        # The player last: if something fails before, the request can be repeated.
        for _ in range(CHECKS):
            document = self._erase(board, player)
            if document is None:
                self.db.get_board(board)
                raise PlayerNotFound(board, player)
            if self._delete(board, document):
                return
        raise StoreUnavailable(f"The player {player} changes too often.")

    def _erase(self, board: str, player: str) -> Row | None:
        """Erase the player in past seasons. Return the document that is left to be deleted."""
        document: Row | None = self.db.run(self.db.players.get(row_id(board, player)))
        remnants = []
        for row in self.db.run(self.db.select_past_of(board, player)):
            self._rename_in_tie(row["place"], player, self._read_order(board, row["season"]))
        for row in self._list_unarchived(board, document) if document else ():
            order = self._read_order(board, row["season"])
            place = row[order] if order else None
            if order and place:
                new = self._rename_in_tie(place, player, order)
                remnants.append(_erase_kept(row, new, archived_id(board, row["season"], player)))
                self._insert_erased(board, remnants[-1], order)
        if remnants:
            self._insert_remnant(board, player, remnants)
        return document

    def _read_order(self, board: str, season: int) -> str | None:
        """Read the order of a past season, None if it is not kept."""
        row = self.db.run(self.db.seasons.get(row_id(board, str(season))))
        return None if row is None or row.get("top_only") else row["settings"].get("order", "desc")

    def _list_unarchived(self, board: str, document: Row) -> list[Row]:
        """Return what the player's document keeps of past seasons."""
        running = self.db.get_board(board)["season"]
        kept = document.get("unarchived", [])
        season = document.get("season") or 1
        keys = {order: document.get(name, [None])[0] for order, name in KEY_FIELDS.items()}
        if season < running and keys["desc"]:
            own = {name: document[name] for name in ARCHIVED_FIELDS if name in document}
            scored = document.get("scored", True)
            kept = [*kept, {**own, **keys, "scored": scored, "season": season}]
        return [row for row in kept if row["season"] < running]

    def _rename_in_tie(self, place: list[Any], player: str, order: str | None) -> str:
        """Erase a player of a past season, and rename all who are named after it. Return its new
        id."""
        tie = place[:4]
        before = ""
        named: list[tuple[Any, str, str]] = []
        sources = [(self.db.past, "place"), *([(self.db.players, order)] if order else [])]
        for table, index in sources:
            rows = table.between([*tie, ""], [*tie, player], index=index)
            keys = rows.order_by(index=r.desc(index)).limit(1)
            before = max([before, *(self._take_id(row, tie, index) for row in self._run(keys))])
        for table, index in sources:
            rows = table.between([*tie, player], [*tie, player + AFTER_MARK], index=index)
            for row in self._run(rows):
                id = self._take_id(row, tie, index)
                if names_player(id, player):
                    named.append((table.get(row["id"]), id, erased_id(id, player, before)))
        # Nobody is between the two ids, so this changes no count, and the next writes change none.
        ids = {player: erased_id(player, player, before), **{old: new for _, old, new in named}}
        self._move_block_starts(tie, ids)
        for document, old_id, new_id in named:
            renaming = _build_renaming(tie, old_id, new_id)
            raise_for_errors(self.db.run(document.replace(renaming)))
        return erased_id(player, player, before)

    def _move_block_starts(self, tie: list[Any], ids: dict[str, str]) -> None:
        """Let rank blocks that begin with an erased player begin with the player's new place."""
        board, season, *score = tie
        places = [[[*score, old], [*score, new]] for old, new in ids.items()]

        def rename(place: Any) -> Any:
            renamed = r.expr(places).filter(lambda pair: pair[0].eq(place))
            return renamed.nth(0)[1].default(place)

        def move(blocks: Any) -> Any:
            return {"places": blocks["places"].map(rename), "upto": rename(blocks["upto"])}

        blocks = self.db.blocks.get(blocks_id(board, season))
        raise_for_errors(self.db.run(blocks.update(move)))

    def _run(self, rows: Any) -> list[Row]:
        documents: list[Row] = self.db.run(rows.coerce_to("array"))
        return documents

    def _take_id(self, row: Row, tie: list[Any], index: str) -> str:
        """Return the id in the past season of what was found in an index."""
        keys = [row.get("place"), *row.get(KEY_FIELDS.get(index, ""), [])]
        return next(str(key[4]) for key in keys if key and key[:4] == tie)

    def _insert_erased(self, board: str, kept: Row, order: str) -> None:
        fields = {
            name: kept[name] for name in (*ARCHIVED_FIELDS, "season", "erased") if name in kept
        }
        row = {**fields, "id": kept["archived_id"], "board": board, "place": kept[order]}
        raise_for_errors(self.db.run(self.db.past.insert(row, conflict="replace")))

    def _insert_remnant(self, board: str, player: str, kept: list[Row]) -> None:
        """Insert a document with what is kept of an erased player; or add it to the one that there
        is of another player of this id, who was erased before."""
        seasons = [row["season"] for row in kept]

        def merge(_: Any, old: Any, new: Any) -> Any:
            others = old["unarchived"].filter(
                lambda one: r.expr(seasons).contains(one["season"]).not_()
            )
            return old.merge({"unarchived": others + new["unarchived"]})

        row = {"id": row_id(board, player + ERASED_MARK), "board": board, "unarchived": kept}
        raise_for_errors(self.db.run(self.db.players.insert(row, conflict=merge)))

    def _delete(self, board: str, read: Row) -> bool:
        """Delete the document unless it has changed in what past seasons keep. Return whether it is
        gone."""
        document = self.db.players.get(read["id"])
        values = [read.get(name) for name in GUARDED]

        def replace(old: Any) -> Any:
            same = r.expr([old[name].default(None) for name in GUARDED]).eq(values)
            return r.branch(old.eq(None) | same, None, r.error(ROW_CHANGED))

        release = self.emails.release(board, document)
        _, result = self.db.run(r.expr([release, document.replace(replace)]))
        if result.get("first_error") == ROW_CHANGED:
            return False
        raise_for_errors(result)
        return True


def _erase_kept(row: Row, new_id: str, archived: str) -> Row:
    """Return what is kept of a season, erased."""
    kept = {name: value for name, value in row.items() if name not in ("data", "desc", "asc")}
    keys = {order: row[order] and [*row[order][:4], new_id] for order in ("desc", "asc")}
    erased = {"player": new_id, "name": "", "erased": True, "archived_id": archived}
    return {**kept, **keys, **erased}


def _build_renaming(tie: list[Any], old_id: str, new_id: str) -> Callable[[Any], Any]:
    """Return a function that gives a player of a past season another id, in a document of the
    table or in a remnant. A player's own document stays as it is."""
    erased = {"player": new_id, "name": "", "erased": True}

    def rename_key(key: Any) -> Any:
        return r.branch(key.eq(None), None, key.slice(0, 4).append(new_id))

    def rename_kept(one: Any) -> Any:
        is_named = one["player"].eq(old_id) & one["season"].eq(tie[1])
        keys = {order: rename_key(one[order]) for order in ("desc", "asc")}
        return r.branch(is_named, one.merge(erased, keys), one)

    def rename(row: Any) -> Any:
        archived = row.without("data").merge(erased, {"place": [*tie, new_id]})
        remnant = row.merge({"unarchived": row["unarchived"].default([]).map(rename_kept)})
        return r.branch(
            row.eq(None) | row.has_fields("place"),
            r.branch(row.eq(None), None, archived),
            row.has_fields("player"),
            row,
            remnant,
        )

    return rename
