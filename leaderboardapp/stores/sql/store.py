"""What the stores in SQL databases share, through Django's ORM: all but how a database takes
changes, and tells of them (sqlite.py, postgresql.py)."""

import functools
import json
import os
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.core.management import call_command
from django.db import IntegrityError, connection, connections
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from leaderboardapp.domain.exceptions import (
    AlreadyExists,
    EmailTaken,
    ImportMoved,
    ScoreOutOfRange,
    StoreUnavailable,
)
from leaderboardapp.domain.schedule import end_after
from leaderboardapp.domain.scoring import check_due, check_season
from leaderboardapp.domain.types import (
    BOARD_DEFAULTS,
    Amount,
    Import,
    Increment,
    Lease,
    RankPosition,
    Row,
    Window,
    rank_position,
    score_limits,
)
from leaderboardapp.stores.base import Store, now_us
from leaderboardapp.stores.sql import rank_blocks
from leaderboardapp.stores.sql.increments import add
from leaderboardapp.stores.sql.models import (
    BlockRow,
    BoardRow,
    ChangeRow,
    ImportRow,
    LeaseRow,
    PlayerRow,
    SeasonRow,
)
from leaderboardapp.stores.sql.statements import (
    AFTER,
    BEFORE,
    BOARD,
    BOARD_COLUMNS,
    DELETE_SOME,
    HIDDEN,
    PLAYER,
    REPLACE_LEASE,
    SWEEP,
    TOP,
    UNSWEPT,
    board_row,
    key_values,
    player_row,
    read,
    write,
)

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="SqlStore")

SWEEP_ROWS = 5_000  # at once, because other writers wait for so long
DELETE_ROWS = 20_000


def maps_db_errors(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """What the database or its driver raises becomes StoreUnavailable."""

    @functools.wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.run(lambda: method(self, *args, **kwargs))

    return call


def in_board_transaction(
    method: Callable[Concatenate[S, str, P], R],
) -> Callable[Concatenate[S, str, P], R]:
    """The method's statements are one transaction, in which nobody else changes its board."""

    @functools.wraps(method)
    def call(self: S, board: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.transaction(board, lambda: method(self, board, *args, **kwargs))

    return call


class SqlStore(Store):
    @abstractmethod
    def run(self, work: Callable[[], R]) -> R:
        """What `work` gives. Raises StoreUnavailable for what the database raises."""

    @abstractmethod
    def transaction(self, board: str | None, work: Callable[[], R]) -> R:
        """What `work` gives, in one transaction; if a board is named, alone on it. Raises
        StoreUnavailable."""

    @maps_db_errors
    def ensure(self) -> None:
        call_command("migrate", verbosity=0, interactive=False)

    @maps_db_errors
    def ping(self) -> None:
        BoardRow.objects.exists()

    def create_board(self, board: Row) -> None:
        try:
            self.transaction(None, lambda: BoardRow.objects.create(**{**BOARD_DEFAULTS, **board}))
        except StoreUnavailable as error:
            if isinstance(error.__cause__, IntegrityError):
                raise AlreadyExists(board["id"]) from error
            raise

    @maps_db_errors
    def list_boards(self, after: str, limit: int, private: bool = False) -> list[Row]:
        boards = BoardRow.objects.filter(id__gt=after).order_by("id")
        if not private:
            boards = boards.filter(private=False)
        return list(boards.values(*BOARD_COLUMNS)[:limit])

    @maps_db_errors
    def get_board(self, board: str) -> Row:
        rows = read(BOARD, [board])
        if not rows:
            raise ObjectDoesNotExist
        return board_row(rows[0])

    @in_board_transaction
    def update_board(self, board: str, fields: Row) -> Row:
        BoardRow.objects.filter(id=board).update(**fields)
        return self.get_board(board)

    @in_board_transaction
    def delete_board(self, board: str) -> None:
        # Blocks first, so that nothing is counted for each of the players, of whom there may be
        # more than one statement can delete in time.
        BlockRow.objects.filter(board_id=board).delete()
        while write(DELETE_SOME, {"board": board, "limit": DELETE_ROWS}):
            pass
        raise_if_missing(BoardRow.objects.filter(id=board).delete()[0])

    @in_board_transaction
    def create_player(self, board: str, player: Row) -> Row:
        season = self.get_board(board)["season"]
        if _player(board, player["id"]).exists():
            raise AlreadyExists(player["id"])
        score, email = player.get("score"), player.get("email")
        if email and PlayerRow.objects.filter(board_id=board, email=email).exists():
            raise EmailTaken
        PlayerRow.objects.create(
            board_id=board,
            player=player["id"],
            name=player["name"],
            score=score or 0,
            scored=score is not None,
            reached_at=now_us(),
            season=season,
            email=email,
        )
        return self.get_player(board, player["id"])

    @maps_db_errors
    def get_emails(self, board: str, players: list[str]) -> dict[str, str]:
        rows = PlayerRow.objects.filter(board_id=board, player__in=players)
        return {player: email for player, email in rows.values_list("player", "email") if email}

    @maps_db_errors
    def get_player(self, board: str, player: str) -> Row:
        rows = read(PLAYER, [board, player])
        if not rows:
            raise ObjectDoesNotExist
        return player_row(rows[0])

    @in_board_transaction
    def update_player(self, board: str, player: str, fields: Row) -> Row:
        _player(board, player).update(**fields)
        return self.get_player(board, player)

    @in_board_transaction
    def delete_player(self, board: str, player: str) -> None:
        raise_if_missing(_player(board, player).delete()[0])
        seasons = SeasonRow.objects.annotate(text=Cast("players", TextField()))
        for past in seasons.filter(board_id=board, text__contains=f'"{player}"'):
            past.players = [row for row in past.players if row["id"] != player]
            past.save()

    @in_board_transaction
    def add_scores(self, board: str, increments: list[Increment]) -> list[Row | Exception]:
        try:
            row = self.get_board(board)
        except ObjectDoesNotExist as error:
            return [error] * len(increments)
        return add(row, increments)

    @in_board_transaction
    def set_score(
        self, board: str, player: str, score: int, only_better: bool, season: int | None = None
    ) -> Row:
        row, settings = self.get_player(board, player), self.get_board(board)
        check_season(settings, season)
        low, high = score_limits(settings)
        if not low <= score <= high:
            raise ScoreOutOfRange(player, settings)
        better = score < row["score"] if settings["order"] == "asc" else score > row["score"]
        has_one = row["scored"] or settings["order"] == "desc"
        if not has_one or better or not only_better:
            same = has_one and score == row["score"]
            reached_at = row["reached_at"] if same else now_us()
            _player(board, player).update(
                score=score, reached_at=reached_at, scored=True, season=settings["season"]
            )
        return self.get_player(board, player)

    @in_board_transaction
    def start_next_season(
        self, board: str, season: int, now: str, only_if_due: bool = False
    ) -> Row:
        settings = self.get_board(board)
        check_season(settings, season)
        if only_if_due:
            check_due(settings, now)
        SeasonRow.objects.create(
            board_id=board,
            number=season,
            ended_at=now,
            settings=settings,
            players=_page(settings, settings["size"]),
        )
        ends_at = end_after(now, settings["schedule"])
        row = self.update_board(board, {"season": season + 1, "ends_at": ends_at})
        self._sweep(board)  # as much as others can wait for
        return row

    @maps_db_errors
    def list_seasons(self, board: str, before: int, limit: int) -> list[tuple[int, str]]:
        past = SeasonRow.objects.filter(board_id=board, number__lt=before).order_by("-number")
        return list(past.values_list("number", "ended_at")[:limit])

    @maps_db_errors
    def get_season(self, board: str, season: int) -> tuple[str, Row, list[Row]]:
        past = SeasonRow.objects.get(board_id=board, number=season)
        return past.ended_at, past.settings, past.players

    @maps_db_errors
    def list_boards_to_end(self, now: str) -> list[Row]:
        return list(BoardRow.objects.filter(ends_at__lte=now).values(*BOARD_COLUMNS))

    @maps_db_errors
    def run_maintenance(self, board: str) -> bool:
        # Looks first, because a transaction keeps other writers waiting.
        try:
            if not rank_blocks.is_balanced(self.get_board(board)):
                self._balance(board)
            elif read(UNSWEPT, {"board": board}):
                self._sweep(board)
            else:
                return False
        except ObjectDoesNotExist:
            return False
        return True

    @in_board_transaction
    def _sweep(self, board: str) -> None:
        write(SWEEP, {"board": board, "limit": SWEEP_ROWS})

    @in_board_transaction
    def _balance(self, board: str) -> None:
        row = self.get_board(board)
        if not rank_blocks.is_balanced(row):
            rank_blocks.balance(row)

    @maps_db_errors
    def get_top_players(self, boards: Iterable[str]) -> dict[str, tuple[Row, list[Row]]]:
        found = {}
        for board in boards:
            if rows := read(BOARD, [board]):
                row = board_row(rows[0])
                found[board] = (row, _page(row, row["size"]))
        return found

    @maps_db_errors
    def list_hidden(self, board: str, after: str, limit: int) -> list[Row]:
        values = {"board": board, "after": after, "limit": limit}
        return [player_row(row) for row in read(HIDDEN, values)]

    @maps_db_errors
    def get_ranking_window(
        self, board: Row, limit: int, after: RankPosition | None = None, around: Row | None = None
    ) -> Window:
        rows = _around(board, around, limit) if around else _page(board, limit, after)
        return (
            Window(rows, *rank_blocks.counts(board, rank_position(rows[0]))) if rows else Window([])
        )

    @maps_db_errors
    def get_import(self, board: str, name: str) -> Import:
        row = ImportRow.objects.filter(board_id=board, name=name).first()
        return Import(row.line, row.line, row.digest) if row else Import()

    @in_board_transaction
    def import_batch(self, board: str, name: str, upto: Import, amounts: list[Amount]) -> None:
        settings = self.get_board(board)
        low, high = score_limits(settings)
        if self.get_import(board, name).line != upto.start:
            raise ImportMoved(name)
        rows = {
            row.player: row
            for row in PlayerRow.objects.filter(
                board_id=board, player__in=[amount.player for amount in amounts]
            )
        }
        there, now = set(rows), now_us()
        for position, (player, shown, amount) in enumerate(amounts):
            row = rows.setdefault(player, PlayerRow(board_id=board, player=player, name=shown))
            if row.season != settings["season"]:
                row.score, row.season = 0, settings["season"]
            if not low <= row.score + amount <= high:
                raise ScoreOutOfRange(player, settings)
            if amount or not row.reached_at:
                row.reached_at = now + position
            row.score += amount
            row.scored = True
        # In two statements, because PostgreSQL's triggers see what one has added apart from what it
        # has changed.
        known = [row for player, row in rows.items() if player in there]
        PlayerRow.objects.bulk_create(row for player, row in rows.items() if player not in there)
        PlayerRow.objects.bulk_create(
            known,
            update_conflicts=True,
            unique_fields=["board", "player"],
            update_fields=["score", "reached_at", "scored", "season"],
        )
        ImportRow.objects.update_or_create(
            board_id=board, name=name, defaults={"line": upto.line, "digest": upto.digest}
        )

    @maps_db_errors
    def changed_since(self, position: int) -> Iterable[str]:
        return list(ChangeRow.objects.filter(seq__gt=position).values_list("board", flat=True))

    @maps_db_errors
    def read_lease(self) -> Lease:
        row = LeaseRow.objects.filter(id=1).values_list(*Lease._fields).first()
        return Lease(*row) if row else Lease()

    def replace_lease(self, old: Lease, new: Lease) -> bool:
        values = {"old_holder": old.holder, "old_beat": old.beat, **new._asdict()}
        return self.transaction(None, lambda: write(REPLACE_LEASE, values) == 1)

    def close(self) -> None:
        connection.close()


def _leave_to_parent() -> None:
    """In a forked process: its connections are the parent's. They are kept, because closing one
    would end the parent's session, or let go of the parent's locks."""
    for wrapper in connections.all(initialized_only=True):
        _of_parent.append(wrapper.connection)
        wrapper.connection = None


_of_parent: list[Any] = []
os.register_at_fork(after_in_child=_leave_to_parent)


def newcomers(joined: str, is_new: Callable[[int], bool]) -> list[Row]:
    """Of ChangeRow's `joined`, those whose change is new to a feed."""
    players = [player for player in json.loads(joined) if is_new(player["seq"])]
    return [{field: player[field] for field in ("id", "name", "score")} for player in players]


def raise_if_missing(count: int) -> None:
    if not count:
        raise ObjectDoesNotExist


def _player(board: str, player: str) -> QuerySet[PlayerRow]:
    return PlayerRow.objects.filter(board_id=board, player=player)


def _page(
    board: Row, limit: int, after: RankPosition | None = None, backward: bool = False
) -> list[Row]:
    """Of ranked players; `backward`, the nearest first."""
    if after is None:
        values = {"board": board["id"], "limit": limit}
        return [player_row(row) for row in read(TOP[board["order"]], values)]
    statement = BEFORE if backward else AFTER
    values = {**key_values(board, after), "limit": limit}
    return [player_row(row) for row in read(statement[board["order"]], values)]


def _around(board: Row, player: Row, limit: int) -> list[Row]:
    """As many on either side; but if the best or the worst are near, more on the other one."""
    if limit == 1:
        return [player]

    def others(limit: int, backward: bool) -> list[Row]:
        # The player may be on the move, and then be met in another place.
        rows = _page(board, limit, rank_position(player), backward)
        return [row for row in rows if row["id"] != player["id"]]

    worse = others(limit // 2, backward=False)
    better = others(limit - 1 - len(worse), backward=True)
    if len(worse) < limit - 1 - len(better):
        worse = others(limit - 1 - len(better), backward=False)
    return [*better[::-1], player, *worse]
