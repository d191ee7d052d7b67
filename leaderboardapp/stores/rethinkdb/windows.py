"""Windows of boards as documents of their own (ADR 41): created, changed and deleted after their
board, because nothing is atomic across documents. Maintenance of the board does what is missing."""

from contextlib import suppress
from typing import Any

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain import schedule
from leaderboardapp.domain.board_ids import list_family, window_id
from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.types import WINDOWS, Row
from leaderboardapp.domain.windows import find_window_changes, new_window
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.erasure import Erasure
from leaderboardapp.stores.rethinkdb.results import raise_for_errors
from leaderboardapp.stores.rethinkdb.rows import board_row, with_fields
from leaderboardapp.stores.rethinkdb.schema import row_id


class Windows:
    """The windows of all boards."""

    def __init__(self, db: Database, erasure: Erasure) -> None:
        self.db, self.erasure = db, erasure

    def follow_board(self, board: str) -> None:
        """Create, change and delete windows, so that they are those of the board's settings."""
        row, *documents = self.db.run(r.expr([self.db.boards.get(id) for id in list_family(board)]))
        if row is None:
            return
        owner, now = board_row(row), schedule.now()
        for window, document in zip(WINDOWS, documents, strict=True):
            if window not in owner["windows"]:
                if document:
                    self.delete_window(document["id"])
            elif document is None:
                self._create_window(new_window(owner, window, now), self.begin_season(board))
            elif changes := find_window_changes(owner, board_row(document), now):
                self._change_window(document["id"], changes)

    def begin_season(self, board: str) -> int:
        """Return when a season of one of the board's windows begins, in microseconds, and have the
        board's document say so. It is later than all before, whatever the clock says.

        Keys that are counted from now on get this time, so no clock tells them from others."""
        now = now_us()

        def change(row: Any) -> Any:
            return {"windows_began_at": r.expr([now, row["windows_began_at"].default(0) + 1]).max()}

        result = self.db.run(self.db.boards.get(board).update(change, return_changes=True))
        raise_for_errors(result)
        changes = result["changes"]  # none if the board was deleted, and soon its windows
        return int(changes[0]["new_val"]["windows_began_at"]) if changes else now

    def delete_windows(self, board: str) -> None:
        """Delete all windows of the board."""
        for window in WINDOWS:
            self.delete_window(window_id(board, window))

    def delete_window(self, window: str) -> None:
        """Delete the window with everything on it, if it is there."""
        # The board first, so that no write to it begins.
        if self.db.run(self.db.boards.get(window)) is not None:
            self.db.record_deletion(window)
            raise_for_errors(self.db.run(self.db.boards.get(window).delete()))
        for rows in self.db.select_rows_of_board(window):
            self.db.delete_in_pieces(rows)

    def update_player(self, board: str, player: str, fields: Row) -> None:
        """Change the fields of the player in the running season of each window. Raises
        OutcomeUnknown."""

        def update(window: str) -> Any:
            document = self.db.players.get(row_id(window, player))

            def change(row: Any, old: Any) -> Any:
                is_running = old["season"].default(1).eq(row["season"].default(1))
                return r.branch(is_running, fields, {})

            def write(row: Any) -> Any:
                return r.branch(
                    row.eq(None), {"errors": 0}, document.update(lambda old: change(row, old))
                )

            return self.db.boards.get(window).do(write)

        windows = list_family(board)[1:]
        try:
            for result in self.db.run(r.expr([update(window) for window in windows])):
                raise_for_errors(result)
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error

    def delete_player(self, board: str, player: str) -> None:
        """Delete the player in all windows, and erase it in their past seasons."""
        for window in self.db.run(self.db.boards.get_all(*list_family(board)[1:])["id"]):
            self.db.record_deletion(window)
            with suppress(ObjectDoesNotExist):  # who has not scored in it
                self.erasure.delete_player(window, player)

    def _change_window(self, window: str, changes: Row) -> None:
        def change(old: Any) -> Any:
            return r.branch(old.eq(None), None, with_fields(old, changes))

        raise_for_errors(self.db.run(self.db.boards.get(window).replace(change)))

    def _create_window(self, window: Row, began_at: int) -> None:
        # Players who scored while a window of this id was deleted must not come back.
        absent = self.db.boards.get(window["id"]).eq(None)
        for rows in self.db.select_rows_of_board(window["id"]):
            self.db.delete_in_pieces(rows, only_if=absent)
        # Another process may have created it a moment ago.
        document = {**window, "began_at": began_at}
        insert = self.db.boards.insert(document, conflict=lambda id, old, new: old)
        raise_for_errors(self.db.run(insert))
