"""Imports into RethinkDB."""

from typing import Any

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.exceptions import ScoreOutOfRange
from leaderboardapp.domain.types import Amount, Import, Row, score_limits
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.core import Core
from leaderboardapp.stores.rethinkdb.results import IMPORT_MOVED, check
from leaderboardapp.stores.rethinkdb.rows import player_document, player_row
from leaderboardapp.stores.rethinkdb.schema import row_id
from leaderboardapp.stores.rethinkdb.score_updates import OUT_OF_RANGE, once

BATCHES_REMEMBERED = 10  # per player: only a batch that was interrupted is ever looked up


class Imports(Core):
    def get_import(self, board: str, name: str) -> Import:
        row = self.run(self.imports.get(row_id(board, name)))
        return Import(*(row[field] for field in Import._fields)) if row else Import()

    def import_batch(self, board: str, name: str, upto: Import, amounts: list[Amount]) -> None:
        # Nothing is atomic across documents: the intent is written first, each player's document
        # remembers the batch with its score, and a batch cut short is applied again to the rest.
        settings = self.get_board(board)
        low, high = score_limits(settings)
        self.check_range(settings, f"{name}:{upto.line}", amounts)
        self.note_import(board, name, upto._replace(done=False))
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
            # As domain/scoring.py says: the first score on an ascending board is reached now.
            is_running = old["season"].default(1) >= settings["season"]
            has_score = (is_running & old["scored"].default(True)) | (settings["order"] == "desc")
            score, same = before + new["score"], new["score"].eq(0) & has_score
            reached_at = r.branch(same, old["reached_at"], new["reached_at"])
            season = r.expr([old["season"].default(1), settings["season"]]).max()
            fields = {"score": score, "reached_at": reached_at, "scored": True, "season": season}
            allowed = r.branch((score < low) | (score > high), r.error(OUT_OF_RANGE), fields)
            return old.merge(once(old, "batches", batch, BATCHES_REMEMBERED, allowed))

        result = self.run(self.players.insert(documents, conflict=add))
        if result.get("first_error") == OUT_OF_RANGE:
            raise ScoreOutOfRange("a player", settings)
        check(result)
        try:
            self.note_import(board, name, upto._replace(done=True))
        except ObjectDoesNotExist:  # the board was deleted meanwhile
            for rows in self.rows_of(board):
                self.delete_all(rows, only_if=self.boards.get(board).eq(None))
            raise

    def check_range(self, board: Row, batch: str, amounts: list[Amount]) -> None:
        """Before anything is counted, because what is counted of a batch cannot be taken back."""
        low, high = score_limits(board)
        keys = [row_id(board["id"], amount.player) for amount in amounts]
        found = self.run(self.players.get_all(*keys).without("keys", "desc", "asc"))
        rows = {row["player"]: {**row, **player_row(row, board["season"])} for row in found}
        for player, _, amount in amounts:
            row = rows.get(player, {"score": 0})
            counted = batch in row.get("batches", ())
            if not counted and not low <= row["score"] + amount <= high:
                raise ScoreOutOfRange(player, board)

    def note_import(self, board: str, name: str, state: Import) -> None:
        """Begin a batch (again) where the last one ended, or end the one begun; or ImportMoved."""
        row = {"id": row_id(board, name), "board": board, "name": name, **state._asdict()}

        def replace(_: Any, old: Any, new: Any) -> Any:
            same_batch = old["start"].eq(state.start) & old["line"].eq(state.line)
            last_ended_here = old["done"] & old["line"].eq(state.start)
            expected = same_batch if state.done else last_ended_here | same_batch & ~old["done"]
            return r.branch(expected, new, r.error(IMPORT_MOVED))

        insert = self.imports.insert(row, conflict=replace)
        check(self.run(self.on_board(board, lambda _: insert)))
