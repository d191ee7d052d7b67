"""Imports: batches of amounts that are added to many players at once."""

import json
from typing import Any

from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.domain.joining import new_player
from leaderboardapp.domain.scoring import import_amount
from leaderboardapp.domain.types import MAX_SCORE, Amount, Import, Row, score_limits
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database, refuse
from leaderboardapp.stores.rethinkdb.results import (
    IMPORT_MOVED,
    OUT_OF_RANGE,
    OUTDATED,
    raise_for_errors,
)
from leaderboardapp.stores.rethinkdb.rows import player_document, player_row
from leaderboardapp.stores.rethinkdb.schema import KEY_FIELDS, row_id
from leaderboardapp.stores.rethinkdb.score_fields import apply_once, find_windows_began_at
from leaderboardapp.stores.rethinkdb.search import remember_players
from leaderboardapp.stores.rethinkdb.window_scores import WindowScores

BATCHES_REMEMBERED = 10  # per player: only a batch that was interrupted is ever looked up


class Imports:
    """The imports of all boards.

    Nothing is atomic across documents. The intent is written first, and each player's document
    remembers the batch with its score. A batch that was cut short is applied again, and then
    counts for the other players.

    Each row of a player is checked in Python, just before the write. The write checks again what
    the rows lead to, and no score on the way: that takes one update of the player's document. If
    somebody else changes a score in between, the rows count as if they came after that change.
    """

    def __init__(self, db: Database) -> None:
        self.db, self.windows = db, WindowScores(db)

    def get_import(self, board: str, name: str) -> Import:
        """Return how far the import has come; a fresh one if it was never begun."""
        row = self.db.run(self.db.imports.get(row_id(board, name)))
        return Import(*(row[field] for field in Import._fields)) if row else Import()

    def import_batch(self, board: str, name: str, upto: Import, amounts: list[Amount]) -> None:
        """Add a batch, and remember `upto` as done. Raises as `Store.import_batch` does."""
        batch = f"{name}:{upto.line}"

        def attempt(settings: Row) -> Row:
            known = self._raise_if_refused(settings, batch, amounts)
            began_at = self.record_progress(board, name, upto._replace(done=False))
            new = [{"id": id, "name": name} for id, name, *_ in amounts if id not in known]
            remember_players(self.db, board, new)  # before, because a repeat would know them
            result: Row = self.db.run(self._build_write(settings, batch, amounts, len(known)))
            if settings["windows"] and not result["errors"]:
                self.windows.import_batch(settings, _to_writes(amounts, batch, began_at))
            return result

        try:
            raise_for_errors(self.db.check_and_write(board, attempt), board)
            self.record_progress(board, name, upto._replace(done=True))
        except BoardNotFound:  # the board was deleted meanwhile
            for rows in self.db.select_rows_of_board(board):
                self.db.delete_in_pieces(rows, only_if=self.db.boards.get(board).eq(None))
            raise

    def record_progress(self, board: str, name: str, state: Import) -> int | None:
        """Begin a batch, or the same one again, where the last one ended; or end a begun one.
        Return when the newest season of a window had begun as the batch was begun, in microseconds,
        if that was before; else None.

        Raises ImportMoved if the import is elsewhere by now, BoardNotFound.
        """
        row = {"id": row_id(board, name), "board": board, "name": name, **state._asdict()}

        def replace(_: Any, old: Any, new: Any) -> Any:
            same_batch = old["start"].eq(state.start) & old["line"].eq(state.line)
            last_ended_here = old["done"] & old["line"].eq(state.start)
            expected = same_batch if state.done else last_ended_here | same_batch & ~old["done"]
            begun = r.branch(same_batch, new.merge(old.pluck("began_at")), new)
            return r.branch(expected, begun, r.error(IMPORT_MOVED))

        def write(board_document: Any) -> Any:
            began_at = find_windows_began_at(board_document, now_us())
            new = r.expr(row).merge({"began_at": began_at})
            return self.db.imports.insert(new, conflict=replace, return_changes="always")

        written = self.db.run(self.db.write_if_board_exists(board, write))
        raise_for_errors(written, board)
        old, new = (written["changes"][0][name] for name in ("old_val", "new_val"))
        is_repeated = old is not None and (old["start"], old["line"]) == (state.start, state.line)
        return int(new["began_at"]) if is_repeated else None

    def _raise_if_refused(self, board: Row, batch: str, amounts: list[Amount]) -> set[str]:
        """Return which of the players are on the board. Raises PlayerRefused, InvalidInput."""
        # Before anything is written, because a part of a batch cannot be taken back.
        players = self._select_players(board, amounts).without("keys", *KEY_FIELDS.values())
        documents = {document["player"]: document for document in self.db.run(players)}
        for amount in amounts:
            document = documents.get(amount.player)
            if document is None:
                new_player(board, amount.player, amount.name, amount.data)
            elif batch in document.get("batches", ()):
                continue  # it is counted
            row = player_row(document, board["season"]) if document else None
            import_amount(board, row, amount, now_us())
        return {*documents}

    def _select_players(self, board: Row, amounts: list[Amount]) -> Any:
        keys = [row_id(board["id"], amount.player) for amount in amounts]
        return self.db.players.get_all(*keys)

    def _build_write(self, board: Row, batch: str, amounts: list[Amount], known: int) -> Any:
        """Build a write of the batch, which has been checked against the board and the players.

        It fails with OUTDATED if not as many of them are `known` by now: who was deleted a moment
        ago must not be created with what may only be added to a score."""
        documents = self._build_documents(board, batch, amounts)
        by_key = {row_id(board["id"], amount.player): _to_wire(amount) for amount in amounts}

        def write(added: Any) -> Any:
            return self.db.players.insert(documents, conflict=self._addition(board, batch, added))

        is_same = self._select_players(board, amounts).count().eq(known)
        added = r.do(r.json(json.dumps(by_key)), write)
        return self.db.write_if_current(board, r.branch(is_same, added, refuse(OUTDATED)))

    def _build_documents(self, board: Row, batch: str, amounts: list[Amount]) -> list[Row]:
        now = now_us()
        return [
            {
                **player_document(board["id"], amount.player, amount.name, amount.data),
                "score": _take_exact(amount.total),
                "reached_at": now + index,
                "season": board["season"],
                "batches": [batch],
            }
            for index, amount in enumerate(amounts)
        ]

    def _addition(self, board: Row, batch: str, added: Any) -> Any:
        """Build the conflict's function, which adds a new document's score to the old document.

        `added` are all amounts in their wire form, by the keys of the documents."""
        low, high = score_limits(board)

        def add(_: Any, old: Any, new: Any) -> Any:
            is_running = old["season"].default(1) >= board["season"]
            amount = added[new["id"]]
            score = r.branch(is_running, old["score"], 0) + new["score"] + amount["rest"]
            # As domain/scoring.py says: the first score on an ascending board is reached now.
            has_score = (is_running & old["scored"].default(True)) | (board["order"] == "desc")
            is_unmoved = ~amount["moves"] & has_score
            reached_at = r.branch(is_unmoved, old["reached_at"], new["reached_at"])
            season = r.expr([old["season"].default(1), board["season"]]).max()
            fields = {"score": score, "reached_at": reached_at, "scored": True, "season": season}
            allowed = r.branch((score < low) | (score > high), r.error(OUT_OF_RANGE), fields)
            return old.merge(apply_once(old, "batches", batch, BATCHES_REMEMBERED, allowed))

        return add


def _to_writes(amounts: list[Amount], batch: str, began_at: int | None) -> dict[str, Row]:
    """Return what is written to windows, by player."""
    return {
        amount.player: {
            **_to_wire(amount),
            "exact": _take_exact(amount.total),
            "batch": batch,
            "began_at": began_at,
            "at": at,
        }
        for at, amount in enumerate(amounts, start=now_us())
    }


def _to_wire(amount: Amount) -> Row:
    """Return what a new document does not say of an amount."""
    return {"moves": amount.moves, "rest": amount.total - _take_exact(amount.total)}


def _take_exact(total: int) -> int:
    """Return the total, or the part of it that ReQL's numbers carry exactly.

    Only a score of the other sign can take more, so that the rest can be added after this part."""
    return max(-MAX_SCORE, min(total, MAX_SCORE))
