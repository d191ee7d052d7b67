"""Deleting boards, and players, in pieces. The caller holds a transaction on the board."""

from leaderboardapp.domain.board_ids import list_family
from leaderboardapp.domain.fields import MAX_SEASON
from leaderboardapp.domain.searching import BOARDS
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.sql import seasons
from leaderboardapp.stores.sql.models import BlockRow, BoardRow, ChangeRow, PlayerRow, SeasonRow
from leaderboardapp.stores.sql.search import FORGET_SOME, forget_player
from leaderboardapp.stores.sql.statements import (
    DELETE_PAST_PLAYERS,
    DELETE_PLAYERS,
    write,
)

DELETE_ROWS = 20_000  # deleted by one statement, for which other writers wait


def delete_board(board: str) -> bool:
    """Delete the board without its windows, and everything on it; return whether it was there."""
    # Blocks first, so that no trigger counts the players. There may be more players than one
    # statement can delete in time.
    BlockRow.objects.filter(board_id=board).delete()
    SeasonRow.objects.filter(board_id=board).delete()  # so that no trigger keeps the players
    for statement in (DELETE_PLAYERS, DELETE_PAST_PLAYERS, FORGET_SOME):
        values = {"board": board, "season": MAX_SEASON + 1, "limit": DELETE_ROWS}
        while write(statement, values):
            pass
    forget_player(BOARDS, board)
    ChangeRow.objects.filter(board=board).update(joined=[])  # names, which nobody would erase later
    return bool(BoardRow.objects.filter(id=board).delete()[0])


def delete_family(board: str) -> bool:
    """Delete the board with its windows; return whether the board was there."""
    return [delete_board(id) for id in list_family(board)[::-1]][-1]


def delete_player(board: Row, player: str) -> bool:
    """Delete the player on the board and in its windows, from past seasons, too; return whether
    there was one."""
    family = list_family(board["id"])
    if not PlayerRow.objects.filter(board_id__in=family, player=player).delete()[0]:
        return False
    forget_player(board["id"], player)
    for change in ChangeRow.objects.filter(board__in=family):
        joined = [newcomer for newcomer in change.joined if newcomer["id"] != player]
        ChangeRow.objects.filter(board=change.board).update(joined=joined)
    for id in family:
        seasons.erase_player(id, player)
    return True
