"""Imports into RethinkDB."""

from typing import Any

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.exceptions import ScoreOutOfRange
from leaderboardapp.domain.types import Amount, Import, Row, score_limits
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.results import IMPORT_MOVED, OUT_OF_RANGE, raise_for_errors
from leaderboardapp.stores.rethinkdb.rows import player_document, player_row
from leaderboardapp.stores.rethinkdb.schema import row_id
from leaderboardapp.stores.rethinkdb.score_updates import apply_once

BATCHES_REMEMBERED = 10  # per player: only a batch that was interrupted is ever looked up


class Imports:
    def __init__(self, db: Database) -> None:
        self.db = db
        self.boards, self.players, self.imports = (
            db.boards,
            db.players,
            db.imports,
        )

    def get_import(self, board: str, name: str) -> Import:
        row = self.db.run(self.imports.get(row_id(board, name)))
        return Import(*(row[field] for field in Import._fields)) if row else Import()

    def import_batch(self, board: str, name: str, upto: Import, amounts: list[Amount]) -> None:
        # Nothing is atomic across documents: the intent is written first, each player's document
        # remembers the batch with its score, and a batch cut short is applied again to the rest.
        settings = self.db.get_board(board)
        low, high = score_limits(settings)
        self.raise_if_out_of_range(settings, f"{name}:{upto.line}", amounts)
        self.record_progress(board, name, upto._replace(done=False))
        batch, now = f"{name}:{upto.line}", now_us()
        documents = [
            {
                **player_document(board, player, shown),
                "score": amount,
                "reached_at": now + position,
                "season": settings["season"],
                "batches": [batch],
            }
            for position, (player, shown, amount) in enumerate(amounts)
        ]

        def add(_: Any, old: Any, new: Any) -> Any:
            before = r.branch(old["season"].default(1) >= settings["season"], old["score"], 0)
            score, same = before + new["score"], new["score"].eq(0)
            reached_at = r.branch(same, old["reached_at"], new["reached_at"])
            season = r.expr([old["season"].default(1), settings["season"]]).max()
            fields = {"score": score, "reached_at": reached_at, "scored": True, "season": season}
            allowed = r.branch((score < low) | (score > high), r.error(OUT_OF_RANGE), fields)
            return old.merge(apply_once(old, "batches", batch, BATCHES_REMEMBERED, allowed))

        result = self.db.run(self.players.insert(documents, conflict=add))
        if result.get("first_error") == OUT_OF_RANGE:
            raise ScoreOutOfRange("a player", settings)
        raise_for_errors(result)
        try:
            self.record_progress(board, name, upto._replace(done=True))
        except ObjectDoesNotExist:  # the board was deleted meanwhile
            for rows in self.db.select_rows_of_board(board):
                self.db.delete_in_pieces(rows, only_if=self.boards.get(board).eq(None))
            raise

    def raise_if_out_of_range(self, board: Row, batch: str, amounts: list[Amount]) -> None:
        """Before anything is counted, because what is counted of a batch cannot be taken back."""
        low, high = score_limits(board)
        keys = [row_id(board["id"], amount.player) for amount in amounts]
        found = self.db.run(self.players.get_all(*keys).without("keys", "desc", "asc"))
        rows = {row["player"]: {**row, **player_row(row, board["season"])} for row in found}
        for player, _, amount in amounts:
            row = rows.get(player, {"score": 0})
            counted = batch in row.get("batches", ())
            if not counted and not low <= row["score"] + amount <= high:
                raise ScoreOutOfRange(player, board)

    def record_progress(self, board: str, name: str, state: Import) -> None:
        """Begin a batch (again) where the last one ended, or end the one begun; or ImportMoved."""
        row = {"id": row_id(board, name), "board": board, "name": name, **state._asdict()}

        def replace(_: Any, old: Any, new: Any) -> Any:
            same_batch = old["start"].eq(state.start) & old["line"].eq(state.line)
            last_ended_here = old["done"] & old["line"].eq(state.start)
            expected = same_batch if state.done else last_ended_here | same_batch & ~old["done"]
            return r.branch(expected, new, r.error(IMPORT_MOVED))

        insert = self.imports.insert(row, conflict=replace)
        raise_for_errors(self.db.run(self.db.write_if_board_exists(board, lambda _: insert)))
