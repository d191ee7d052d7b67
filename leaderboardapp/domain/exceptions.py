"""What a store refuses, and how it fails."""

from leaderboardapp.domain.types import Row, score_limits


class AlreadyExists(Exception):
    """The id is taken."""


class EmailTaken(Exception):
    """Another player of the board has it."""


class ScoreOutOfRange(Exception):
    """The board's limits do not allow it, and nothing was changed, but for a score that another
    program set in the middle of an import, on a store without transactions."""

    def __init__(self, player: str, board: Row) -> None:
        low, high = score_limits(board)
        message = f"the score of {player} must stay from {low} to {high}"
        if board["max_amount"] is not None:
            message += f", and one increment within {board['max_amount']} either way"
        super().__init__(message)


class WrongSeason(Exception):
    """The board is in another season, and nothing was changed."""

    def __init__(self, season: int) -> None:
        """`season`: the running one."""
        super().__init__(f"the board is in season {season}")


class ImportMoved(Exception):
    """The import is not where the batch continues: another run of it is at work."""


class StoreUnavailable(Exception):
    """The store cannot be reached or cannot do this now."""


class OutcomeUnknown(StoreUnavailable):
    """The store was asked, and broke off or gave no answer in time: it may have been done."""
