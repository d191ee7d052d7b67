"""The work that changes of a board leave behind, in pieces for which other writers can wait."""

from collections.abc import Callable, Sequence

from leaderboardapp.domain.board_ids import is_window
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.sql import seasons
from leaderboardapp.stores.sql.deletion import DELETE_ROWS
from leaderboardapp.stores.sql.rank_blocks import balance, is_balanced, most_in_block
from leaderboardapp.stores.sql.sources import PastBoard
from leaderboardapp.stores.sql.statements import (
    CARRY_OVER,
    DELETE_ENDED,
    DELETE_PAST_PLAYERS,
    FIND_ENDED,
    FIND_NOT_CARRIED_OVER,
    FIND_PAST_PLAYERS,
    UNFINISHED,
    placeholders,
    read,
    write,
)

CARRY_OVER_ROWS = 1_000  # changed by one statement, for which other writers wait


def list_unfinished(boards: Sequence[str]) -> list[str]:
    """Return those of these boards for which there may be work."""
    if not boards:  # PostgreSQL knows no empty list
        return []
    most = most_in_block()
    sql = UNFINISHED.format(boards=placeholders(boards))
    return [board for (board,) in read(sql, [*boards, most + 1, most])]


def find_work(board: Row) -> Callable[[], object] | None:
    """Return what does the next piece of the board's work, in a transaction in which nobody else
    changes the board; None if there is nothing to do."""
    if not is_balanced(board):
        return lambda: balance(board)
    unmoved = FIND_ENDED if is_window(board["id"]) else FIND_NOT_CARRIED_OVER
    if read(unmoved, {"board": board["id"]}):
        return lambda: carry_over(board)
    if past := seasons.find_moving(board):
        return lambda: finish_archive(past)
    too_old = {"board": board["id"], "season": seasons.find_oldest(board)}
    if read(FIND_PAST_PLAYERS, too_old):
        return lambda: write(DELETE_PAST_PLAYERS, {**too_old, "limit": DELETE_ROWS})
    return None


def carry_over(board: Row) -> None:
    """Carry some players over into the running season, or let them leave a window, where nobody is
    before the first score. Triggers keep them in the season before."""
    statement = DELETE_ENDED if is_window(board["id"]) else CARRY_OVER
    write(statement, {"board": board["id"], "limit": CARRY_OVER_ROWS})


def finish_archive(past: PastBoard) -> None:
    """Balance the rank blocks of a past season whose players are all moved, and record that."""
    if is_balanced(past):
        seasons.finish_moving(past)
    else:
        balance(past)
