"""Ranks: numbering players who are read in a board's order.

Of the scores 9, 7, 7, 3 the ordinal ranks are 1, 2, 3, 4, the competition ranks 1, 2, 2, 4, and
the dense ranks 1, 2, 2, 3.
"""

from collections.abc import Iterable

from leaderboardapp.domain.types import Row


def assign_ranks(board: Row, rows: Iterable[Row], place: int = 1, rank: int = 1) -> list[Row]:
    """The rows, which follow one another in the board's order, each with its `rank`. The first is
    the `place`-th player of all, and has that `rank`."""
    numbered: list[Row] = []
    for now, row in enumerate(rows, start=place):
        if numbered and row["score"] != numbered[-1]["score"]:
            rank = rank + 1 if board["ranking"] == "dense" else now
        numbered.append({**row, "rank": now if board["ranking"] == "ordinal" else rank})
    return numbered


def is_ranked(board: Row, player: Row) -> bool:
    if player["hidden"] or player["not_carried_over"]:
        return False
    return bool(player["scored"] or board["order"] == "desc")
