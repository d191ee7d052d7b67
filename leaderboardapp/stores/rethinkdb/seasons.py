"""Seasons: ending one, keeping its top, and carrying players over into the next one."""

from typing import Any

from leaderboardapp.domain.board_ids import is_window
from leaderboardapp.domain.exceptions import (
    BoardNotFound,
    OutcomeUnknown,
    SeasonNotFound,
    StoreUnavailable,
    WrongSeason,
)
from leaderboardapp.domain.player_data import decode_data, encode_data
from leaderboardapp.domain.schedule import check_due, check_season
from leaderboardapp.domain.types import BOARD_DEFAULTS, Row, rank_position
from leaderboardapp.domain.windows import next_season
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.rank_blocks import RankBlocks
from leaderboardapp.stores.rethinkdb.ranking import Ranking
from leaderboardapp.stores.rethinkdb.results import WRONG_SEASON, raise_for_errors
from leaderboardapp.stores.rethinkdb.rows import board_row, player_row
from leaderboardapp.stores.rethinkdb.schema import INTERNAL_FIELDS, row_id
from leaderboardapp.stores.rethinkdb.score_fields import season_reset_fields
from leaderboardapp.stores.rethinkdb.sort_keys import build_sort_key
from leaderboardapp.stores.rethinkdb.windows import Windows

CARRY_OVER_ROWS = 1_000  # players carried over in one query, to stay far within QUERY_SECONDS


class Seasons:
    """The seasons of all boards. Nothing is atomic across documents, so each step of a reset
    leaves a state from which readers and the next step go on."""

    def __init__(
        self, db: Database, ranking: Ranking, rank_blocks: RankBlocks, windows: Windows
    ) -> None:
        self.db, self.ranking, self.rank_blocks = db, ranking, rank_blocks
        self.windows = windows

    def start_next_season(
        self, board: str, season: int, now: str, only_if_due: bool = False
    ) -> Row:
        """End the season, and return the board in the next one. Raises as the store's method."""
        row = self.db.get_board(board)
        check_season(row, season)
        if only_if_due:
            check_due(row, now)
        # Before the season ends, so that no ended season lacks a top; and after, when it is exact.
        self.archive_top(row, now, final=False)
        change = next_season(row, now)
        began_at = {"began_at": now_us()} if is_window(board) else {}
        result = self.db.run(
            self.db.boards.get(board).update(
                lambda old: r.branch(
                    _has_changed_season(old, row), r.error(WRONG_SEASON), {**change, **began_at}
                )
            )
        )
        if result.get("first_error") == WRONG_SEASON:
            raise WrongSeason(self.db.get_board(board)["season"])
        raise_for_errors(result)
        try:
            if result["skipped"]:  # the board was deleted, perhaps before the top was kept
                self.db.run(self.db.seasons.get(row_id(board, str(season))).delete())
                raise BoardNotFound(board)
            self.archive_top(row, now, final=True)
            self.run_maintenance(board)  # for most boards this is all of it
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error
        return {**row, **change}

    def archive_top(self, board: Row, ended_at: str, *, final: bool) -> None:
        """Keep the top of the board's season. A final top is never replaced: another process that
        ends the same season may be late."""
        if final:
            rows = self.read_ended_season(board)
        else:
            rows = self.db.run(self.ranking.select_top_rows(r.expr(board)))
        players = {row["player"]: _archived_row(row, board) for row in rows}.values()
        best = sorted(players, key=lambda row: build_sort_key(board, rank_position(row)))
        document = {
            "id": row_id(board["id"], str(board["season"])),
            "board": board["id"],
            "number": board["season"],
            "ended_at": ended_at,
            "settings": board,
            "players": best[: board["size"]],
            "final": final,
        }

        def replace(_: Any, old: Any, new: Any) -> Any:
            return r.branch(old["final"], old, new)

        raise_for_errors(self.db.run(self.db.seasons.insert(document, conflict=replace)))

    def read_ended_season(self, board: Row) -> list[Row]:
        """Read the top of the season that has just ended, with players carried over since.

        A player may be in the list more than once. The last one counts.
        """
        season = board["season"]
        # Increments that are under way could raise these players above the kept top.
        after = r.expr({**board, "season": season + 1})
        top = self.ranking.select_top(r.expr(board))
        if not is_window(board["id"]):  # where nobody is carried over
            raise_for_errors(self.db.run(top.update(lambda old: season_reset_fields(after, old))))
        # In this order, so that no player is carried over unseen between two of the reads.
        remaining = self.db.run(self.ranking.select_top_rows(r.expr(board)))
        carried_over = self.db.run(self._select_carried_over(board))
        overtaken = self.read_overtaken(board)
        return [*overtaken, *remaining, *carried_over]

    def read_overtaken(self, board: Row) -> list[Row]:
        """Read kept players whose documents no longer have their score of the board's season.

        The next season has ended as well by then. Returns them with their kept scores.
        """
        season = board["season"]
        kept = self.db.seasons.get(row_id(board["id"], str(season)))["players"].default([])
        rows = {row_id(board["id"], row["id"]): row for row in self.db.run(kept)}
        overtaken = (
            (r.row["season"].default(1) > season)
            & (r.row["past"]["season"].default(None) != season)
            & ~r.row["hidden"].default(False)
        )
        query = self.db.players.get_all(*rows).filter(overtaken).pluck("id", "player")
        return [{**rows[row["id"]], "player": row["player"]} for row in self.db.run(query)]

    def list_seasons(
        self, board: str, before: int | None, limit: int
    ) -> tuple[Row, list[tuple[int, str]]]:
        """Return the board, and number and end of past seasons before `before`, the newest first.
        Raises BoardNotFound."""

        def read(row: Any) -> Any:
            # A season's top may be kept a moment before the season ends.
            ends = [row["season"].default(1), *([] if before is None else [before])]
            end = r.expr(ends).min()
            past = self.db.seasons.between([board, r.minval], [board, end], index="board")
            newest = past.order_by(index=r.desc("board")).limit(limit)
            return [row, newest.pluck("number", "ended_at").coerce_to("array")]

        row, past = self.db.read_of_board(board, read)
        return board_row(row), [(season["number"], season["ended_at"]) for season in past]

    def get_season(self, board: str, season: int) -> tuple[str, Row, list[Row]]:
        """Return when a past season ended, its board and its top. Raises BoardNotFound,
        SeasonNotFound."""
        document = self.db.seasons.get(row_id(board, str(season)))
        past = self.db.read_of_board(
            board, lambda row: r.branch(row["season"].default(1) > season, document, None)
        )
        if past is None:
            raise SeasonNotFound(board, season)
        players = [
            {**row, "data": decode_data(row["data"])} if "data" in row else row
            for row in past["players"]
        ]
        return past["ended_at"], {**BOARD_DEFAULTS, **past["settings"]}, players

    def list_boards_to_end(self, now: str) -> list[Row]:
        """Return boards whose season was to end by `now`."""
        rows = self.db.boards.between(r.minval, now, index="ends_at", right_bound="closed")
        return [board_row(row) for row in self.db.run(rows)]

    def run_maintenance(self, board: str) -> bool:
        """Carry some players over, or balance rank blocks. Return whether more is left."""

        def carry_over(row: Any) -> Any:
            ended = [board, row["season"].default(1)]
            rows = self.db.players.between([board, r.minval], ended, index="desc")
            return rows.limit(CARRY_OVER_ROWS).update(lambda old: season_reset_fields(row, old))

        try:
            if is_window(board):
                return self._maintain_window(self.db.get_board(board))
            self.windows.follow_board(board)
            result = self.db.run(self.db.write_if_board_exists(board, carry_over))
            raise_for_errors(result, board)
            if result["replaced"] == CARRY_OVER_ROWS:
                return True
            return self.rank_blocks.balance(self.db.get_board(board))
        except BoardNotFound:
            return False

    def _maintain_window(self, window: Row) -> bool:
        """Delete some of those whose season has ended, once its top is kept for good, or balance
        rank blocks. Return whether more is left."""
        ended = self.db.run(self.db.seasons.get(row_id(window["id"], str(window["season"] - 1))))
        if ended and not ended["final"]:  # whoever ended it may have died before
            self.archive_top(ended["settings"], ended["ended_at"], final=True)
        return self.windows.delete_ended(window) or self.rank_blocks.balance(window)

    def _select_carried_over(self, board: Row) -> Any:
        """Select players of later seasons, with their score of the board's season."""
        season = board["season"]
        # This index has players without a score, too, whichever way scores are ordered.
        later = [board["id"], season + 1], [board["id"], r.maxval]
        moved = self.db.players.between(*later, index="desc").has_fields("past")
        rows = moved.map(lambda row: row.merge(row["past"]).without(*INTERNAL_FIELDS))
        ranked = r.row["scored"] | (board["order"] == "desc")
        return rows.filter((r.row["season"] == season) & ranked)


def _archived_row(document: Row, board: Row) -> Row:
    """Return the row of a player that a past season keeps, with data as text: its keys might mean
    something to the server."""
    row = player_row(document)
    text = encode_data(row.pop("data", None))
    return {**row, "data": text} if text and board["show"] else row


def _has_changed_season(document: Any, board: Row) -> Any:
    """Return, as ReQL, whether the board is in another season by now, or ends at another time."""
    same = [
        document[field].default(BOARD_DEFAULTS[field]).eq(board[field])
        for field in ("season", "schedule", "ends_at")
    ]
    return ~r.and_(*same)
