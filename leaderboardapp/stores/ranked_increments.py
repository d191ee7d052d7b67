"""Increments whose answers have ranks: how they are divided, and how ranks get into the results."""

from collections.abc import Collection, Iterator
from contextlib import suppress

from leaderboardapp.domain.board_ids import window_id
from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.domain.types import Increment, Row, Selection
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
    scores; and `windows`, by name, each with the score there and the same fields. Raises
    BoardNotFound."""
    if not rows:
        return
    players = {row["id"] for row in rows}
    selection = store.get_selection(board, players)
    ranks, windows = _take_ranks(selection, players), {}
    for window in selection.board["windows"]:
        with suppress(BoardNotFound):  # it was turned off a moment ago
            window_selection = store.get_selection(window_id(board, window), players)
            windows[window] = _take_ranks(window_selection, players)
    for row in rows:
        row.update({**ranks[row["id"]], "score": row["score"]})
        row["windows"] = {window: ranks[row["id"]] for window, ranks in windows.items()}


def _take_ranks(selection: Selection, players: Collection[str]) -> dict[str, Row]:
    """Return the score and the rank of each of the players. Who is not on the board has 0."""
    nobody = {"score": 0, "rank": None, "of": selection.of, "bound": selection.bound}
    ranks = dict.fromkeys(players, nobody)
    for row in (*selection.rows, *selection.unranked):
        ranks[row["id"]] = {**nobody, "score": row["score"], "rank": row.get("rank")}
    return ranks
