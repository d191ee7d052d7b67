"""What a store gives to a copy of the whole service (leaderboardapp/copies.py), and takes from one.

A record is a dictionary that every store reads and writes alike. The key of a record, among those
of its kind, is in bold.

| kind | fields |
|---|---|
| board | **id**, created_at, and those of BOARD_DEFAULTS; windows are boards, too |
| season | **board**, **number**, ended_at, settings, top, whole: whether all players are known |
| past | **board**, **season**, **id**, name, **score**, **reached_at**, scored, data |
| player | **board**, **id**, name, score, reached_at, hidden, scored, keys, email, data |
| import | **board**, **name**, line, digest, done: whether no batch of it was interrupted |

A season's `top` and its players are not listed: Store.get_season and get_ranking_window read them.
`data` and `email` are None if there are none. A player who is not carried over is given as if it
were. Times are in microseconds since 1970.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from leaderboardapp.domain.types import Row


class Progress(NamedTuple):
    """How far the service has been made from a copy: the copy's id, and its last line that is in
    the store."""

    copy: str = ""
    line: int = 0


class Copies(ABC):
    """The records of a store. Its methods raise StoreUnavailable."""

    @abstractmethod
    def list_records(self, kind: str, after: Row | None, limit: int) -> list[Row]:
        """Return records by their keys, in the store's own order, from the one after `after` on."""

    @abstractmethod
    def get_progress(self) -> Progress:
        """Return the progress; `Progress()` if there was never a copy."""

    @abstractmethod
    def insert(self, kind: str, records: Sequence[Row], old: Progress, new: Progress) -> None:
        """Insert records, and replace the progress `old` by `new`. Whoever is interrupted repeats
        the call. A season precedes its players, best first, and a board all that is on it.

        Raises ImportMoved if the progress is not `old`, AlreadyExists."""
