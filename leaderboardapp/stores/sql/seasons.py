"""Past seasons in an SQL database.

What changes them is called in a transaction in which nobody else changes the board.
"""

import json
from collections.abc import Iterable

from django.db.models import Min, TextField
from django.db.models.functions import Cast

from leaderboardapp.domain.archive import erase_from_top
from leaderboardapp.domain.exceptions import SeasonNotFound
from leaderboardapp.domain.fields import MAX_SEASON
from leaderboardapp.domain.ranking import number_window
from leaderboardapp.domain.types import PlayerSeason, RankPosition, Row
from leaderboardapp.stores.sql.models import BlockRow, SeasonRow
from leaderboardapp.stores.sql.ranking import find_before_in_tie, read_top, read_window
from leaderboardapp.stores.sql.reading import read_board
from leaderboardapp.stores.sql.sources import PastBoard, build_past_board
from leaderboardapp.stores.sql.statements import (
    ERASE_BLOCK,
    ERASE_PLAYER,
    NAMED_POSITIONS,
    PAST_BOARD,
    PAST_SEASONS_OF,
    build_sort_key,
    position_values,
    read,
    write,
)


def archive(board: Row, now: str) -> None:
    """Record the running season of the board as one that ended `now`, with its final top, and
    forget the seasons that are too old to be kept. Players follow when they are carried over."""
    SeasonRow.objects.create(
        board_id=board["id"],
        number=board["season"],
        ended_at=now,
        settings=board,
        players=read_top(board),
        archive=SeasonRow.MOVING,
    )
    if board["keep_seasons"] is not None:
        too_old = board["season"] - board["keep_seasons"]
        SeasonRow.objects.filter(board_id=board["id"], number__lte=too_old).delete()
        BlockRow.objects.filter(board_id=board["id"], season__lte=too_old).delete()


def list_past(board: str, before: int | None, limit: int) -> list[tuple[int, str]]:
    """Return past seasons before that one, the newest first: number, and when it ended."""
    past = SeasonRow.objects.filter(board_id=board)
    if before is not None:
        past = past.filter(number__lt=before)
    return list(past.order_by("-number").values_list("number", "ended_at")[:limit])


def get_past(board: str, season: int) -> SeasonRow:
    """Return a past season. Raises BoardNotFound, SeasonNotFound."""
    past = SeasonRow.objects.filter(board_id=board, number=season).first()
    if past is None:
        read_board(board)
        raise SeasonNotFound(board, season)
    return past


def read_board_in_season(board: str, season: int | None) -> Row:
    """Return the board's row in the season, which is the running one if None. Raises
    BoardNotFound, SeasonNotFound."""
    if season is None:
        return read_board(board)
    if past := find_past_board(board, season):
        return past
    read_board(board)
    raise SeasonNotFound(board, season)


def find_past_board(board: str, season: int) -> PastBoard | None:
    """Return the board's row in a past season; None if there is no such season."""
    for settings, state in read(PAST_BOARD, {"board": board, "season": season}):
        return build_past_board(json.loads(settings), season, state)
    return None


def find_moving(board: Row) -> PastBoard | None:
    """Return the board in a past season of which some players may not be moved yet; None if there
    is none."""
    past = SeasonRow.objects.filter(board_id=board["id"], archive=SeasonRow.MOVING).first()
    return _board_of(past) if past else None


def finish_moving(board: PastBoard) -> None:
    """Record that all ranked players of this past season are moved."""
    seasons = SeasonRow.objects.filter(board_id=board["id"], number=board["season"])
    seasons.update(archive=SeasonRow.WHOLE)


def find_oldest(board: Row) -> int:
    """Return the number of the oldest season that is kept."""
    seasons = SeasonRow.objects.filter(board_id=board["id"])
    oldest = seasons.aggregate(oldest=Min("number"))["oldest"]
    return int(board["season"] if oldest is None else oldest)


def list_of_player(
    board: str, player: str, before: int | None, limit: int
) -> Iterable[PlayerSeason]:
    """Yield what past seasons before that one say of the player, the newest first."""
    before = MAX_SEASON + 1 if before is None else before
    values = {"board": board, "player": player, "before": before, "limit": limit}
    for (number,) in read(PAST_SEASONS_OF, values):
        past = get_past(board, number)
        window = read_window(_board_of(past), 1, None, player, 1)
        for row in number_window(window):
            yield PlayerSeason(window.board, past.ended_at, row, 0, window.of)


def erase_player(board: str, player: str) -> None:
    """Erase a player in all past seasons of the board, and in the names of rank blocks."""
    seasons = SeasonRow.objects.annotate(text=Cast("players", TextField()))
    for past in seasons.filter(board_id=board, text__contains=f'"{player}'):
        past.players = erase_from_top(past.players, player)
        past.save()
    for season, place, reached_at in read(NAMED_POSITIONS, {"board": board, "player": player}):
        row = _find_board(board, season)
        if row is None:
            continue
        position = RankPosition(build_sort_key(row, place), reached_at, player)
        before = find_before_in_tie(row, position)
        values = {**position_values(row, position), "before": before, "length": len(player)}
        write(ERASE_PLAYER, values)
        write(ERASE_BLOCK, values)


def _board_of(past: SeasonRow) -> PastBoard:
    return build_past_board(past.settings, past.number, past.archive)


def _find_board(board: str, season: int) -> Row | None:
    """Return the board's row in the season; None if it is kept no longer."""
    if past := find_past_board(board, season):
        return past
    row = read_board(board)
    return row if row["season"] == season else None
