"""What a write makes of a player's score, as ReQL that the server runs within one document.

`board` and `old` are the board's and the player's documents; either may lack a field.
"""

from typing import Any

from leaderboardapp.stores.base import KEYS_REMEMBERED, MAX_SCORE
from leaderboardapp.stores.rethinkdb.connection import r

OUT_OF_RANGE = "score out of range"


def added(board: Any, old: Any, amount: Any, now: Any, key: Any) -> Any:
    """The fields of a player's document after adding, as ReQL."""
    score = old["score"] + amount
    fields = {
        "score": score,
        "reached_at": r.branch(amount.eq(0) & _has_score(board, old), old["reached_at"], now),
        "scored": True,
    }
    within = r.expr([amount, r.expr(0) - amount]).max() <= board["max_amount"].default(MAX_SCORE)
    return r.branch(
        key.ne(None) & old["keys"].default([]).contains(key),
        {},
        (within & _allowed(board, score)).not_(),
        r.error(OUT_OF_RANGE),
        key.eq(None),
        fields,
        once(old, "keys", key, KEYS_REMEMBERED, fields),
    )


def put(board: Any, old: Any, score: Any, now: Any, only_better: Any) -> Any:
    """The fields of a player's document after setting its score, as ReQL."""
    scored = _has_score(board, old)
    better = r.branch(_ascends(board), score < old["score"], score > old["score"])
    same = scored & score.eq(old["score"])
    return r.branch(
        _allowed(board, score).not_(),
        r.error(OUT_OF_RANGE),
        only_better & scored & better.not_(),
        {},
        {"score": score, "reached_at": r.branch(same, old["reached_at"], now), "scored": True},
    )


def _ascends(board: Any) -> Any:
    return board["order"].default("desc").eq("asc")


def _has_score(board: Any, player: Any) -> Any:
    """On a descending board the 0 that a player begins with is one."""
    return player["scored"].default(True) | ~_ascends(board)


def _allowed(board: Any, score: Any) -> Any:
    low, high = board["min"].default(-MAX_SCORE), board["max"].default(MAX_SCORE)
    return (score >= low) & (score <= high)


def once(old: Any, field: str, key: str, remembered: int, change: Any) -> Any:
    """The change, and the key at the end of the list in `field`; nothing if it is there already."""
    keys = old[field].default([])
    newest = keys.append(key).slice(r.expr([0, keys.count() + 1 - remembered]).max())
    return r.branch(keys.contains(key), {}, r.expr(change).merge({field: newest}))
