"""Ids of boards, and of the windows that belong to them.

The window `week` of the board `demo` is a board of its own with the id `demo~week` (ADR 41). No
other board can have such an id, and nobody names it but the service itself.
"""

from leaderboardapp.domain.types import WINDOWS, Row

SEPARATOR = "~"  # in no id of ID_PATTERN


def window_id(board: str, window: str) -> str:
    """Return the id of the board that the window is."""
    return f"{board}{SEPARATOR}{window}"


def list_family(board: str) -> list[str]:
    """Return the board's id, and those of all windows that it may have."""
    return [board, *(window_id(board, window) for window in WINDOWS)]


def split_id(board: str) -> tuple[str, str | None]:
    """Return the id of the board to which the window belongs, and the window's name. Any other
    board belongs to itself, and has no such name."""
    owner, _, window = board.partition(SEPARATOR)
    return owner, window or None


def owner_of(board: str) -> str:
    """Return the id of the board to which the window belongs; of any other board, its own."""
    return split_id(board)[0]


def is_window(board: str) -> bool:
    """Return whether the id is that of a window."""
    return SEPARATOR in board


def window_ids(board: Row) -> list[str]:
    """Return the ids of the board's windows."""
    return [window_id(board["id"], window) for window in board["windows"]]


def name_board(board: str) -> str:
    """Return what messages call the board of this id."""
    owner, window = split_id(board)
    return f"window {window} of the board {owner}" if window else f"board {owner}"
