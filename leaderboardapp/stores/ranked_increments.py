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


def add_ranks(
    store: Store, board: str, increments: list[Increment], results: list[Row | Exception]
) -> list[Row | Exception]:
    """Return the results of the increments, with the ranks that are asked for, as they are now.
    Raises BoardNotFound."""
    asking = [
        result
        for increment, result in zip(increments, results, strict=True)
        if increment.ranked and isinstance(result, dict)
    ]
    if asking:
        selection = store.get_selection(board, {row["id"] for row in asking})
        ranks = {row["id"]: row["rank"] for row in selection.rows}
        for row in asking:
            row.update(rank=ranks.get(row["id"]), of=selection.of, bound=selection.bound)
    return results


def add_rank(store: Store, board: str, row: Row, ranked: bool) -> Row:
    """Return the player's row after a write, with the rank if that is asked for."""
    add_ranks(store, board, [Increment(row["id"], 0, ranked=ranked)], [row])
    return row
