"""What a store refuses, and how it fails."""

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.board_ids import name_board
from leaderboardapp.domain.types import Row, score_limits


class BoardNotFound(ObjectDoesNotExist):
    """There is no such board."""

    def __init__(self, board: str) -> None:
        """`board` is an id."""
        super().__init__(f"There is no {name_board(board)}.")


class WindowNotFound(ObjectDoesNotExist):
    """The board has no such window."""

    def __init__(self, board: Row, window: str) -> None:
        """Name the windows of the board."""
        known = ", ".join(board["windows"]) or "none"
        super().__init__(f"The board {board['id']} has no window {window}; it has {known}.")


class PlayerNotFound(ObjectDoesNotExist):
    """The board, or a past season of it, has no such player."""

    def __init__(self, board: str, player: str, season: int | None = None) -> None:
        """`board` and `player` are ids; `season` is the number of a past season."""
        past = "" if season is None else f"in season {season} "
        super().__init__(f"The {name_board(board)} {past}has no player {player}.")


class PersonNotFound(PlayerNotFound):
    """No board has a player with this id."""

    def __init__(self, player: str) -> None:
        """`player` is an id."""
        super(PlayerNotFound, self).__init__(f"No board has a player {player}.")


class SeasonNotFound(ObjectDoesNotExist):
    """The board has no such past season."""

    def __init__(self, board: str, season: int | str) -> None:
        """`board` is an id; `season` is a number, or how it was written."""
        super().__init__(f"The {name_board(board)} has no past season {season}.")


class ChannelNotFound(ObjectDoesNotExist):
    """No route leads to a channel of this name."""

    def __init__(self, channel: str) -> None:
        """`channel` is a name."""
        super().__init__(f"There is no channel {channel}.")


class AlreadyExists(Exception):
    """The id is taken."""


class EmailTaken(Exception):
    """Another player of the board has this email address."""


class PlayerRefused(Exception):
    """The board does not allow what was asked for this player, and nothing was changed."""

    def __init__(self, player: str, reason: str, row: int = 0) -> None:
        """`player` is an id; `reason` is a sentence without its capital letter and full stop.

        `row` says which of the player's rows in a batch of an import it is, counted from 0."""
        super().__init__(reason)
        self.player, self.row = player, row


class EmailRequired(PlayerRefused):
    """Nobody joins the board without an email address."""

    def __init__(self, player: str) -> None:
        """`player` is an id."""
        super().__init__(
            player, f"the player {player} cannot join this board without an email address"
        )


class EmailNotAsked(PlayerRefused):
    """The board keeps no email addresses."""

    def __init__(self, player: str) -> None:
        """`player` is an id."""
        reason = "cannot join with an email address, which this board does not ask for"
        super().__init__(player, f"the player {player} {reason}")


class ScoreOutOfRange(PlayerRefused):
    """The board's limits do not allow the score, and nothing was changed.

    One exception: a store without transactions may have imported part of a batch, if another
    program set a score in the middle of it."""

    def __init__(self, player: str, board: Row, row: int = 0) -> None:
        """Name the limits of the board. `player` is an id, `row` as in PlayerRefused."""
        low, high = score_limits(board)
        self.limits = {"min": low, "max": high}
        message = f"the score of {player} must stay from {low} to {high}"
        if board["max_amount"] is not None:
            self.limits["max_amount"] = largest = board["max_amount"]
            message += f", and an increment from {-largest} to {largest}"
        super().__init__(player, message, row)


class WrongSeason(Exception):
    """The board is in another season, and nothing was changed."""

    def __init__(self, season: int) -> None:
        """Name the running season, which is `season`."""
        super().__init__(f"the board is in season {season}")


class ImportMoved(Exception):
    """The import does not end where the batch begins: another run of it is at work."""


class StoreUnavailable(Exception):
    """The store cannot be reached, or cannot do this now."""


class OutcomeUnknown(StoreUnavailable):
    """The connection broke, or no answer came in time: the write may have been done."""
