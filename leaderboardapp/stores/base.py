"""What a store is. Every store passes the same contract tests (tests/stores).

Rows are plain dictionaries: a board's `{"id", **BOARD_DEFAULTS}`, a player's `{"id", "name",
"score", "reached_at", "hidden", "scored", "late"}`. A player is not `scored` until the first score
of the season is written, and `late` while still to be brought into the season. A player's id is
unique on its board. Ranked are players who are neither hidden nor late, and on an ascending board,
where 0 would be the best of all, only those that are scored: by the board's order, and of equal
scores the one reached first. What does not exist is Django's
ObjectDoesNotExist.

Any method may raise StoreUnavailable. No driver's exception passes this boundary.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, NamedTuple

from leaderboardapp.concurrency.coalescing import Gather
from leaderboardapp.stores.messages import Messages, Sent

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


class AlreadyExists(Exception):
    """The id is taken."""


class EmailTaken(Exception):
    """Another player of the board has it."""


class ScoreOutOfRange(Exception):
    """The board's limits do not allow it, and nothing was changed, but for a score that another
    program set in the middle of an import, on a store without transactions."""

    def __init__(self, player: str, board: Row) -> None:
        low, high = limits(board)
        message = f"the score of {player} must stay from {low} to {high}"
        if board["max_amount"] is not None:
            message += f", and one increment within {board['max_amount']} either way"
        super().__init__(message)


class WrongSeason(Exception):
    """The board is in another season, and nothing was changed."""

    def __init__(self, season: int) -> None:
        """`season`: the running one."""
        super().__init__(f"the board is in season {season}")


class ImportMoved(Exception):
    """The import is not where the batch continues: another run of it is at work."""


class StoreUnavailable(Exception):
    """The store cannot be reached or cannot do this now."""


class OutcomeUnknown(StoreUnavailable):
    """The store was asked, and broke off or gave no answer in time: it may have been done."""


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


class Key(NamedTuple):
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


class Feed(ABC):
    """The store's stream of changes, conflated to the boards that they touched."""

    heard: float
    """When (time.monotonic()) anything last came through it: a change, or a lease's beat."""

    @abstractmethod
    def changed(self, timeout: float) -> Changes:
        """Boards changed (deleted included) since the last call, or since the feed was opened.
        Returns at once if there are any, else waits up to `timeout` seconds."""

    @abstractmethod
    def close(self) -> None: ...


class Store(ABC):
    def __init__(self) -> None:
        self._add_together = Gather(self.add_scores, self.check)

    @abstractmethod
    def check(self) -> None:
        """Raises StoreUnavailable, at once, while the store is known to be away."""

    @abstractmethod
    def ensure(self) -> None:
        """Create whatever is missing: database, tables, indexes. Safe to repeat."""

    @abstractmethod
    def ping(self) -> None:
        """Return if the store answers."""

    @abstractmethod
    def create_board(self, board: Row) -> None:
        """What the row lacks has its default. Raises AlreadyExists."""

    @abstractmethod
    def list_boards(self, after: str, limit: int, private: bool = False) -> list[Row]:
        """Boards by id, from the one after `after` on; private ones only if asked for."""

    @abstractmethod
    def get_board(self, board: str) -> Row:
        """Raises ObjectDoesNotExist."""

    @abstractmethod
    def update_board(self, board: str, fields: Row) -> Row:
        """The updated row. Raises ObjectDoesNotExist."""

    @abstractmethod
    def delete_board(self, board: str) -> None:
        """Its players with it. Raises ObjectDoesNotExist."""

    @abstractmethod
    def create_player(self, board: str, player: Row) -> Row:
        """A row of id, name, and perhaps a score and an email address. Raises AlreadyExists,
        EmailTaken, or ObjectDoesNotExist if there is no such board."""

    @abstractmethod
    def get_player(self, board: str, player: str) -> Row:
        """Raises ObjectDoesNotExist."""

    @abstractmethod
    def get_emails(self, board: str, players: list[str]) -> dict[str, str]:
        """Of those players who have one, by id. No row has it, so that none is shown by mistake."""

    @abstractmethod
    def update_player(self, board: str, player: str, fields: Row) -> Row:
        """`fields` of name and hidden. The updated row. Raises ObjectDoesNotExist."""

    @abstractmethod
    def delete_player(self, board: str, player: str) -> None:
        """From past seasons, too. Raises ObjectDoesNotExist."""

    @abstractmethod
    def add_scores(self, board: str, increments: list[Increment]) -> list[Row | Exception]:
        """Add each, in this order, atomically and durably, and once per key; the player's row
        afterwards, or ObjectDoesNotExist, ScoreOutOfRange, WrongSeason or OutcomeUnknown in its
        place."""

    def score_add(
        self,
        board: str,
        player: str,
        amount: int,
        key: str | None = None,
        season: int | None = None,
    ) -> Row:
        """The player's row afterwards. What the threads of a process add to a board at the same
        moment is added as one. Raises ObjectDoesNotExist, ScoreOutOfRange, WrongSeason."""
        result = self._add_together(board, Increment(player, amount, key, season))
        if isinstance(result, Exception):
            raise result
        return result

    @abstractmethod
    def put_score(
        self, board: str, player: str, score: int, only_better: bool, season: int | None = None
    ) -> Row:
        """Set it, or with `only_better` leave a score that is as good. The row afterwards.
        Raises ObjectDoesNotExist, ScoreOutOfRange, WrongSeason."""

    @abstractmethod
    def reset(self, board: str, season: int, now: str, only_if_due: bool = False) -> Row:
        """End this season, keep its final top, and begin the next one, which has all players with
        a score of 0. The updated board. Of a large board some players are late until `tidy` has
        come to them. Raises ObjectDoesNotExist, or WrongSeason if another one is running, or it
        was not to end yet."""

    @abstractmethod
    def list_seasons(self, board: str, before: int, limit: int) -> list[tuple[int, str]]:
        """Past seasons before that one, the newest first: its number, when it ended."""

    @abstractmethod
    def get_season(self, board: str, season: int) -> tuple[str, Row, list[Row]]:
        """Of a past season: when it ended, the board and its top as they were then. Raises
        ObjectDoesNotExist."""

    @abstractmethod
    def due_boards(self, now: str) -> list[Row]:
        """Boards whose season was to end by `now`."""

    @abstractmethod
    def tidy(self, board: str) -> bool:
        """Do a piece of the work that a board's changes have left behind, if there is any; True
        if there is more. Whoever calls it, however often, nothing that is read goes wrong."""

    @abstractmethod
    def list_hidden(self, board: str, after: str, limit: int) -> list[Row]:
        """Hidden players by id, from the one after the id `after` on."""

    @abstractmethod
    def window(
        self, board: Row, limit: int, after: Key | None = None, around: Row | None = None
    ) -> Window:
        """Ranked players from the one after `after` on, or from the best; or, with `around`, that
        ranked player in the middle of them, or as near to it as the best and the worst allow."""

    @abstractmethod
    def tops(self, boards: Iterable[str]) -> dict[str, tuple[Row, list[Row]]]:
        """Each board that exists, with its top `size` players."""

    @abstractmethod
    def get_import(self, board: str, name: str) -> Import:
        """How far this import has come; a fresh one if it was never begun."""

    @abstractmethod
    def import_batch(self, board: str, name: str, upto: Import, amounts: list[Amount]) -> None:
        """Add a batch, the lines from `upto.start` to `upto.line`, and remember `upto` as done;
        a batch that was cut short counts once all the same. Of equal scores, the one earlier in
        `amounts` was reached first. Raises ObjectDoesNotExist if there is no such board,
        ScoreOutOfRange, ImportMoved."""

    @abstractmethod
    def open_feed(self) -> Feed:
        """Live when it is returned: it tells every change from now on."""

    @abstractmethod
    def position(self) -> int:
        """A mark in the order of changes; those acknowledged before this call are before it."""

    @abstractmethod
    def changed_since(self, position: int) -> Iterable[str]:
        """Ids of all boards changed (deleted included) after the mark, and perhaps others, each
        perhaps often. 0 is before all changes."""

    @abstractmethod
    def read_lease(self) -> Lease: ...

    @abstractmethod
    def replace_lease(self, old: Lease, new: Lease) -> bool:
        """Put `new` in place of `old`; False, and nothing done, if another holder or beat is
        there by now. Feeds hear it."""

    @abstractmethod
    def publish(self, exchange: str, message: Sent) -> None:
        """It need not last: the message is for those who subscribe now."""

    @abstractmethod
    def expire_messages(self, older: float) -> None:
        """Delete up to EXPIRED_AT_ONCE of those that are older, in seconds of the store's clock. In
        SQL the newest stays."""

    @abstractmethod
    def open_messages(self) -> Messages: ...

    @abstractmethod
    def close(self) -> None:
        """Close this thread's connection. The next call opens another."""


def key_of(player: Row) -> Key:
    return Key(player["score"], player["reached_at"], player["id"])


def check_season(board: Row, season: int | None) -> None:
    """Raises WrongSeason if another than the running one is meant."""
    if season not in (None, board["season"]):
        raise WrongSeason(board["season"])


def check_due(board: Row, now: str) -> None:
    """Raises WrongSeason unless the season was to end by now."""
    if board["ends_at"] is None or board["ends_at"] > now:
        raise WrongSeason(board["season"])


def limits(board: Row) -> tuple[int, int]:
    """The least and the greatest score that the board allows."""
    low, high = board["min"], board["max"]
    return -MAX_SCORE if low is None else low, MAX_SCORE if high is None else high


def now_us() -> int:
    """Microseconds since 1970. The writer's clock, because RethinkDB's own counts in
    milliseconds, too coarse to say which of two scores was reached first."""
    return time.time_ns() // 1000
