"""Increments whose answers have ranks: how they are divided, and how ranks get into the results."""

from collections.abc import Iterator

from leaderboardapp.domain.types import Increment, Row
from leaderboardapp.stores.base import Store


def split_by_ranks(increments: list[Increment]) -> Iterator[list[Increment]]:
    """Yield the increments in pieces, in each of which nobody scores again after an increment that
    is `ranked`. So the ranks at the end of a piece are those of the scores that it answers."""
    piece: list[Increment] = []
    ranked: set[str] = set()
    for increment in increments:
        if increment.player in ranked:
            yield piece
            piece, ranked = [], set()
        piece.append(increment)
        if increment.ranked:
            ranked.add(increment.player)
    yield piece


def select_ranked(increments: list[Increment], results: list[Row | Exception]) -> list[Row]:
    """Return the rows among the results for which the rank is asked."""
    return [
        result
        for increment, result in zip(increments, results, strict=True)
        if increment.ranked and isinstance(result, dict)
    ]


def add_ranks(store: Store, board: str, rows: list[Row]) -> None:
    """Add `rank`, `of` and `bound`, as they are now, to the rows of players after writes of their
    scores. Raises BoardNotFound."""
    if not rows:
        return
    selection = store.get_selection(board, {row["id"] for row in rows})
    ranks = {row["id"]: row["rank"] for row in selection.rows}
    for row in rows:
        row.update(rank=ranks.get(row["id"]), of=selection.of, bound=selection.bound)
