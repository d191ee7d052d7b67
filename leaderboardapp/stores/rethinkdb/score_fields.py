"""What a write of a score makes of a player's document, computed by the server.

In these functions, which return ReQL, `board` and `old` are the board's and the player's documents.
Either may lack a field. They are the rule of domain/scoring.py.
"""

from typing import Any

from leaderboardapp.domain.types import KEYS_REMEMBERED, MAX_SCORE
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.results import KNOWN_KEY, OUT_OF_RANGE, WRONG_SEASON


def increment_fields(board: Any, old: Any, run: Any) -> Any:
    """Return, as ReQL, the fields of a player's document after a run (`IncrementRun.to_wire`)."""

    # Values used more than once are bound: the server compiles each mention, at every write.
    def change(score: Any, season: Any, keys: Any) -> Any:
        known = keys.set_intersection(run["keys"]).is_empty().not_()
        untouched = run["largest"].eq(0) & has_score(board, old)
        fields = {
            "score": score + run["amount"],
            "reached_at": r.branch(untouched, old["reached_at"], run["now"]),
            "scored": True,
            "season": season,
        }
        small = run["largest"] <= board["max_amount"].default(MAX_SCORE)
        allowed = small & _is_allowed(board, score + run["least"], score + run["most"])
        return r.branch(
            known,
            r.branch(run["alone"], season_reset_fields(board, old), r.error(KNOWN_KEY)),
            _is_other_season(season, run["season"]),
            r.error(WRONG_SEASON),
            allowed.not_(),
            r.error(OUT_OF_RANGE),
            run["keys"].is_empty(),
            fields,
            r.expr(fields).merge(
                {"keys": keep_newest(keys + run["keys"], KEYS_REMEMBERED)},
                _key_times(board, old, run),
            ),
        )

    return r.do(
        _current_score(board, old), _running_season(board, old), old["keys"].default([]), change
    )


def set_score_fields(
    board: Any, old: Any, score: Any, now: Any, only_better: Any, season: Any
) -> Any:
    """Return, as ReQL, the fields of a player's document after its score was set."""
    scored, current = has_score(board, old), _current_score(board, old)
    better = r.branch(_is_ascending(board), score < current, score > current)
    same = scored & score.eq(current)
    return r.branch(
        _is_other_season(_running_season(board, old), season),
        r.error(WRONG_SEASON),
        _is_allowed(board, score, score).not_(),
        r.error(OUT_OF_RANGE),
        only_better & scored & better.not_(),
        season_reset_fields(board, old),
        {
            "score": score,
            "reached_at": r.branch(same, old["reached_at"], now),
            "scored": True,
            "season": _running_season(board, old),
        },
    )


def season_reset_fields(board: Any, old: Any) -> Any:
    """Return, as ReQL, the fields of a player's document when it is carried over into the board's
    season; none if it is in that season already."""
    fields = {"score": 0, "scored": False, "season": _running_season(board, old)}
    return r.branch(is_carried_over(board, old), {}, fields)


def _running_season(board: Any, old: Any) -> Any:
    # The board's document may have been read just before a reset.
    return r.expr([board["season"].default(1), old["season"].default(1)]).max()


def _key_times(board: Any, old: Any, run: Any) -> Any:
    """Return, as ReQL, a field that says of each key when the newest season of a window had begun,
    on a board with windows: a repeat counts in those windows only whose season was running then."""
    began_at = find_windows_began_at(board, run["now"])
    times = old["key_times"].default([]) + run["keys"].map(lambda _: began_at)
    field = {"key_times": keep_newest(times, KEYS_REMEMBERED)}
    return r.branch(board["windows"].default([]).is_empty(), {}, field)


def find_windows_began_at(board: Any, now: Any) -> Any:
    """Return, as ReQL, when the newest season of a window of the board began; `now` for a board on
    which none has begun since an earlier version."""
    return board["windows_began_at"].default(now)


def is_carried_over(board: Any, old: Any) -> Any:
    return old["season"].default(1) >= board["season"].default(1)


def _current_score(board: Any, old: Any) -> Any:
    return r.branch(is_carried_over(board, old), old["score"], 0)


def _is_other_season(running: Any, season: Any) -> Any:
    return season.ne(None) & season.ne(running)


def _is_ascending(board: Any) -> Any:
    return board["order"].default("desc").eq("asc")


def has_score(board: Any, player: Any) -> Any:
    # On a descending board the 0 that a player begins with is a score.
    return player["scored"].default(True) & is_carried_over(board, player) | ~_is_ascending(board)


def _is_allowed(board: Any, least: Any, most: Any) -> Any:
    return (least >= board["min"].default(-MAX_SCORE)) & (most <= board["max"].default(MAX_SCORE))


def apply_once(old: Any, field: str, key: str, remembered: int, change: Any) -> Any:
    """Return, as ReQL, the change with the key appended to the list in `field`, of which so many
    are remembered; no change if the list has the key already."""
    keys = old[field].default([])
    newest = keep_newest(keys.append(key), remembered)
    return r.branch(keys.contains(key), {}, r.expr(change).merge({field: newest}))


def keep_newest(keys: Any, remembered: int) -> Any:
    return keys.slice(r.expr([0, keys.count() - remembered]).max())
