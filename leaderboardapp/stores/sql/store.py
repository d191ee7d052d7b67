"""What the stores in SQL databases share, through Django's ORM.

How a database locks, and how its feed learns of changes, is in sqlite/ and postgresql/.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from django.core.management import call_command
from django.db import IntegrityError, connection

from leaderboardapp.domain.archive import past_board
from leaderboardapp.domain.board_ids import list_family, owner_of
from leaderboardapp.domain.exceptions import (
    AlreadyExists,
    BoardNotFound,
    ImportMoved,
    PlayerNotFound,
    StoreUnavailable,
)
from leaderboardapp.domain.joining import (
    check_board,
    check_new_player,
    check_player_change,
    check_score,
)
from leaderboardapp.domain.player_data import encode_data
from leaderboardapp.domain.schedule import check_due, check_season
from leaderboardapp.domain.searching import (
    BoardPage,
    BoardPosition,
    SearchPage,
    SearchPosition,
    split_page,
)
from leaderboardapp.domain.types import (
    BOARD_DEFAULTS,
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
from leaderboardapp.domain.windows import FOLLOWED_FIELDS, next_season
from leaderboardapp.stores.base import Store, now_us
from leaderboardapp.stores.ranked_increments import add_ranks
from leaderboardapp.stores.sql import (
    deletion,
    maintenance,
    ranking,
    reading,
    search,
    seasons,
    tickets,
    windows,
)
from leaderboardapp.stores.sql.access import (
    DatabaseAccess,
    in_board_transaction,
    maps_db_errors,
    of_one_moment,
)
from leaderboardapp.stores.sql.copies import SqlCopies
from leaderboardapp.stores.sql.increments import add_ranked, import_amounts, write_score
from leaderboardapp.stores.sql.joining import insert_player
from leaderboardapp.stores.sql.models import BoardRow, ChangeRow, ImportRow, LeaseRow, PlayerRow
from leaderboardapp.stores.sql.statements import BOARD_COLUMNS, REPLACE_LEASE, write

R = TypeVar("R")
WriteScores = Callable[[Row, list[Any]], R]


class SqlStore(DatabaseAccess, Store):
    """A store in the tables of models.py."""

    def __init__(self) -> None:
        super().__init__()
        self.copies = SqlCopies(self)

    @maps_db_errors
    def ensure(self) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        search.fill(self.transaction)

    @maps_db_errors
    def ping(self) -> None:
        BoardRow.objects.exists()

    def create_board(self, board: Row) -> None:
        columns = {**BOARD_DEFAULTS, **check_board(board)}

        def create() -> None:
            BoardRow.objects.create(**columns)
            search.remember_board(columns, now_us())
            windows.follow_board(columns)

        try:
            self.transaction(None, create)
        except StoreUnavailable as error:
            if isinstance(error.__cause__, IntegrityError):
                raise AlreadyExists(board["id"]) from error
            raise

    @maps_db_errors
    def list_boards(self, after: str, limit: int, private: bool = False) -> list[Row]:
        boards = BoardRow.objects.filter(id__gt=after, since=None).order_by("id")
        if not private:
            boards = boards.filter(private=False)
        return list(boards.values(*BOARD_COLUMNS)[:limit])

    @of_one_moment
    def find_boards(
        self,
        order: str,
        prefix: str,
        limit: int,
        after: BoardPosition | None,
        private: bool = False,
    ) -> BoardPage:
        return search.read_boards(order, prefix, limit, after, private)

    @maps_db_errors
    def get_board(self, board: str) -> Row:
        return reading.read_board(board)

    @in_board_transaction
    def update_board(
        self, board: str, fields: Row, precondition: Precondition | None = None
    ) -> Row:
        if precondition:
            precondition()
        BoardRow.objects.filter(id=board).update(**check_board(fields))
        row = self.get_board(board)
        if {"name", "private"} & fields.keys():
            search.remember_board(row)
        if FOLLOWED_FIELDS & fields.keys():
            windows.follow_board(row)
        return row

    @in_board_transaction
    def delete_board(self, board: str, precondition: Precondition | None = None) -> None:
        if precondition:
            precondition()
        if not deletion.delete_family(board):
            raise BoardNotFound(board)

    @in_board_transaction
    def create_player(self, board: str, player: Row) -> Row:
        insert_player(self.get_board(board), check_new_player(player))
        return self.get_player(board, player["id"])

    @maps_db_errors
    def get_player(self, board: str, player: str) -> Row:
        if row := reading.find_player(board, player):
            return row
        reading.read_board(board)
        raise PlayerNotFound(board, player)

    @in_board_transaction
    def update_player(
        self, board: str, player: str, fields: Row, precondition: Precondition | None = None
    ) -> Row:
        if precondition:
            precondition()
        changes = check_player_change(fields)
        if "data" in changes:
            changes["data"] = encode_data(changes["data"])
        windows.leave_ended(board, player)
        # In windows, too: a player is the same there but for the score.
        PlayerRow.objects.filter(board_id__in=list_family(board), player=player).update(**changes)
        row = self.get_player(board, player)
        if {"name", "hidden"} & changes.keys():
            search.remember_players(board, [row])
        return row

    @maps_db_errors
    def list_boards_of(self, player: str, after: str, limit: int) -> list[str]:
        return search.list_boards_of(player, after, limit)

    @in_board_transaction
    def delete_player(
        self, board: str, player: str, precondition: Precondition | None = None
    ) -> None:
        if precondition:
            precondition()
        if not deletion.delete_player(reading.read_board(board), player):
            raise PlayerNotFound(board, player)

    def write_scores(self, board: str, players: Collection[str], work: WriteScores[R]) -> R:
        """Return what `work` makes of the board's row and of SCORES of these players on it, in one
        transaction, in which nobody else changes the board. Raises BoardNotFound."""
        return self.transaction(
            board, lambda: work(reading.read_board(board), reading.find_scores([board], players))
        )

    def add_scores(self, board: str, increments: list[Increment]) -> list[Row | Exception]:
        def add(row: Row, scores: list[Any]) -> list[Row | Exception]:
            return add_ranked(self, row, scores, increments)

        try:
            return self.write_scores(board, {each.player for each in increments}, add)
        except BoardNotFound as error:
            return [error] * len(increments)

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
        def write(row: Row, scores: list[Any]) -> Row:
            new = check_score(score)
            written = write_score(row, scores, player, new, only_better, season, name)
            add_ranks(self, board, [written] if ranked else [])
            return written

        return self.write_scores(board, [player], write)

    @in_board_transaction
    def start_next_season(
        self, board: str, season: int, now: str, only_if_due: bool = False
    ) -> Row:
        settings = self.get_board(board)
        check_season(settings, season)
        if only_if_due:
            check_due(settings, now)
        seasons.archive(settings, now)
        row = self.update_board(board, next_season(settings, now))
        maintenance.carry_over(row)  # as many players as others can wait for
        return row

    @of_one_moment
    def list_seasons(
        self, board: str, before: int | None, limit: int
    ) -> tuple[Row, list[tuple[int, str]]]:
        return reading.read_board(board), seasons.list_past(board, before, limit)

    @of_one_moment
    def get_season(self, board: str, season: int) -> tuple[str, Row, list[Row]]:
        past = seasons.get_past(board, season)
        return past.ended_at, past_board(past.settings, season), past.players

    @of_one_moment
    def list_player_seasons(
        self, board: str, player: str, before: int | None, limit: int
    ) -> tuple[Row, list[PlayerSeason]]:
        row = reading.read_board(board)
        # Of a window, those who are in a past season need not be in the running one.
        if reading.find_player(owner_of(board), player) is None:
            raise PlayerNotFound(board, player)
        return row, [*seasons.list_of_player(board, player, before, limit)]

    @maps_db_errors
    def list_boards_to_end(self, now: str) -> list[Row]:
        return list(BoardRow.objects.filter(ends_at__lte=now).values(*BOARD_COLUMNS))

    @maps_db_errors
    def find_work(self, boards: Sequence[str]) -> list[str]:
        return maintenance.list_unfinished(boards)

    @maps_db_errors
    def run_maintenance(self, board: str) -> bool:
        # Read first, because a transaction keeps other writers waiting.
        try:
            if has_work := maintenance.find_work(reading.read_board(board)) is not None:
                self._do_work(board)
        except BoardNotFound:
            return False
        return has_work

    @in_board_transaction
    def _do_work(self, board: str) -> None:
        if work := maintenance.find_work(reading.read_board(board)):
            work()

    @of_one_moment
    def get_top_players(self, boards: Iterable[str]) -> dict[str, tuple[Row, list[Row]]]:
        tops = {}
        for board in boards:
            if row := reading.find_board(board):
                tops[board] = (row, ranking.read_top(row))
        return tops

    @maps_db_errors
    def read_change_numbers(self, boards: Iterable[str]) -> dict[str, int]:
        return reading.read_change_numbers([*boards])

    @maps_db_errors
    def get_leaders(self, boards: Iterable[str]) -> dict[str, Row]:
        return ranking.read_leaders([*boards])

    @of_one_moment
    def list_hidden(self, board: str, after: str, limit: int, with_emails: bool = False) -> Window:
        row, rows = reading.read_board(board), reading.find_hidden(board, after, limit)
        return Window(row, rows, emails=reading.find_emails(board, rows if with_emails else []))

    @of_one_moment
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
        row = seasons.read_board_in_season(board, season)
        window = ranking.read_window(row, limit, after, around, from_rank)
        if season is not None:
            return window
        shown = [window.player] if window.player and not window.rows else window.rows
        return window._replace(emails=reading.find_emails(board, shown if with_emails else []))

    @of_one_moment
    def get_selection(
        self, board: str, players: Collection[str], with_emails: bool = False
    ) -> Selection:
        return ranking.select_players(board, players, with_emails)

    @of_one_moment
    def search_players(
        self,
        board: str,
        prefix: str,
        limit: int,
        after: SearchPosition,
        hidden: bool = False,
        with_emails: bool = False,
    ) -> SearchPage:
        positions = search.find_matches(board, prefix, limit + 1, after, hidden)
        page, last = split_page(positions, limit)
        players = {position.player for position in page}
        return SearchPage(page, ranking.select_players(board, players, with_emails), last)

    @of_one_moment
    def get_standings(self, board: str, players: Collection[str], limit: int) -> PlayerStandings:
        return ranking.read_standings(
            reading.read_board(board), reading.find_players(board, players), limit
        )

    @of_one_moment
    def get_score_rank(self, board: str, score: int) -> ScoreRank:
        return ranking.read_score_rank(reading.read_board(board), score)

    @maps_db_errors
    def get_import(self, board: str, name: str) -> Import:
        row = ImportRow.objects.filter(board_id=board, name=name).first()
        return Import(row.line, row.line, row.digest) if row else Import()

    @in_board_transaction
    def import_batch(self, board: str, name: str, upto: Import, amounts: list[Amount]) -> None:
        settings = self.get_board(board)
        if self.get_import(board, name).line != upto.start:
            raise ImportMoved(name)
        players = {amount.player for amount in amounts}
        import_amounts(settings, reading.find_scores([board], players), amounts)
        ImportRow.objects.update_or_create(
            board_id=board, name=name, defaults={"line": upto.line, "digest": upto.digest}
        )

    def use_ticket(self, ticket: str) -> bool:
        return self.transaction(None, lambda: tickets.insert_used(ticket))

    def expire_tickets(self, older: float) -> None:
        while self.transaction(None, lambda: tickets.delete_some_used(older)):
            pass

    @maps_db_errors
    def changed_since(self, position: int) -> Iterable[str]:
        return list(ChangeRow.objects.filter(seq__gt=position).values_list("board", flat=True))

    @maps_db_errors
    def read_lease(self) -> Lease:
        row = LeaseRow.objects.filter(id=1).values_list(*Lease._fields).first()
        return Lease(*row) if row else Lease()

    def replace_lease(self, old: Lease, new: Lease) -> bool:
        values = new._asdict() | {f"old_{name}": value for name, value in old._asdict().items()}
        return self.transaction(None, lambda: write(REPLACE_LEASE, values) == 1)

    def close(self) -> None:
        connection.close()
