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
from typing import NamedTuple

from leaderboardapp.concurrency.coalescing import Coalescer
from leaderboardapp.domain.topics import Filter
from leaderboardapp.domain.types import (
    Amount,
    Changes,
    Import,
    Increment,
    Lease,
    RankPosition,
    Row,
    Window,
)

KEPT_SECONDS = 600  # what is older is deleted, by those who publish
EXPIRED_AT_ONCE = 200


class Feed(ABC):
    """The store's stream of changes, conflated to the boards that they touched."""

    last_activity: float
    """When (time.monotonic()) anything last came through it: a change, or a lease's beat."""

    @abstractmethod
    def poll(self, timeout: float) -> Changes:
        """Boards changed (deleted included) since the last call, or since the feed was opened.
        Returns at once if there are any, else waits up to `timeout` seconds."""

    @abstractmethod
    def close(self) -> None: ...


class Subscription(NamedTuple):
    """What subscribers want: messages of an exchange that pass the filter."""

    exchange: str
    filter: Filter


class EncodedMessage(NamedTuple):
    topic: str  # JSON, as topics.canonical gives it
    payload: str  # JSON


class MessageStream(ABC):
    """The stream of messages of one process, through one connection. It is used by one thread.
    Its methods raise StoreUnavailable, after which it is of no use but to be closed."""

    @abstractmethod
    def subscribe(self, subscription: Subscription) -> None:
        """Once it returns, all that is published from then on is read. Raises ValueError if the
        store does not know the filter."""

    @abstractmethod
    def unsubscribe(self, subscription: Subscription) -> None: ...

    @abstractmethod
    def poll(self, timeout: float) -> Iterable[tuple[Subscription, EncodedMessage | None]]:
        """What has been published since the last call, once for each group that is watched,
        those of a topic in their order; None: some of the group's messages were lost. Returns at
        once if there are any, else waits up to `timeout` seconds."""

    @abstractmethod
    def check(self) -> None:
        """Raises StoreUnavailable if the other end is not there any more: a dead link looks like
        one on which nobody publishes."""

    @abstractmethod
    def close(self) -> None: ...


class Store(ABC):
    def __init__(self) -> None:
        self._add_together = Coalescer(self.add_scores, self.check)

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

    def add_score(
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
    def set_score(
        self, board: str, player: str, score: int, only_better: bool, season: int | None = None
    ) -> Row:
        """Set it, or with `only_better` leave a score that is as good. The row afterwards.
        Raises ObjectDoesNotExist, ScoreOutOfRange, WrongSeason."""

    @abstractmethod
    def start_next_season(
        self, board: str, season: int, now: str, only_if_due: bool = False
    ) -> Row:
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
    def list_boards_to_end(self, now: str) -> list[Row]:
        """Boards whose season was to end by `now`."""

    @abstractmethod
    def run_maintenance(self, board: str) -> bool:
        """Do a piece of the work that a board's changes have left behind, if there is any; True
        if there is more. Whoever calls it, however often, nothing that is read goes wrong."""

    @abstractmethod
    def list_hidden(self, board: str, after: str, limit: int) -> list[Row]:
        """Hidden players by id, from the one after the id `after` on."""

    @abstractmethod
    def get_ranking_window(
        self, board: Row, limit: int, after: RankPosition | None = None, around: Row | None = None
    ) -> Window:
        """Ranked players from the one after `after` on, or from the best; or, with `around`, that
        ranked player in the middle of them, or as near to it as the best and the worst allow."""

    @abstractmethod
    def get_top_players(self, boards: Iterable[str]) -> dict[str, tuple[Row, list[Row]]]:
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
    def publish(self, exchange: str, message: EncodedMessage) -> None:
        """It need not last: the message is for those who subscribe now."""

    @abstractmethod
    def expire_messages(self, older: float) -> None:
        """Delete up to EXPIRED_AT_ONCE of those that are older, in seconds of the store's clock. In
        SQL the newest stays."""

    @abstractmethod
    def open_message_stream(self) -> MessageStream: ...

    @abstractmethod
    def close(self) -> None:
        """Close this thread's connection. The next call opens another."""


def now_us() -> int:
    """Microseconds since 1970. The writer's clock, because RethinkDB's own counts in
    milliseconds, too coarse to say which of two scores was reached first."""
    return time.time_ns() // 1000
