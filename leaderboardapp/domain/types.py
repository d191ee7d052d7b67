"""Rows, and the values that pass between the layers."""

from typing import Any, NamedTuple

Row = dict[str, Any]
MAX_SCORE = 2**53 - 1  # the largest integer that JSON numbers (float64) carry exactly

# Of each board and moment, newest newcomers that are told by name: a proxy that has a hundred
# messages waiting for a slow viewer drops snapshots, too.
MAX_JOINED = 5
RANKINGS = ("ordinal", "competition", "dense")  # 1, 2, 3, 4 or 1, 2, 2, 4 or 1, 2, 2, 3
KEYS_REMEMBERED = 100  # newest idempotency keys that a player's row remembers
BOARD_DEFAULTS: Row = {
    "name": "",
    "size": 5,  # players in a snapshot
    "order": "desc",  # or "asc": the lower score is the better
    "ranking": "ordinal",  # one of RANKINGS
    "min": None,  # limits of a score, at most 0 and at least 0: every score begins there
    "max": None,
    "max_amount": None,  # of one increment, either way
    "private": False,
    "ask_email": False,  # whether nobody may join without one
    "schedule": None,  # when seasons end by themselves: "daily", "weekly", "monthly"
    "season": 1,  # the running one
    "ends_at": None,  # when it ends by schedule, as text: "2026-11-30T00:00:00Z"
}


class Import(NamedTuple):
    """How far an import has come: all lines up to `start` are counted, and those of the batch
    from there to `line` too, if it is `done`, or else for some players. `digest` is a hash of
    all that was to be counted up to `line`."""

    start: int = 0
    line: int = 0
    digest: str = ""
    done: bool = True


class Amount(NamedTuple):
    """What a batch adds to one player, who is created if missing."""

    player: str
    name: str
    amount: int


class Increment(NamedTuple):
    player: str
    amount: int
    key: str | None = None  # counted once
    season: int | None = None  # the one that it is meant for; None: whichever is running


class RankPosition(NamedTuple):
    """A place in a board's order: a player's, or without one that before all with this score."""

    score: int
    reached_at: int = -1
    player: str = ""


class Window(NamedTuple):
    """Ranked players who follow one another, best first, and who is before the first of them."""

    rows: list[Row]
    before: int = 0  # how many ranked players are before; not counted with dense ranking
    better: int = 0  # with competition ranking, how many players, and with dense, how many scores
    bound: int = 0  # how far off these may be, either way


class Lease(NamedTuple):
    """Which listener is active. Its beat counts up for as long as it lives."""

    holder: str = ""
    beat: int = 0
    position: int = 0  # all that changed up to here has been published


Changes = dict[str, list[Row]]
"""Boards that have changed, each with players (`id`, `name`, `score`) who have joined it: the
newest, as far as the store knows."""


def rank_position(player: Row) -> RankPosition:
    return RankPosition(player["score"], player["reached_at"], player["id"])


def score_limits(board: Row) -> tuple[int, int]:
    """The least and the greatest score that the board allows."""
    low, high = board["min"], board["max"]
    return -MAX_SCORE if low is None else low, MAX_SCORE if high is None else high
