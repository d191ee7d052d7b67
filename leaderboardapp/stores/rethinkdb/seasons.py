"""Seasons in RethinkDB."""

from typing import Any

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable, WrongSeason
from leaderboardapp.domain.schedule import check_due, check_season, end_after
from leaderboardapp.domain.types import BOARD_DEFAULTS, Row, rank_position
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.core import Core
from leaderboardapp.stores.rethinkdb.ranking import place_of
from leaderboardapp.stores.rethinkdb.results import check, found
from leaderboardapp.stores.rethinkdb.rows import board_row, player_row
from leaderboardapp.stores.rethinkdb.schema import UNSHOWN, row_id
from leaderboardapp.stores.rethinkdb.score_updates import WRONG_SEASON, season_reset_fields

SWEEP_ROWS = 1_000  # at once, to stay far within a query's time


class Seasons(Core):
    def start_next_season(
        self, board: str, season: int, now: str, only_if_due: bool = False
    ) -> Row:
        row = self.get_board(board)
        check_season(row, season)
        if only_if_due:
            check_due(row, now)
        # Before the season ends, so that it is never without, and after, when it is exact.
        self.archive(row, now, final=False)
        change = {"season": season + 1, "ends_at": end_after(now, row["schedule"])}
        result = self.run(
            self.boards.get(board).update(
                lambda old: r.branch(_has_changed(old, row), r.error(WRONG_SEASON), change)
            )
        )
        if result.get("first_error") == WRONG_SEASON:
            raise WrongSeason(self.get_board(board)["season"])
        check(result)
        try:
            if result["skipped"]:  # deleted meanwhile, perhaps before this was kept
                self.run(self.seasons.get(row_id(board, str(season))).delete())
                raise ObjectDoesNotExist
            self.archive(row, now, final=True)
            self.run_maintenance(board)  # most boards are done with that
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error
        return {**row, **change}

    def archive(self, board: Row, ended_at: str, final: bool) -> None:
        """Keep the top of a season. What is final is kept as it is: whoever else resets the same
        season may be late."""
        rows = self.ended(board) if final else self.run(self.best(r.expr(board)))
        players = {row["player"]: player_row(row) for row in rows}.values()
        best = sorted(players, key=lambda row: place_of(board, rank_position(row)))
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

        check(self.run(self.seasons.insert(document, conflict=replace)))

    def ended(self, board: Row) -> list[Row]:
        """The best of the season that has just ended, and whoever has gone over to a later one."""
        season = board["season"]
        # Those whom increments that are still on their way could leave ahead of what is kept.
        after = r.expr({**board, "season": season + 1})
        check(self.run(self.top(r.expr(board)).update(lambda old: season_reset_fields(after, old))))
        # In this order, so that nobody goes over unseen.
        left = self.run(self.best(r.expr(board)))
        # This index has those without a score, too, whichever way scores are ordered.
        later = [board["id"], season + 1], [board["id"], r.maxval]
        moved = self.players.between(*later, index="desc").has_fields("past")
        were = moved.map(lambda row: row.merge(row["past"]).without(*UNSHOWN))
        ranked = r.row["scored"] | (board["order"] == "desc")
        over = self.run(were.filter((r.row["season"] == season) & ranked))
        further = self.gone_further(board)
        return [*further, *left, *over]  # of a player, the last one

    def gone_further(self, board: Row) -> list[Row]:
        """Those of the first look whose documents no longer say what they had, because the next
        season has ended as well; with what they had then."""
        season = board["season"]
        first = self.seasons.get(row_id(board["id"], str(season)))["players"].default([])
        rows = {row_id(board["id"], row["id"]): row for row in self.run(first)}
        further = (
            (r.row["season"].default(1) > season)
            & (r.row["past"]["season"].default(None) != season)
            & ~r.row["hidden"].default(False)
        )
        found = self.run(self.players.get_all(*rows).filter(further).pluck("id", "player"))
        return [{**rows[row["id"]], "player": row["player"]} for row in found]

    def list_seasons(self, board: str, before: int, limit: int) -> list[tuple[int, str]]:
        past = self.seasons.between([board, r.minval], [board, before], index="board")
        rows = self.run(past.order_by(index=r.desc("board")).limit(limit))
        return [(row["number"], row["ended_at"]) for row in rows]

    def get_season(self, board: str, season: int) -> tuple[str, Row, list[Row]]:
        row = self.boards.get(board)
        running = row["season"].default(1)
        document = self.seasons.get(row_id(board, str(season)))
        past = found(self.run(r.branch(running > season, document, None)))
        return past["ended_at"], past["settings"], past["players"]

    def list_boards_to_end(self, now: str) -> list[Row]:
        rows = self.boards.between(r.minval, now, index="ends_at", right_bound="closed")
        return [board_row(row) for row in self.run(rows)]

    def run_maintenance(self, board: str) -> bool:
        def sweep(row: Any) -> Any:
            ended = [board, row["season"].default(1)]
            rows = self.players.between([board, r.minval], ended, index="desc")
            return rows.limit(SWEEP_ROWS).update(lambda old: season_reset_fields(row, old))

        try:
            result = self.run(self.on_board(board, sweep))
            check(result)
            return result["replaced"] == SWEEP_ROWS or self.blocks.round(self.get_board(board))
        except ObjectDoesNotExist:
            return False


def _has_changed(document: Any, board: Row) -> Any:
    """Whether the board is in another season by now, or is to end it at another time."""
    same = [
        document[field].default(BOARD_DEFAULTS[field]).eq(board[field])
        for field in ("season", "schedule", "ends_at")
    ]
    return ~r.and_(*same)
