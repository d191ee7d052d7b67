"""Reading ranked players in a board's order."""

from leaderboardapp.domain.types import RankPosition, Row, rank_position
from leaderboardapp.stores.sql.statements import (
    AFTER,
    BEFORE,
    TOP,
    TOP_SCORES,
    player_row,
    position_values,
    read,
)


def read_top(board: Row) -> list[Row]:
    """Return the players of a snapshot, with their data if the board shows some."""
    statement = TOP if board["show"] else TOP_SCORES
    values = {"board": board["id"], "limit": board["size"]}
    return [player_row(row) for row in read(statement[board["order"]], values)]


def read_page(board: Row, limit: int, after: RankPosition | None = None) -> list[Row]:
    """Return ranked players from the one after `after` on, or from the best."""
    if after is None:
        values = {"board": board["id"], "limit": limit}
        return [player_row(row) for row in read(TOP[board["order"]], values)]
    return _read_from(AFTER, board, limit, after)


def read_around(board: Row, player: Row, limit: int) -> list[Row]:
    """Return a window of `limit` players with the ranked player in its middle. Near the best or the
    worst, more of them are on the other side."""
    if limit == 1:
        return [player]

    def read_neighbours(statement: dict[str, str], count: int) -> list[Row]:
        return _read_from(statement, board, count, rank_position(player))

    worse = read_neighbours(AFTER, limit // 2)
    better = read_neighbours(BEFORE, limit - 1 - len(worse))
    if len(worse) < limit - 1 - len(better):
        worse = read_neighbours(AFTER, limit - 1 - len(better))
    return [*better[::-1], player, *worse]


def _read_from(
    statement: dict[str, str], board: Row, limit: int, position: RankPosition
) -> list[Row]:
    values = {**position_values(board, position), "limit": limit}
    return [player_row(row) for row in read(statement[board["order"]], values)]
