"""Past seasons in an SQL database."""

from django.db.models import TextField
from django.db.models.functions import Cast

from leaderboardapp.domain.types import BOARD_DEFAULTS, Row
from leaderboardapp.stores.sql.models import SeasonRow
from leaderboardapp.stores.sql.ranking import read_top


def archive(board: Row, now: str) -> None:
    """Record the running season of the board, with its final top, as one that ended `now`."""
    SeasonRow.objects.create(
        board_id=board["id"],
        number=board["season"],
        ended_at=now,
        settings=board,
        players=read_top(board),
    )


def list_past(board: str, before: int | None, limit: int) -> list[tuple[int, str]]:
    """Return past seasons before that one, the newest first: number, and when it ended."""
    past = SeasonRow.objects.filter(board_id=board)
    if before is not None:
        past = past.filter(number__lt=before)
    return list(past.order_by("-number").values_list("number", "ended_at")[:limit])


def find_past(board: str, season: int) -> tuple[str, Row, list[Row]] | None:
    """Return when a past season ended, with the board and its top as they were then; None if there
    is none of that number."""
    past = SeasonRow.objects.filter(board_id=board, number=season).first()
    if past is None:
        return None
    return past.ended_at, {**BOARD_DEFAULTS, **past.settings}, past.players


def erase_player(board: str, player: str) -> None:
    """Take a player out of all past seasons of the board."""
    seasons = SeasonRow.objects.annotate(text=Cast("players", TextField()))
    for past in seasons.filter(board_id=board, text__contains=f'"{player}"'):
        past.players = [row for row in past.players if row["id"] != player]
        past.save()
