"""Ranks: numbering players who are read in a board's order.

Of the scores 9, 7, 7, 3 the ordinal ranks are 1, 2, 3, 4, the competition ranks 1, 2, 2, 4, and
the dense ranks 1, 2, 2, 3.
"""

from collections.abc import Iterable

from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import Key, Row, key_of

RANKINGS = ("ordinal", "competition", "dense")


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
    return _number_from(board, get_store().page(board, limit, after))


def around(board: Row, player: Row, limit: int) -> list[Row]:
    """A window of `limit` ranked players with the player in its middle, or as near to it as the
    best and the worst allow; nobody, if the player is not ranked."""
    if not is_ranked(board, player):
        return []
    store, key = get_store(), key_of(player)
    # The player may be on the move, and then be met in another place.
    better, worse = (
        [row for row in store.page(board, limit - 1, key, backward) if row["id"] != player["id"]]
        for backward in (True, False)
    )
    ahead = max((limit - 1) // 2, limit - 1 - len(worse))
    window = [*better[:ahead][::-1], player, *worse]
    return _number_from(board, window[:limit])


def rank(board: Row, player: Row) -> Row | None:
    """The player with `rank` and `bound`; None if the player is not ranked."""
    return _number_from(board, [player])[0] if is_ranked(board, player) else None


def is_ranked(board: Row, player: Row) -> bool:
    if player["hidden"] or player["late"]:
        return False
    return bool(player["scored"] or board["order"] == "desc")


def _number_from(board: Row, rows: list[Row]) -> list[Row]:
    if not rows:
        return []
    store, first = get_store(), key_of(rows[0])
    if board["ranking"] == "ordinal":
        count = store.count_before(board, first)
        numbered = number(board, rows, place=count.number + 1)
    elif board["ranking"] == "dense":
        count = store.count_scores_before(board, first.score)
        numbered = number(board, rows, rank=count.number + 1)
    else:
        count = store.count_before(board, Key(first.score))
        place = store.count_before(board, first)
        numbered = number(board, rows, place.number + 1, count.number + 1)
        count = max(count, place, key=lambda count: count.bound)
    return [{**row, "bound": count.bound} for row in numbered]
