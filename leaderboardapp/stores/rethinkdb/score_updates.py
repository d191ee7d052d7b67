"""What a write makes of a player's score, as ReQL that the server runs within one document.

`board` and `old` are the board's and the player's documents; either may lack a field.
"""

from typing import Any

from leaderboardapp.domain.types import KEYS_REMEMBERED, MAX_SCORE
from leaderboardapp.stores.rethinkdb.connection import r

OUT_OF_RANGE = "score out of range"
WRONG_SEASON = "wrong season"
KNOWN_KEY = "a key of these is known"


def added(board: Any, old: Any, run: Any) -> Any:
    """The fields of a player's document after a run of increments (`Run.wire`), as ReQL."""

    # What is asked for more than once is bound: the server compiles each mention, at every write.
    def change(score: Any, season: Any, keys: Any) -> Any:
        known = keys.set_intersection(run["keys"]).is_empty().not_()
        untouched = run["largest"].eq(0) & _has_score(board, old)
        fields = {
            "score": score + run["amount"],
            "reached_at": r.branch(untouched, old["reached_at"], run["now"]),
            "scored": True,
            "season": season,
        }
        small = run["largest"] <= board["max_amount"].default(MAX_SCORE)
        allowed = small & _allowed(board, score + run["least"], score + run["most"])
        return r.branch(
            known,
            r.branch(run["alone"], season_reset_fields(board, old), r.error(KNOWN_KEY)),
            _is_other(season, run["season"]),
            r.error(WRONG_SEASON),
            allowed.not_(),
            r.error(OUT_OF_RANGE),
            run["keys"].is_empty(),
            fields,
            r.expr(fields).merge({"keys": _newest(keys + run["keys"], KEYS_REMEMBERED)}),
        )

    return r.do(_score(board, old), _season(board, old), old["keys"].default([]), change)


def put(board: Any, old: Any, score: Any, now: Any, only_better: Any, season: Any) -> Any:
    """The fields of a player's document after setting its score, as ReQL."""
    scored, has = _has_score(board, old), _score(board, old)
    better = r.branch(_ascends(board), score < has, score > has)
    same = scored & score.eq(has)
    return r.branch(
        _is_other(_season(board, old), season),
        r.error(WRONG_SEASON),
        _allowed(board, score, score).not_(),
        r.error(OUT_OF_RANGE),
        only_better & scored & better.not_(),
        season_reset_fields(board, old),
        {
            "score": score,
            "reached_at": r.branch(same, old["reached_at"], now),
            "scored": True,
            "season": _season(board, old),
        },
    )


def season_reset_fields(board: Any, old: Any) -> Any:
    """The fields of a player's document at the beginning of the board's season, as ReQL; none if
    it is in that season already."""
    fields = {"score": 0, "scored": False, "season": _season(board, old)}
    return r.branch(_is_of(board, old), {}, fields)


def _season(board: Any, old: Any) -> Any:
    """The running one. The board's document may have been read just before a reset."""
    return r.expr([board["season"].default(1), old["season"].default(1)]).max()


def _is_of(board: Any, old: Any) -> Any:
    """Whether the player's score is of the running season; a sweep comes to all in the end."""
    return old["season"].default(1) >= board["season"].default(1)


def _score(board: Any, old: Any) -> Any:
    return r.branch(_is_of(board, old), old["score"], 0)


def _is_other(running: Any, season: Any) -> Any:
    """Whether another season than the running one is meant."""
    return season.ne(None) & season.ne(running)


def _ascends(board: Any) -> Any:
    return board["order"].default("desc").eq("asc")


def _has_score(board: Any, player: Any) -> Any:
    """On a descending board the 0 that a player begins with is one."""
    return player["scored"].default(True) & _is_of(board, player) | ~_ascends(board)


def _allowed(board: Any, least: Any, most: Any) -> Any:
    """Whether all scores from the least to the most are."""
    return (least >= board["min"].default(-MAX_SCORE)) & (most <= board["max"].default(MAX_SCORE))


def once(old: Any, field: str, key: str, remembered: int, change: Any) -> Any:
    """The change, and the key at the end of the list in `field`; nothing if it is there already."""
    keys = old[field].default([])
    newest = _newest(keys.append(key), remembered)
    return r.branch(keys.contains(key), {}, r.expr(change).merge({field: newest}))


def _newest(keys: Any, remembered: int) -> Any:
    return keys.slice(r.expr([0, keys.count() - remembered]).max())
