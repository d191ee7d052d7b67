"""The interface of a store. Every store passes the same contract tests (tests/stores).

| row | fields |
|---|---|
| board | `id`, and those of BOARD_DEFAULTS |
| player | `id`, `name`, `score`, `reached_at`, `hidden`, `scored`, `not_carried_over`; `data` |

Rows are plain dictionaries. One has `data` only if the player has any (domain/player_data.py), and
perhaps not after a write of the score, nor in tops whose board shows none. A player's id is unique
on its board. `reached_at` is in microseconds since 1970. A player is `scored` once the first score
of the season is written, and `not_carried_over` until a reset has come to its row; its score is 0
then. domain/joining.py says who may join, domain/scoring.py what a write does to a score, and
domain/ranking.py which players are ranked: by the board's order, and of equal scores the one that
was reached first.

A precondition is called before its write, in the write's transaction if the store has any. Without
transactions, the write is done only if the row is still the one that the precondition returned; if
not, the precondition is called again. What it raises passes unchanged. One exception: without
transactions, the deletion of a player is several writes, and is checked before the first.

Any method may raise StoreUnavailable. A missing board or player is Django's ObjectDoesNotExist. No
driver's exception passes this boundary.
"""

import time
from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence

from leaderboardapp.concurrency.coalescing import Coalescer
from leaderboardapp.domain.joining import check_score
from leaderboardapp.domain.parts import ALL_PARTS, Parts
from leaderboardapp.domain.searching import BoardPage, BoardPosition, SearchPage, SearchPosition
from leaderboardapp.domain.types import (
    Amount,
    Import,
    Increment,
    Lease,
    PlayerSeason,
    PlayerStandings,
    Precondition,
    RankPosition,
    Row,
    ScoreRank,
    Selection,
    Window,
)
from leaderboardapp.stores.copies import Copies
from leaderboardapp.stores.examination import Examination
from leaderboardapp.stores.streams import Feed, MessageStore


class Store(MessageStore):
    """Where boards live."""

    copies: Copies
    """What it gives to a file with the whole service, and takes from one."""

    def __init__(self) -> None:
        # Apart, so that nobody waits for ranks who has not asked for any.
        self._coalesce_add = Coalescer(self.add_scores, self.check, "increments")
        self._coalesce_ranked_add = Coalescer(self.add_scores, self.check, "ranked increments")

    # The store itself

    @abstractmethod
    def check(self) -> None:
        """Raise StoreUnavailable, without a query, while the store is known to be unreachable."""

    @abstractmethod
    def ensure(self) -> None:
        """Create whatever is missing: database, tables, indexes. Safe to repeat."""

    @abstractmethod
    def ping(self) -> None:
        """Return if the store answers."""

    @abstractmethod
    def examine(self) -> Examination:
        """Return what the tables lack, or are not ready for, what keeps others from the store, and
        its clock."""

    @abstractmethod
    def close(self) -> None:
        """Close this thread's connection. The next call opens another one."""

    # Boards

    @abstractmethod
    def create_board(self, board: Row) -> None:
        """Create a board. Fields that the row lacks have their defaults. Raises AlreadyExists,
        InvalidInput."""

    @abstractmethod
    def list_boards(self, after: str, limit: int, private: bool = False) -> list[Row]:
        """Return boards by id, from the one after the id `after` on; private ones only if asked
        for."""

    @abstractmethod
    def find_boards(
        self,
        order: str,
        prefix: str,
        limit: int,
        after: BoardPosition | None,
        private: bool = False,
    ) -> BoardPage:
        """Return up to `limit` boards in one of ORDERS, or those whom the folded prefix finds, by
        the text that was found; from the one after `after` on. `private` is as in list_boards."""

    @abstractmethod
    def get_board(self, board: str) -> Row:
        """Return the board's row. Raises ObjectDoesNotExist."""

    @abstractmethod
    def update_board(
        self, board: str, fields: Row, precondition: Precondition | None = None
    ) -> Row:
        """Change these fields; return the row afterwards. Raises ObjectDoesNotExist,
        InvalidInput."""

    @abstractmethod
    def delete_board(self, board: str, precondition: Precondition | None = None) -> None:
        """Delete the board and everything on it. Raises ObjectDoesNotExist."""

    # Players

    @abstractmethod
    def create_player(self, board: str, player: Row) -> Row:
        """Create a player of `id`, `name`, and perhaps `score`, `email` and `data`; return the row.
        Raises
        AlreadyExists, EmailTaken, InvalidInput, PlayerRefused if the board does not allow it, or
        ObjectDoesNotExist if there is no such board."""

    @abstractmethod
    def get_player(self, board: str, player: str) -> Row:
        """Return the player's row. Raises ObjectDoesNotExist."""

    @abstractmethod
    def update_player(
        self, board: str, player: str, fields: Row, precondition: Precondition | None = None
    ) -> Row:
        """Change `name`, `hidden` and `data`, which is replaced whole, or some of them; return the
        row afterwards. Raises ObjectDoesNotExist, InvalidInput."""

    @abstractmethod
    def list_boards_of(self, player: str, after: str, limit: int) -> list[str]:
        """Return ids of boards on which there is, or a moment ago was, a player with this id; from
        the one after the id `after` on."""

    @abstractmethod
    def delete_player(
        self, board: str, player: str, precondition: Precondition | None = None
    ) -> None:
        """Delete the player, and erase it in all past seasons (domain/archive.py). Raises
        ObjectDoesNotExist."""

    @abstractmethod
    def list_hidden(self, board: str, after: str, limit: int, with_emails: bool = False) -> Window:
        """Return hidden players by id, from the one after the id `after` on, in a Window without
        counts. Raises BoardNotFound."""

    # Scores

    @abstractmethod
    def add_scores(self, board: str, increments: list[Increment]) -> list[Row | Exception]:
        """Add the increments, in this order, each atomically, durably, and once per idempotency
        key. Return for each the player's row afterwards, or the ObjectDoesNotExist, PlayerRefused,
        WrongSeason, InvalidInput or OutcomeUnknown that it met.

        An increment with a `name` creates its player if missing, in the same write. The rows say
        what has happened as scoring.describe_write does. To an increment that is `ranked` they also
        have `rank`, None for a hidden player, and `of` and `bound` as a Selection has them."""

    def add_score(
        self,
        board: str,
        player: str,
        amount: int,
        key: str | None = None,
        season: int | None = None,
        name: str | None = None,
        ranked: bool = False,
    ) -> Row:
        """Add an increment; return the player's row afterwards, as add_scores does. Concurrent
        calls of a process for one board are coalesced. Raises ObjectDoesNotExist, PlayerRefused,
        WrongSeason, InvalidInput."""
        increment = Increment(player, check_score(amount), key, season, name, ranked)
        add = self._coalesce_ranked_add if ranked else self._coalesce_add
        result = add(board, increment)
        if isinstance(result, Exception):
            raise result
        return result

    @abstractmethod
    def set_score(
        self,
        board: str,
        player: str,
        score: int,
        only_better: bool,
        season: int | None = None,
        name: str | None = None,
        ranked: bool = False,
    ) -> Row:
        """Set the score, or with `only_better` leave one that is as good; return the row
        afterwards. `name` and `ranked` are as in add_scores, and so is what the row says. Raises
        ObjectDoesNotExist, PlayerRefused, WrongSeason, InvalidInput."""

    @abstractmethod
    def get_import(self, board: str, name: str) -> Import:
        """Return how far this import has come; `Import()` if it was never begun."""

    @abstractmethod
    def import_batch(self, board: str, name: str, upto: Import, amounts: list[Amount]) -> None:
        """Add a batch, the lines from `upto.start` to `upto.line`, and record `upto` as done.

        A batch that was interrupted counts once if it is repeated. It has each player once, whose
        rows are increments. Of equal scores, the one earlier in `amounts` was reached first. Raises
        ObjectDoesNotExist if there is no such board, PlayerRefused if the board does not allow a
        row or a new player, InvalidInput, ImportMoved."""

    # Seasons

    @abstractmethod
    def start_next_season(
        self, board: str, season: int, now: str, only_if_due: bool = False
    ) -> Row:
        """End this season, record it, and begin the next one, in which all players have a score of
        0. Return the updated board.

        Only `keep_seasons` past seasons are kept, and the older ones are gone at once. On a large
        board some players are carried over later, by `run_maintenance`. Raises ObjectDoesNotExist,
        or WrongSeason if another season is running, or with `only_if_due` if this one was not to
        end by `now`."""

    @abstractmethod
    def list_seasons(
        self, board: str, before: int | None, limit: int
    ) -> tuple[Row, list[tuple[int, str]]]:
        """Return the board, and its past seasons before that one, the newest first: number, and
        when it ended. Raises BoardNotFound."""

    @abstractmethod
    def get_season(self, board: str, season: int) -> tuple[str, Row, list[Row]]:
        """Return when a past season ended, with the board and its top as they were then, but for
        players who are erased since. Raises BoardNotFound, SeasonNotFound."""

    @abstractmethod
    def list_player_seasons(
        self, board: str, player: str, before: int | None, limit: int
    ) -> tuple[Row, list[PlayerSeason]]:
        """Return the board, and what its past seasons before that one say of the player, the newest
        first. Seasons in which the player was not ranked are left out. Raises BoardNotFound,
        PlayerNotFound."""

    @abstractmethod
    def list_boards_to_end(self, now: str) -> list[Row]:
        """Return the boards whose season was to end by `now`."""

    @abstractmethod
    def find_work(self, boards: Sequence[str]) -> list[str]:
        """Return those of these boards that may have pending maintenance, which costs little."""

    @abstractmethod
    def run_maintenance(self, board: str) -> bool:
        """Do one piece of a board's pending maintenance; return whether more may be left.

        Readers see correct data all the time."""

    # Rankings

    @abstractmethod
    def get_ranking_window(
        self,
        board: str,
        limit: int,
        after: RankPosition | None = None,
        around: str | None = None,
        with_emails: bool = False,
        from_rank: int = 1,
        season: int | None = None,
    ) -> Window:
        """Return ranked players from the one after `after` on, or from the first one whose rank is
        at least `from_rank`.

        With `around`, the player of this id is in the middle, or as near to it as the best and the
        worst allow. If that player is not ranked, there are no rows. `with_emails` adds the email
        addresses, which no row has, so that none is shown by mistake.

        `season` is the number of a past season, None for the running one. Board and players are as
        they were when it ended; no address is kept of it. Erased players come beside the `limit`
        rows. Of a season of which only the top is kept, `of` is None.

        Raises BoardNotFound, SeasonNotFound. A missing player is a Window without `player`."""

    @abstractmethod
    def get_selection(
        self, board: str, players: Collection[str], with_emails: bool = False
    ) -> Selection:
        """Return those of the players with these ids who are on the board. Raises BoardNotFound."""

    @abstractmethod
    def search_players(
        self,
        board: str,
        prefix: str,
        limit: int,
        after: SearchPosition,
        hidden: bool = False,
        with_emails: bool = False,
    ) -> SearchPage:
        """Return up to `limit` players whom the folded text finds (domain/searching.py), from the
        one after `after` on: the hidden ones, or the others. In windows nobody is found. Raises
        BoardNotFound."""

    @abstractmethod
    def get_standings(self, board: str, players: Collection[str], limit: int) -> PlayerStandings:
        """Return where those of the players with these ids stand who are on the board, each with a
        ranking window of `limit` players as get_ranking_window has it. Rows may lack data. In SQL
        all is of one moment. Raises BoardNotFound."""

    @abstractmethod
    def get_score_rank(self, board: str, score: int) -> ScoreRank:
        """Return the rank that a new player would have who reached this score now. Raises
        BoardNotFound."""

    @abstractmethod
    def get_top_players(self, boards: Iterable[str]) -> dict[str, tuple[Row, list[Row]]]:
        """Return each board that exists, with its top `size` players."""

    def read_change_numbers(self, boards: Iterable[str]) -> dict[str, int]:
        """Return a number for each of these boards, another one after each change of what its top
        shows. Boards that the store has no number for are left out."""
        return {}

    @abstractmethod
    def get_leaders(self, boards: Iterable[str]) -> dict[str, Row]:
        """Return the best player of each board that has one who has scored: `id`, `name` and
        `score`. Costs much less than to read the boards."""

    # Changes, and the listener

    @abstractmethod
    def open_feed(self, parts: Parts = ALL_PARTS) -> Feed:
        """Return a feed of all changes from now on of boards in these parts, and perhaps of
        others."""

    @abstractmethod
    def position(self) -> int:
        """Return the current position in the order of changes. All changes acknowledged before
        this call are before it."""

    @abstractmethod
    def changed_since(self, position: int) -> Iterable[str]:
        """Return the ids of all boards changed (deleted ones, too) after the position, and perhaps
        of others, in any order, with repeats. Position 0 is before all changes."""

    @abstractmethod
    def read_lease(self) -> Lease:
        """Return the lease; `Lease()` if nobody has ever held it."""

    @abstractmethod
    def replace_lease(self, old: Lease, new: Lease) -> bool:
        """Replace `old` by `new`; return False, with nothing done, if the stored lease is another
        one in any field. Feeds notice it."""

    # Tickets

    @abstractmethod
    def use_ticket(self, ticket: str) -> bool:
        """Record the ticket of this id as used; return False if it was used before. Of several who
        use it at the same moment, one gets True."""

    @abstractmethod
    def expire_tickets(self, older: float) -> None:
        """Forget tickets that were used more than so many seconds ago."""


def now_us() -> int:
    """Return the microseconds since 1970, by the writer's clock. RethinkDB's own clock counts in
    milliseconds, too coarse to say which of two scores was reached first."""
    return time.time_ns() // 1000
