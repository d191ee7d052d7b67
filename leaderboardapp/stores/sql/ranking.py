"""Reading ranked players in a board's order, and their ranks. The caller reads the board, and all
at one moment."""

from collections.abc import Iterable
from typing import Any

from leaderboardapp.domain.ranking import (
    is_ranked,
    newcomer_position,
    rank_newcomer,
    rank_start,
    split_ranked,
    window_positions,
)
from leaderboardapp.domain.types import (
    RankPosition,
    Row,
    ScoreRank,
    Selection,
    Window,
    rank_position,
)
from leaderboardapp.stores.sql.rank_blocks import count_all
from leaderboardapp.stores.sql.rank_counts import (
    count_before,
    count_before_each,
    find_before_rank,
    is_taken,
)
from leaderboardapp.stores.sql.reading import find_player
from leaderboardapp.stores.sql.statements import (
    AFTER,
    BEFORE,
    TOP,
    player_row,
    position_values,
    read,
)


def read_window(
    board: Row, limit: int, after: RankPosition | None, around: str | None, from_rank: int
) -> Window:
    """Return a window as the store's `get_ranking_window` does, without email addresses."""
    player, rows = None, []
    if around is None:
        after = after or find_before_rank(board, from_rank)
        rows = read_page(board, limit, after)
    elif (player := find_player(board["id"], around)) and is_ranked(board, player):
        rows = read_around(board, player, limit)
    counts: dict[str, Any] = {"of": None}
    if rows and (after or around):  # nobody is before the best
        for name, position in window_positions(board, rows[0]).items():
            counts[name], counts["of"] = count_before(board, position)
    if player and counts["of"] is None:
        counts["of"] = count_all(board)
    return Window(board, rows, player, **counts)


def read_selection(board: Row, players: Iterable[Row], emails: dict[str, str]) -> Selection:
    """Return the selection of these players of the board."""
    ranked, unranked = split_ranked(board, players)
    starts = [rank_start(board, player) for player in ranked]
    better, of = count_before_each(board, starts)
    rows = [{**player, "rank": count + 1} for player, count in zip(ranked, better, strict=True)]
    return Selection(board, rows, unranked, emails, 0, of)


def read_score_rank(board: Row, score: int) -> ScoreRank:
    """Return the rank of a new player who would reach the score now."""
    better, of = count_before(board, newcomer_position(board, score))
    of = count_all(board) if of is None else of
    return rank_newcomer(board, better, of, is_taken(board, score))


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
