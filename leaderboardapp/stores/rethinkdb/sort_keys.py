"""Sort keys: rank positions as the indexes of ranked players sort them."""

from typing import Any

from leaderboardapp.domain.types import MAX_SCORE, RankPosition, Row
from leaderboardapp.stores.rethinkdb.connection import r

SortKey = list[Any]
"""A rank position as a board's order sorts it: the score or its negative, when the score was
reached, the player."""
FIRST_KEY: SortKey = [-MAX_SCORE - 1, -1, ""]
LAST_KEY: SortKey = [MAX_SCORE + 1, -1, ""]


def build_sort_key(board: Row, position: RankPosition) -> SortKey:
    """Return the sort key of a rank position in the board's order."""
    score = position.score if board["order"] == "asc" else -position.score
    return [score, position.reached_at, position.player]


def season_bounds(board: Any, season: Any) -> tuple[SortKey, SortKey]:
    """Return what is before and after all of a season's keys in the indexes of ranked players."""
    return [board, season, r.minval], [board, season, r.maxval]
