"""Seasons: ending one, reading past ones, and what remains to be done after one has ended."""

from contextlib import suppress
from itertools import islice
from typing import Any

from leaderboardapp.domain.archive import past_board
from leaderboardapp.domain.board_ids import is_window, owner_of
from leaderboardapp.domain.exceptions import (
    BoardNotFound,
    OutcomeUnknown,
    PlayerNotFound,
    SeasonNotFound,
    StoreUnavailable,
    WrongSeason,
)
from leaderboardapp.domain.ranking import number_window
from leaderboardapp.domain.schedule import check_due, check_season
from leaderboardapp.domain.types import BOARD_DEFAULTS, PlayerSeason, Row
from leaderboardapp.domain.windows import next_season
from leaderboardapp.stores.rethinkdb.archives import Archives
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.rank_blocks import RankBlocks
from leaderboardapp.stores.rethinkdb.ranked_rows import PastRows
from leaderboardapp.stores.rethinkdb.ranking import Ranking
from leaderboardapp.stores.rethinkdb.results import WRONG_SEASON, raise_for_errors
from leaderboardapp.stores.rethinkdb.rows import board_row
from leaderboardapp.stores.rethinkdb.schema import row_id
from leaderboardapp.stores.rethinkdb.windows import Windows


class Seasons:
    """The seasons of all boards. Nothing is atomic across documents, so each step of a reset
    leaves a state from which readers and the next step go on."""

    def __init__(
        self,
        db: Database,
        past: Ranking,
        archives: Archives,
        rank_blocks: RankBlocks,
        windows: Windows,
    ) -> None:
        self.db, self.past, self.archives, self.rank_blocks = db, past, archives, rank_blocks
        self.rows, self.windows = PastRows(db), windows

    def start_next_season(
        self, board: str, season: int, now: str, only_if_due: bool = False
    ) -> Row:
        """End the season, and return the board in the next one. Raises as the store's method."""
        row = self.db.get_board(board)
        check_season(row, season)
        if only_if_due:
            check_due(row, now)
        # Before the season ends, so that no ended season lacks its record; and after, when no other
        # process that is about to end it can change the record any more.
        self._record(row, now, final=False)
        began_at = (
            {"began_at": self.windows.begin_season(owner_of(board))} if is_window(board) else {}
        )
        change = next_season(row, now)
        kept = [1] if row["keep_seasons"] is None else [1, season + 1 - row["keep_seasons"]]
        result = self.db.run(
            self.db.boards.get(board).update(
                lambda old: r.branch(
                    _has_changed_season(old, row),
                    r.error(WRONG_SEASON),
                    # With the season, so that older ones are gone at once.
                    {
                        **change,
                        **began_at,
                        "kept_from": r.expr(kept).append(old["kept_from"].default(1)).max(),
                    },
                )
            )
        )
        if result.get("first_error") == WRONG_SEASON:
            raise WrongSeason(self.db.get_board(board)["season"])
        raise_for_errors(result)
        try:
            if result["skipped"]:  # the board was deleted, perhaps before the season was recorded
                self.db.run(self.db.seasons.get(row_id(board, str(season))).delete())
                raise BoardNotFound(board)
            self._record(row, now, final=True)
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error
        with suppress(StoreUnavailable):  # the season has ended, and the listener does the rest
            self.run_maintenance(board)  # for most boards this is all of it
        return {**row, **change}

    def _record(self, board: Row, ended_at: str, *, final: bool) -> None:
        """Record the end of the board's season. A final record is never replaced: another process
        that ends the same season may be late."""
        document = {
            "id": row_id(board["id"], str(board["season"])),
            "board": board["id"],
            "number": board["season"],
            "ended_at": ended_at,
            "settings": board,
            "final": final,
            "complete": False,  # whether all players are in the archive
        }

        def replace(_: Any, old: Any, new: Any) -> Any:
            return r.branch(old["final"] | old["complete"].default(False), old, new)

        raise_for_errors(self.db.run(self.db.seasons.insert(document, conflict=replace)))

    def list_seasons(
        self, board: str, before: int | None, limit: int
    ) -> tuple[Row, list[tuple[int, str]]]:
        """Return the board, and number and end of past seasons before `before`, the newest first.
        Raises BoardNotFound."""

        def read(row: Any) -> Any:
            # A season may be recorded a moment before it ends.
            ends = [row["season"].default(1), *([] if before is None else [before])]
            end, kept = r.expr(ends).min(), row["kept_from"].default(1)
            past = self.db.seasons.between([board, kept], [board, end], index="board")
            newest = past.order_by(index=r.desc("board")).limit(limit)
            return [row, newest.pluck("number", "ended_at").coerce_to("array")]

        row, past = self.db.read_of_board(board, read)
        return board_row(row), [(season["number"], season["ended_at"]) for season in past]

    def get_season(self, board: str, season: int) -> tuple[str, Row, list[Row]]:
        """Return when a past season ended, its board and its top. Raises BoardNotFound,
        SeasonNotFound."""
        past = self.rows.get_season(board, season)
        settings = past_board(past["settings"], season)
        size, unread = settings["size"], () if settings["show"] else ("data",)
        rows = self.past.read_window(board, size, season=season).rows[:size]
        top = [{name: row[name] for name in row if name not in unread} for row in rows]
        return past["ended_at"], {**settings, "id": board}, top

    def list_player_seasons(
        self, board: str, player: str, before: int | None, limit: int
    ) -> tuple[Row, list[PlayerSeason]]:
        """Return the board, and what past seasons before `before` say of the player, as the store's
        method. Raises BoardNotFound, PlayerNotFound."""
        document = self.db.players.get(row_id(board, player))
        archived = self.db.select_past_of(board, player)

        def read(row: Any) -> Any:
            kept = (
                document["unarchived"].default([])["season"].append(document["season"].default(1))
            )
            numbers = archived["season"].coerce_to("array").set_union(kept)
            keys = numbers.map(
                lambda number: r.uuid(r.expr(f"{board}/") + number.coerce_to("string"))
            )
            seasons = self.db.seasons.get_all(r.args(keys)).pluck("number", "ended_at")
            return r.branch(document.eq(None), None, [row, seasons.coerce_to("array")])

        answer = self.db.read_of_board(board, read)
        if answer is None:
            raise PlayerNotFound(board, player)
        ends = {season["number"]: season["ended_at"] for season in answer[1]}
        numbers = sorted((n for n in ends if before is None or n < before), reverse=True)
        found = (self._read_player_season(board, player, n, ends[n]) for n in numbers)
        return board_row(answer[0]), [*islice((season for season in found if season), limit)]

    def _read_player_season(
        self, board: str, player: str, season: int, ended_at: str
    ) -> PlayerSeason | None:
        """Return what a past season says of the player; None if the player was not ranked, or the
        season is not kept."""
        try:
            window = self.past.read_window(board, 1, around=player, season=season)
        except SeasonNotFound:
            return None
        rows = number_window(window)
        if not rows:
            return None
        [row] = rows
        return PlayerSeason(window.board, ended_at, row, window.bound, window.of)

    def list_boards_to_end(self, now: str) -> list[Row]:
        """Return boards whose season was to end by `now`."""
        rows = self.db.boards.between(r.minval, now, index="ends_at", right_bound="closed")
        return [board_row(row) for row in self.db.run(rows)]

    def run_maintenance(self, board: str) -> bool:
        """Archive some players of past seasons, or balance rank blocks. Return whether more is
        left."""
        try:
            if not is_window(board):
                self.windows.follow_board(board)
            while (has_more := self.archives.run_step(self.db.get_board(board))) is not None:
                if has_more:
                    return True
            return self.rank_blocks.balance(self.db.get_board(board))
        except BoardNotFound:
            return False


def _has_changed_season(document: Any, board: Row) -> Any:
    """Return, as ReQL, whether the board is in another season by now, or ends at another time."""
    same = [
        document[field].default(BOARD_DEFAULTS[field]).eq(board[field])
        for field in ("season", "schedule", "ends_at")
    ]
    return ~r.and_(*same)
