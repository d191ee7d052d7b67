"""Ranks: numbering players who are read in a board's order.

Of the scores 9, 7, 7, 3 the ordinal ranks are 1, 2, 3, 4, the competition ranks 1, 2, 2, 4, and
the dense ranks 1, 2, 2, 3.
"""

from collections.abc import Iterable

from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import Key, Row, Window


def number(board: Row, rows: Iterable[Row], place: int = 1, rank: int = 1) -> list[Row]:
    """The rows, which follow one another in the board's order, each with its `rank`. The first is
    the `place`-th player of all, and has that `rank`."""
    numbered: list[Row] = []
    for now, row in enumerate(rows, start=place):
        if numbered and row["score"] != numbered[-1]["score"]:
            rank = rank + 1 if board["ranking"] == "dense" else now
        numbered.append({**row, "rank": now if board["ranking"] == "ordinal" else rank})
    return numbered


# Ranks from the store come with a `bound`, how far off they may be, either way; 0 if exact.


def page(board: Row, limit: int, after: Key | None = None) -> list[Row]:
    """Ranked players, best first, from the one after the key on."""
    return _numbered(board, get_store().window(board, limit, after))


def around(board: Row, player: Row, limit: int) -> list[Row]:
    """A window of `limit` ranked players with the player in its middle, or as near to it as the
    best and the worst allow; nobody, if the player is not ranked."""
    if not is_ranked(board, player):
        return []
    return _numbered(board, get_store().window(board, limit, around=player))


def rank(board: Row, player: Row) -> Row | None:
    """The player with `rank` and `bound`; None if the player is not ranked."""
    return next(iter(around(board, player, limit=1)), None)


def is_ranked(board: Row, player: Row) -> bool:
    if player["hidden"] or player["late"]:
        return False
    return bool(player["scored"] or board["order"] == "desc")


def _numbered(board: Row, window: Window) -> list[Row]:
    rows = number(board, window.rows, window.before + 1, window.better + 1)
    return [{**row, "bound": window.bound} for row in rows]
