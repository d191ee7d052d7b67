"""Windows of boards in an SQL database (ADR 41). A window is written in the transaction of its
board, in which nobody else changes either."""

from typing import Any

from leaderboardapp.domain import schedule
from leaderboardapp.domain.board_ids import list_family, window_id, window_ids
from leaderboardapp.domain.types import WINDOWS, Row
from leaderboardapp.domain.windows import find_window_changes, new_window
from leaderboardapp.stores.sql.deletion import delete_board
from leaderboardapp.stores.sql.models import BoardRow
from leaderboardapp.stores.sql.statements import (
    BOARDS,
    LEAVE_WINDOWS,
    WRITE_ROWS,
    board_row,
    placeholders,
    read,
    write,
)

# Rows have the window, its board and the player; the score, when it was reached, whether it was
# scored, and in which season. The rest is copied from the player's row on the board.
_ENTER = """
    INSERT INTO player
        (board_id, player, name, score, reached_at, hidden, scored, season, keys, data)
    SELECT new.column1, player.player, player.name, new.column4, new.column5, player.hidden,
        new.column6, new.column7, '[]', player.data
    FROM (VALUES {rows}) AS new
    JOIN player ON player.board_id = new.column2 AND player.player = new.column3
"""


def read_windows(board: Row) -> list[Row]:
    """Return the rows of the board's windows."""
    return _read_boards(window_ids(board)) if board["windows"] else []


def follow_board(board: Row) -> None:
    """Create, change and delete windows, so that they are those of the board's settings."""
    now = schedule.now()
    existing = {row["id"]: row for row in _read_boards(list_family(board["id"])[1:])}
    for window in WINDOWS:
        row = existing.get(window_id(board["id"], window))
        if window not in board["windows"]:
            if row:
                delete_board(row["id"])
        elif row is None:
            BoardRow.objects.create(**new_window(board, window, now))
        elif changes := find_window_changes(board, row, now):
            BoardRow.objects.filter(id=row["id"]).update(**changes)


def enter_windows(board: Row, rows: list[tuple[Row, Row]]) -> None:
    """Create players of the board in windows of it: each the window's row, and the player's."""
    for start in range(0, len(rows), WRITE_ROWS):
        piece, values = rows[start : start + WRITE_ROWS], list[Any]()
        for window, row in piece:
            values += [window["id"], board["id"], row["id"], row["score"], row["reached_at"]]
            values += [row["scored"], window["season"]]
        one = f"({placeholders(range(7))})"
        write(_ENTER.format(rows=", ".join([one] * len(piece))), values)


def leave_ended(board: str, player: str) -> None:
    """Delete the player in windows whose season that the row is of has ended. Triggers would carry
    over a row that changes."""
    ids = list_family(board)[1:]
    write(LEAVE_WINDOWS.format(boards=placeholders(ids)), [*ids, player])


def _read_boards(ids: list[str]) -> list[Row]:
    return [board_row(row) for row in read(BOARDS.format(boards=placeholders(ids)), ids)]
