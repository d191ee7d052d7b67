"""What a write does to a score."""

from leaderboardapp.domain.exceptions import WrongSeason
from leaderboardapp.domain.types import Row


def check_season(board: Row, season: int | None) -> None:
    """Raises WrongSeason if another than the running one is meant."""
    if season not in (None, board["season"]):
        raise WrongSeason(board["season"])


def check_due(board: Row, now: str) -> None:
    """Raises WrongSeason unless the season was to end by now."""
    if board["ends_at"] is None or board["ends_at"] > now:
        raise WrongSeason(board["season"])
