"""Rows, and the values that pass between the layers."""

from collections.abc import Callable
from typing import Any, NamedTuple

Row = dict[str, Any]
ID_PATTERN = r"[A-Za-z0-9_-]{1,64}"  # of boards, players, channels and exchanges
Precondition = Callable[[], Row | None]
"""What must hold for a write, or it raises and nothing is written. It returns the row of which it
holds, or None if it would hold of any row."""
MAX_SCORE = 2**53 - 1  # the largest integer that JSON numbers (float64) carry exactly

# How many new players of a board are announced by name at once. A proxy that has a hundred messages
# waiting for a slow viewer drops snapshots, too.
MAX_JOINED = 5
RANKINGS = ("ordinal", "competition", "dense")  # 1, 2, 3, 4 or 1, 2, 2, 4 or 1, 2, 2, 3
WINDOWS = ("day", "week", "month")
PLAYER_WRITES = ("none", "best", "add", "set")
KEYS_REMEMBERED = 100  # newest idempotency keys that a player's row remembers
BOARD_DEFAULTS: Row = {
    "name": "",
    "size": 5,  # players in a snapshot
    "order": "desc",  # or "asc": the lower score is the better
    "ranking": "ordinal",  # one of RANKINGS
    "min": None,  # limits of a score, at most 0 and at least 0: every score begins at 0
    "max": None,
    "max_amount": None,  # limit of one increment, up or down
    "private": False,
    "ask_email": False,  # whether a player needs an email address to join
    "player_writes": "none",  # one of PLAYER_WRITES: what tokens of players may do to scores
    "show": [],  # keys of players' data whose values are in snapshots
    "format": {"type": "points"},  # what a score is, for those who show it: fields.format_field
    "schedule": None,  # when seasons end by themselves: schedule.schedule_field
    "keep_seasons": 12,  # how many past seasons are kept; None for all
    "windows": [],  # of WINDOWS, in their order: in which of them scores count as well
    "season": 1,  # the running one
    "ends_at": None,  # when it ends by schedule, as text: "2026-11-30T00:00:00Z"
    "since": None,  # of a window's board, when its running season began; None on all other boards
}


class Import(NamedTuple):
    """How far an import has come.

    All lines up to `start` are counted. The batch from there to `line` is counted, too, if it is
    `done`; else it may be counted for some players. `digest` is a hash of all rows up to `line`."""

    start: int = 0
    line: int = 0
    digest: str = ""
    done: bool = True


class Amount(NamedTuple):
    """What a batch of an import adds to one player, who is created under this name if missing.

    Each of its rows is an increment. There is one at least, and a batch has at most a thousand."""

    player: str
    name: str
    rows: tuple[int, ...]  # what each adds, in the order of the file
    data: Row = {}  # of a player who is created

    @property
    def total(self) -> int:
        """The sum of the rows."""
        return sum(self.rows)

    @property
    def moves(self) -> bool:
        """Whether a row changes the score, even if the rows add up to 0."""
        return any(self.rows)


class Increment(NamedTuple):
    """One addition to a player's score."""

    player: str
    amount: int
    key: str | None = None  # idempotency key
    season: int | None = None  # the season that it is meant for; None: whichever is running
    name: str | None = None  # under which a player who is missing joins; None: nobody joins
    ranked: bool = False  # whether the rank after it is asked for


LAST_MOMENT = 2**62  # in microseconds since 1970, after all in which a score is reached


class RankPosition(NamedTuple):
    """A position in a board's order: a player's, or without `player` the one before all players
    with this score. With LAST_MOMENT it is the one after all of them."""

    score: int
    reached_at: int = -1
    player: str = ""


def compute_percentile(rank: int | None, of: int | None) -> float | None:
    """Return the percentage of those whom ranks count who are not better: 100 for the first, and
    less for all others. It is rounded down to hundredths. None if either number is not known."""
    if rank is None or of is None:
        return None
    return 10_000 * (of - rank + 1) // of / 100


class Window(NamedTuple):
    """A board and ranked players of it who follow each other, best first, all of one moment, with
    counts for the first of the players. Of a past season, some may be erased (domain/archive.py).
    """

    board: Row
    rows: list[Row]
    player: Row | None = None  # around whom it is, even if that one is not ranked
    emails: dict[str, str] = {}  # by player, of those who have one, if they were asked for
    before: int = 0  # ranked players before the first; not counted with dense ranking
    better: int = 0  # with competition ranking, better players; with dense ranking, better scores
    bound: int = 0  # how far off any of these counts may be, up or down
    of: int | None = None  # how many the ranks count, if `around` was given; None: not known now


class PlayerSeason(NamedTuple):
    """What a past season says of one player who was ranked when it ended."""

    board: Row  # as it was then; its `season` is the number
    ended_at: str
    row: Row  # with `rank`
    bound: int  # how far off the rank, or `of`, may be, up or down
    of: int | None  # how many the ranks counted; None: not known


class Selection(NamedTuple):
    """Some of a board's players, all of one moment."""

    board: Row
    rows: list[Row]  # those who are ranked, best first, each with its `rank` on the board
    unranked: list[Row]  # the others, by id
    emails: dict[str, str]  # by player, as in Window
    bound: int  # how far off a rank, or `of`, may be, up or down
    of: int | None  # how many the ranks count; None: not known now


class Standing(NamedTuple):
    """Where a player stands on a board."""

    row: Row  # the player's, with `rank`, None if not ranked
    around: list[Row]  # the ranking window around the player, each with `rank`; empty if not ranked


class PlayerStandings(NamedTuple):
    """Where some of a board's players stand."""

    board: Row
    players: dict[str, Standing]  # by id, of those who are on the board
    bound: int  # how far off a rank, or `of`, may be, up or down
    of: int | None  # how many the ranks count; None: not known now


class ScoreRank(NamedTuple):
    """The rank that a new player with some score would have on the board."""

    board: Row
    rank: int
    bound: int  # how far off the rank, or `of`, may be, up or down
    of: int | None  # how many the ranks would count then; None: not known now

    @property
    def percentile(self) -> float | None:
        """As of a player's rank."""
        return compute_percentile(self.rank, self.of)


class Lease(NamedTuple):
    """Which listeners are active. The heartbeat counts up for as long as any of them lives."""

    holder: str = ""
    beat: int = 0
    position: int = 0  # the checkpoint: everything that changed up to it has been published
    parts: str | None = None  # JSON: which of them has which part (listener/division.py)


Changes = dict[str, list[Row]]
"""Boards that have changed, each with the newest players (`id`, `name`, `score`) who have joined,
as far as the store knows."""


def rank_position(player: Row) -> RankPosition:
    """Return the player's position in the board's order."""
    return RankPosition(player["score"], player["reached_at"], player["id"])


def first_position(board: Row) -> RankPosition:
    """Return the position before all players of the board."""
    return RankPosition(-MAX_SCORE - 1 if board["order"] == "asc" else MAX_SCORE + 1)


def last_position(board: Row) -> RankPosition:
    """Return the position after all players of the board."""
    return RankPosition(MAX_SCORE + 1 if board["order"] == "asc" else -MAX_SCORE - 1)


def score_limits(board: Row) -> tuple[int, int]:
    """Return the least and the greatest score that the board allows."""
    low, high = board["min"], board["max"]
    return -MAX_SCORE if low is None else low, MAX_SCORE if high is None else high
