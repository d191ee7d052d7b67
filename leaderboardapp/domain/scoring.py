"""What a write does to a score: the one rule, for every store.

Each function takes the board's row, the player's row as it is in the running season, the write,
and `now`, in microseconds. It returns the fields of the player's row that the write changes:
`score`, `reached_at`, `scored` and `not_carried_over`. It changes nothing itself.

- The first score of the season on an ascending board counts as reached now, even if it is 0.
  There a player without one is not ranked, so 0 is not a score that was there before.
- Any other score that stays the same keeps its `reached_at`: nothing was reached anew.
- Every score stays within the board's `min` and `max`, that of a new player, too.
- `max_amount` limits increments. Scores that are set are none.
- A window has no limits, but its scores stop at ±MAX_SCORE.
- Each row of an import is an increment: all of this holds at each row, and not only at their sum.

RethinkDB runs the same rule in the server, as ReQL (stores/rethinkdb/score_fields.py).
"""

from leaderboardapp.domain.exceptions import ScoreOutOfRange
from leaderboardapp.domain.schedule import check_season
from leaderboardapp.domain.types import MAX_SCORE, Amount, Row, score_limits


def add_amount(board: Row, player: Row, amount: int, now: int, season: int | None = None) -> Row:
    """Return the fields after an increment. Raises WrongSeason, ScoreOutOfRange."""
    check_season(board, season)
    check_amount(board, player["id"], amount)
    return _reach(board, player, player["score"] + amount, now)


def set_score(board: Row, player: Row, score: int, now: int, season: int | None = None) -> Row:
    """Return the fields after setting the score. Raises WrongSeason, ScoreOutOfRange."""
    check_season(board, season)
    return _reach(board, player, score, now)


def set_best_score(board: Row, player: Row, score: int, now: int, season: int | None = None) -> Row:
    """Return the fields after setting a better score; none if it is not better.

    Raises WrongSeason. Raises ScoreOutOfRange even if the score is not better."""
    fields = set_score(board, player, score, now, season)
    if has_score(board, player) and not is_better(board, score, player["score"]):
        return {}
    return fields


def import_amount(board: Row, player: Row | None, amount: Amount, now: int) -> Row:
    """Return the fields after each row of an import was added as an increment, all of them `now`.

    `player` is None if the import creates the player. Raises ScoreOutOfRange, which says which of
    the rows the board does not allow."""
    row = player or {"id": amount.player, **start_with(board, amount.player, None, now)}
    fields: Row = {}
    for index, added in enumerate(amount.rows):
        try:
            fields = add_amount(board, row, added, now)
        except ScoreOutOfRange as error:
            raise ScoreOutOfRange(amount.player, board, index) from error
        row = {**row, **fields}
    return fields


def describe_write(old: Row | None, new: Row, repeated: bool = False) -> Row:
    """Return the player's row after a write of the score, with what has happened to it.

    `old` is the row before, None if the write created the player, who is `created` then.
    `previous` is the score before, None if there was none of this season. `changed` is whether the
    score is another one, or the first of the season, and `repeated` whether its idempotency key had
    counted before."""
    had_score = old is not None and old["scored"]
    return {
        **new,
        "created": old is None,
        "previous": old["score"] if old and had_score else None,
        "changed": old is None or (old["score"], had_score) != (new["score"], new["scored"]),
        "repeated": repeated,
    }


def start_with(board: Row, player_id: str, score: int | None, now: int) -> Row:
    """Return the fields of a new player. Without a score the player begins with 0, and is not
    `scored`. Raises ScoreOutOfRange."""
    start, scored = score or 0, score is not None
    check_range(board, player_id, start)
    return {"score": start, "reached_at": now, "scored": scored, "not_carried_over": False}


def has_score(board: Row, player: Row) -> bool:
    """Return whether the player has a score of the running season. On a descending board the 0 that
    every player begins with is one."""
    return bool(player["scored"] or board["order"] == "desc")


def is_better(board: Row, score: int, other: int) -> bool:
    """Return whether a score ranks before the other one."""
    return score < other if board["order"] == "asc" else score > other


def check_amount(board: Row, player_id: str, amount: int) -> None:
    """Raise ScoreOutOfRange unless the board allows an increment of this amount for the player
    with this id."""
    if abs(amount) > (MAX_SCORE if board["max_amount"] is None else board["max_amount"]):
        raise ScoreOutOfRange(player_id, board)


def check_range(board: Row, player_id: str, score: int) -> None:
    """Raise ScoreOutOfRange unless the board allows this score for the player with this id."""
    low, high = score_limits(board)
    if not low <= score <= high:
        raise ScoreOutOfRange(player_id, board)


def _reach(board: Row, player: Row, score: int, now: int) -> Row:
    score = _fit_score(board, player["id"], score)
    is_same = has_score(board, player) and score == player["score"]
    reached_at = player["reached_at"] if is_same else now
    return {"score": score, "reached_at": reached_at, "scored": True, "not_carried_over": False}


def _fit_score(board: Row, player_id: str, score: int) -> int:
    """Return the score that the board takes for this one. Raises ScoreOutOfRange.

    What a board takes counts in its windows: their scores only stop at MAX_SCORE."""
    if board["since"] is not None:
        return max(-MAX_SCORE, min(score, MAX_SCORE))
    check_range(board, player_id, score)
    return score
