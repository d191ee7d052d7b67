"""Ranks: which players have one, and how players in a board's order are numbered.

| scores | 9 | 7 | 7 | 3 |
|---|---|---|---|---|
| ordinal | 1 | 2 | 3 | 4 |
| competition | 1 | 2 | 2 | 4 |
| dense | 1 | 2 | 2 | 3 |
"""

from collections.abc import Iterable

from leaderboardapp.domain.scoring import has_score
from leaderboardapp.domain.types import Row


def assign_ranks(board: Row, rows: Iterable[Row], ordinal: int = 1, rank: int = 1) -> list[Row]:
    """Return the rows, each with its `rank`. They follow each other in the board's order; `ordinal`
    is the ordinal rank of the first row, and `rank` its rank by the board's own ranking."""
    ranked: list[Row] = []
    for number, row in enumerate(rows, start=ordinal):
        if ranked and row["score"] != ranked[-1]["score"]:
            rank = rank + 1 if board["ranking"] == "dense" else number
        ranked.append({**row, "rank": number if board["ranking"] == "ordinal" else rank})
    return ranked


def is_ranked(board: Row, player: Row) -> bool:
    """Return whether the player has a rank: not hidden, carried over into the season, and on an
    ascending board with a score of this season."""
    if player["hidden"] or player["not_carried_over"]:
        return False
    return has_score(board, player)
