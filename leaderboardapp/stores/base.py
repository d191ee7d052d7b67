"""What a store is. Every store passes the same contract tests (tests/stores).

Rows are plain dictionaries: board `{"id", "name", "size"}`, player `{"id", "name", "score"}`.
A player's id is unique on its board. Better is a higher score; of equal scores, the one reached
first. What does not exist is Django's ObjectDoesNotExist.

Any method may raise StoreUnavailable. No driver's exception passes this boundary.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, NamedTuple

Row = dict[str, Any]

MAX_SCORE = 2**53 - 1  # the largest integer that JSON numbers (float64) carry exactly
KEYS_REMEMBERED = 100  # newest idempotency keys that a player's row remembers


class AlreadyExists(Exception):
    """The id is taken."""


class ScoreOutOfRange(Exception):
    """The player's new score would leave -MAX_SCORE … MAX_SCORE. Nothing was changed, but for a
    score that another program set in the middle of an import, on a store without transactions."""


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


class Lease(NamedTuple):
    """Which listener is active. Its beat counts up for as long as it lives."""

    holder: str = ""
    beat: int = 0
    position: int = 0  # all that changed up to here has been published


class Feed(ABC):
    """The store's stream of changes, conflated to the boards that they touched."""

    heard: float
    """When (time.monotonic()) anything last came through it: a change, or a lease's beat."""

    @abstractmethod
    def changed(self, timeout: float) -> set[str]:
        """Ids of the boards changed (deleted included) since the last call, or since the feed
        was opened. Returns at once if there are any, else waits up to `timeout` seconds."""

    @abstractmethod
    def close(self) -> None: ...


class Store(ABC):
    @abstractmethod
    def ensure(self) -> None:
        """Create whatever is missing: database, tables, indexes. Safe to repeat."""

    @abstractmethod
    def ping(self) -> None:
        """Return if the store answers."""

    @abstractmethod
    def create_board(self, board: Row) -> None:
        """Raises AlreadyExists."""

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
    def create_player(self, board: str, player: Row) -> None:
        """Raises AlreadyExists, or ObjectDoesNotExist if there is no such board."""

    @abstractmethod
    def get_player(self, board: str, player: str) -> Row:
        """Raises ObjectDoesNotExist."""

    @abstractmethod
    def update_player(self, board: str, player: str, fields: Row) -> Row:
        """`fields` of name and score. The updated row. Raises ObjectDoesNotExist."""

    @abstractmethod
    def delete_player(self, board: str, player: str) -> None:
        """Raises ObjectDoesNotExist."""

    @abstractmethod
    def score_add(self, board: str, player: str, amount: int, key: str | None = None) -> Row:
        """Add atomically and durably, once per `key`; the player's row afterwards.
        Raises ObjectDoesNotExist, ScoreOutOfRange."""

    @abstractmethod
    def rank(self, board: str, player: str) -> int:
        """Counted from 1. Raises ObjectDoesNotExist."""

    @abstractmethod
    def top(self, board: str, limit: int) -> list[Row]:
        """The best players, best first; empty if there is no such board."""

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
    def changed_since(self, position: int) -> set[str]:
        """Ids of all boards changed (deleted included) after the mark, and perhaps others."""

    @abstractmethod
    def read_lease(self) -> Lease: ...

    @abstractmethod
    def replace_lease(self, old: Lease, new: Lease) -> bool:
        """Put `new` in place of `old`; False, and nothing done, if another holder or beat is
        there by now. Feeds hear it."""

    @abstractmethod
    def close(self) -> None:
        """Close this thread's connection. The next call opens another."""


def now_us() -> int:
    """Microseconds since 1970. The writer's clock, because RethinkDB's own counts in
    milliseconds, too coarse to say which of two scores was reached first."""
    return time.time_ns() // 1000
