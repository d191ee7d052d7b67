"""Reading ranked players in a board's order, and their ranks. The caller reads the board, and all
at one moment."""

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from leaderboardapp.domain.archive import count_kept, take_kept
from leaderboardapp.domain.ranking import (
    build_standings,
    is_ranked,
    newcomer_position,
    rank_newcomer,
    rank_start,
    rank_windows,
    split_ranked,
    take_around,
    window_positions,
)
from leaderboardapp.domain.types import (
    PlayerStandings,
    RankPosition,
    Row,
    ScoreRank,
    Selection,
    Window,
    first_position,
    rank_position,
)
from leaderboardapp.stores.sql.rank_blocks import count_all
from leaderboardapp.stores.sql.rank_counts import (
    count_before,
    count_before_each,
    find_before_rank,
    is_taken,
)
from leaderboardapp.stores.sql.reading import (
    find_emails,
    find_player,
    find_players,
    read_board,
)
from leaderboardapp.stores.sql.sources import (
    PastBoard,
    Statements,
    choose,
    knows_all,
    season_values,
)
from leaderboardapp.stores.sql.statements import (
    AFTER,
    BEFORE,
    LEADERS,
    NEXT_COLUMNS,
    NEXT_TO_EACH,
    PAST_PLAYER,
    TOP,
    TOP_SCORES,
    build_sort_key,
    placeholders,
    player_row,
    position_values,
    read,
    read_elements,
)


def read_top(board: Row) -> list[Row]:
    """Return the players of a snapshot, with their data if the board shows some."""
    statement = TOP if board["show"] else TOP_SCORES
    values = {**season_values(board), "limit": board["size"]}
    return [player_row(row) for row in read(choose(statement, board), values)]


def read_leaders(boards: list[str]) -> dict[str, Row]:
    """Return the best player of each of these boards that has one who has scored."""
    if not boards:  # PostgreSQL knows no empty list
        return {}
    rows = read(LEADERS.format(boards=placeholders(boards)), boards * 2)
    return {board: {"id": id, "name": name, "score": score} for board, id, name, score in rows}


def read_window(
    board: Row, limit: int, after: RankPosition | None, around: str | None, from_rank: int
) -> Window:
    """Return a window as the store's `get_ranking_window` does, without email addresses."""
    player, rows = None, []
    if around is None:
        after = after or find_before_rank(board, from_rank)
        rows = read_page(board, limit, after)
    elif (player := find_in_season(board, around)) and is_ranked(board, player):
        rows = read_around(board, player, limit)
    counts: dict[str, Any] = {"of": None}
    if rows and (after or around):  # nobody is before the best
        for name, position in window_positions(board, rows[0]).items():
            counts[name], counts["of"] = count_before(board, position)
    if player and counts["of"] is None and knows_all(board):
        counts["of"] = count_all(board)
    return Window(board, rows, player, **counts)


def find_in_season(board: Row, player: str) -> Row | None:
    """Return the player's row in the season of the board's row; None if there is none."""
    if not isinstance(board, PastBoard):
        return find_player(board["id"], player)
    for row in read(choose(PAST_PLAYER, board), {**season_values(board), "player": player}):
        return player_row(row)
    return None


def find_before_in_tie(board: Row, position: RankPosition) -> str:
    """Return the greatest id before the position of those with its score and moment; empty if there
    is none."""
    values = {**position_values(board, position), "limit": 1}
    for row in read(choose(BEFORE, board), values):
        before = rank_position(player_row(row))
        if before[:2] == position[:2]:
            return before.player
    return ""


def read_selection(board: Row, players: Iterable[Row], emails: dict[str, str]) -> Selection:
    """Return the selection of these players of the board."""
    ranked, unranked = split_ranked(board, players)
    starts = [rank_start(board, player) for player in ranked]
    better, of = count_before_each(board, starts)
    rows = [{**player, "rank": count + 1} for player, count in zip(ranked, better, strict=True)]
    return Selection(board, rows, unranked, emails, 0, of)


def select_players(board: str, players: Collection[str], with_emails: bool) -> Selection:
    """Return what Store.get_selection does."""
    rows = find_players(board, players)
    emails = find_emails(board, rows if with_emails else [])
    return read_selection(read_board(board), rows, emails)


def read_standings(board: Row, players: Iterable[Row], limit: int) -> PlayerStandings:
    """Return where these players of the board stand."""
    ranked, unranked = split_ranked(board, players)
    of = 0

    def count(positions: list[RankPosition]) -> list[int]:
        nonlocal of
        counts, of = count_before_each(board, positions)
        return counts

    around = rank_windows(board, _read_around_each(board, ranked, limit), count)
    return PlayerStandings(board, build_standings(ranked, around, unranked), 0, of)


def _read_around_each(board: Row, players: list[Row], limit: int) -> Iterator[list[Row]]:
    """Yield the ranking window around each of the players."""
    keys = [
        [build_sort_key(board, player["score"]), player["reached_at"], player["id"]]
        for player in players
    ]
    values = {**season_values(board), "limit": limit - 1}
    sides = {id: sides for id, *sides in read_elements(choose(NEXT_TO_EACH, board), values, keys)}
    for player in players:
        better, worse = (
            [dict(zip(NEXT_COLUMNS, row, strict=True)) for row in json.loads(side or "[]")]
            for side in sides[player["id"]]
        )
        yield take_around(player, better, worse, limit)


def read_score_rank(board: Row, score: int) -> ScoreRank:
    """Return the rank of a new player who would reach the score now."""
    better, of = count_before(board, newcomer_position(board, score))
    of = count_all(board) if of is None else of
    return rank_newcomer(board, better, of, is_taken(board, score))


def read_page(board: Row, limit: int, after: RankPosition | None = None) -> list[Row]:
    """Return ranked players from the one after `after` on, or from the best."""
    return _read_from(AFTER, board, limit, after or first_position(board))


def read_around(board: Row, player: Row, limit: int) -> list[Row]:
    """Return a ranking window of `limit` players with the player in its middle. Near the best or
    the worst, more of them are on the other side."""
    if limit == 1:
        return [player]

    def read_neighbours(statement: Statements, count: int) -> list[Row]:
        return _read_from(statement, board, count, rank_position(player))

    worse = read_neighbours(AFTER, limit // 2)
    better = read_neighbours(BEFORE, limit - 1 - count_kept(worse))
    if count_kept(worse) < (missing := limit - 1 - count_kept(better)):
        worse = read_neighbours(AFTER, missing)
    return [*better[::-1], player, *worse]


def _read_from(statement: Statements, board: Row, limit: int, position: RankPosition) -> list[Row]:
    """Return players from the position on, until there are `limit` who are not erased."""
    rows: list[Row] = []
    size = limit
    while (missing := limit - count_kept(rows)) > 0:
        values = {**position_values(board, position), "limit": size}
        page = [player_row(row) for row in read(choose(statement, board), values)]
        rows += take_kept(page, missing)
        if len(page) < size:
            break
        position, size = rank_position(page[-1]), 2 * size
    return rows
