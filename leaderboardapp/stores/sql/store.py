"""The store in a SQL database, through Django's ORM."""

import functools
import json
import threading
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.core.management import call_command
from django.db import Error, IntegrityError, connection, transaction
from django.db.models import Max, QuerySet, TextField
from django.db.models.functions import Cast

from leaderboardapp.seasons import end_after
from leaderboardapp.stores.base import (
    BOARD_DEFAULTS,
    KEYS_REMEMBERED,
    AlreadyExists,
    Amount,
    EmailTaken,
    Feed,
    Import,
    ImportMoved,
    Increment,
    Key,
    Lease,
    OutcomeUnknown,
    Row,
    ScoreOutOfRange,
    Store,
    StoreUnavailable,
    Window,
    WrongSeason,
    check_due,
    check_season,
    key_of,
    limits,
    now_us,
)
from leaderboardapp.stores.sql import blocks
from leaderboardapp.stores.sql.feed import SqliteFeed
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
    ADD,
    AFTER,
    BEFORE,
    BOARD,
    BOARD_COLUMNS,
    HIDDEN,
    PLAYER,
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

# After these the commit may be in the log already, and counts when the log is read again.
MAY_BE_COMMITTED = {
    "SQLITE_IOERR_FSYNC",
    "SQLITE_IOERR_DIR_FSYNC",
    "SQLITE_IOERR_SHMMAP",
    "SQLITE_IOERR_SHMSIZE",
}
LEASE = 1  # the only row of its table
SWEEP_ROWS = 5_000  # at once, because other writers wait for so long
TURN_SECONDS = 2.5  # as long as SQLite waits for the lock of another process

# The process's threads write in turns: those who wait for SQLite's own lock sleep and look again,
# and of sixteen busy threads some never came to it (docs/performance.md).
_turn = threading.RLock()


def translated(method: Callable[P, R]) -> Callable[P, R]:
    """Driver errors become StoreUnavailable, and a broken connection is not used again."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except Error as error:
            connection.close_if_unusable_or_obsolete()
            if getattr(error.__cause__, "sqlite_errorname", "") in MAY_BE_COMMITTED:
                raise OutcomeUnknown(str(error)) from error
            raise StoreUnavailable(str(error)) from error

    return call


def changing(method: Callable[P, R]) -> Callable[P, R]:
    """The method's statements are one transaction, which holds the write lock from its start."""
    in_transaction = translated(transaction.atomic(method))

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not _turn.acquire(timeout=TURN_SECONDS):
            raise StoreUnavailable("The database is busy with other writes.")
        try:
            return in_transaction(*args, **kwargs)
        finally:
            _turn.release()

    return call


class SqlStore(Store):
    @translated
    def ensure(self) -> None:
        call_command("migrate", verbosity=0, interactive=False)

    def check(self) -> None:
        """A file is never known to be away."""

    @translated
    def ping(self) -> None:
        BoardRow.objects.exists()

    @translated
    def create_board(self, board: Row) -> None:
        try:
            BoardRow.objects.create(**{**BOARD_DEFAULTS, **board})
        except IntegrityError as error:
            raise AlreadyExists(board["id"]) from error

    @translated
    def list_boards(self, after: str, limit: int, private: bool = False) -> list[Row]:
        boards = BoardRow.objects.filter(id__gt=after).order_by("id")
        if not private:
            boards = boards.filter(private=False)
        return list(boards.values(*BOARD_COLUMNS)[:limit])

    @translated
    def get_board(self, board: str) -> Row:
        rows = read(BOARD, [board])
        if not rows:
            raise ObjectDoesNotExist
        return board_row(rows[0])

    @changing
    def update_board(self, board: str, fields: Row) -> Row:
        BoardRow.objects.filter(id=board).update(**fields)
        return self.get_board(board)

    @changing
    def delete_board(self, board: str) -> None:
        # Blocks first, so that nothing is counted for each of the players.
        BlockRow.objects.filter(board_id=board).delete()
        found(BoardRow.objects.filter(id=board).delete()[0])

    @changing
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

    @translated
    def get_emails(self, board: str, players: list[str]) -> dict[str, str]:
        rows = PlayerRow.objects.filter(board_id=board, player__in=players)
        return {player: email for player, email in rows.values_list("player", "email") if email}

    @translated
    def get_player(self, board: str, player: str) -> Row:
        rows = read(PLAYER, [board, player])
        if not rows:
            raise ObjectDoesNotExist
        return player_row(rows[0])

    @changing
    def update_player(self, board: str, player: str, fields: Row) -> Row:
        _player(board, player).update(**fields)
        return self.get_player(board, player)

    @changing
    def delete_player(self, board: str, player: str) -> None:
        found(_player(board, player).delete()[0])
        seasons = SeasonRow.objects.annotate(text=Cast("players", TextField()))
        for past in seasons.filter(board_id=board, text__contains=f'"{player}"'):
            past.players = [row for row in past.players if row["id"] != player]
            past.save()

    @changing
    def add_scores(self, board: str, increments: list[Increment]) -> list[Row | Exception]:
        results: list[Row | Exception] = []
        for increment in increments:
            try:
                results.append(self._add(board, *increment))
            except (ObjectDoesNotExist, ScoreOutOfRange, WrongSeason) as error:
                results.append(error)
        return results

    def _add(
        self, board: str, player: str, amount: int, key: str | None, season: int | None
    ) -> Row:
        keys = None
        if key:
            known = _player(board, player).values_list("keys", flat=True).get()
            if key in known:
                return self.get_player(board, player)
            keys = json.dumps([*known, key][-KEYS_REMEMBERED:])
        values = {"board": board, "player": player, "amount": amount, "season": season}
        if rows := read(ADD, {**values, "keys": keys, "now": now_us()}):
            return player_row(rows[0])
        self.get_player(board, player)
        settings = self.get_board(board)
        check_season(settings, season)
        raise ScoreOutOfRange(player, settings)

    @changing
    def put_score(
        self, board: str, player: str, score: int, only_better: bool, season: int | None = None
    ) -> Row:
        row, settings = self.get_player(board, player), self.get_board(board)
        check_season(settings, season)
        low, high = limits(settings)
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

    @changing
    def reset(self, board: str, season: int, now: str, only_if_due: bool = False) -> Row:
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

    @translated
    def list_seasons(self, board: str, before: int, limit: int) -> list[tuple[int, str]]:
        past = SeasonRow.objects.filter(board_id=board, number__lt=before).order_by("-number")
        return list(past.values_list("number", "ended_at")[:limit])

    @translated
    def get_season(self, board: str, season: int) -> tuple[str, Row, list[Row]]:
        past = SeasonRow.objects.get(board_id=board, number=season)
        return past.ended_at, past.settings, past.players

    @translated
    def due_boards(self, now: str) -> list[Row]:
        return list(BoardRow.objects.filter(ends_at__lte=now).values(*BOARD_COLUMNS))

    @translated
    def tidy(self, board: str) -> bool:
        # Looks first, because a transaction keeps other writers waiting.
        try:
            if not blocks.is_balanced(self.get_board(board)):
                self._balance(board)
            elif read(UNSWEPT, {"board": board}):
                self._sweep(board)
            else:
                return False
        except ObjectDoesNotExist:
            return False
        return True

    @changing
    def _sweep(self, board: str) -> None:
        write(SWEEP, {"board": board, "limit": SWEEP_ROWS})

    @changing
    def _balance(self, board: str) -> None:
        row = self.get_board(board)
        if not blocks.is_balanced(row):
            blocks.balance(row)

    @translated
    def tops(self, boards: Iterable[str]) -> dict[str, tuple[Row, list[Row]]]:
        found = {}
        for board in boards:
            if rows := read(BOARD, [board]):
                row = board_row(rows[0])
                found[board] = (row, _page(row, row["size"]))
        return found

    @translated
    def list_hidden(self, board: str, after: str, limit: int) -> list[Row]:
        values = {"board": board, "after": after, "limit": limit}
        return [player_row(row) for row in read(HIDDEN, values)]

    @translated
    def window(
        self, board: Row, limit: int, after: Key | None = None, around: Row | None = None
    ) -> Window:
        rows = _around(board, around, limit) if around else _page(board, limit, after)
        return Window(rows, *blocks.counts(board, key_of(rows[0]))) if rows else Window([])

    @translated
    def get_import(self, board: str, name: str) -> Import:
        row = ImportRow.objects.filter(board_id=board, name=name).first()
        return Import(row.line, row.line, row.digest) if row else Import()

    @changing
    def import_batch(self, board: str, name: str, upto: Import, amounts: list[Amount]) -> None:
        settings = self.get_board(board)
        low, high = limits(settings)
        if self.get_import(board, name).line != upto.start:
            raise ImportMoved(name)
        rows = {
            row.player: row
            for row in PlayerRow.objects.filter(
                board_id=board, player__in=[amount.player for amount in amounts]
            )
        }
        now = now_us()
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
        PlayerRow.objects.bulk_create(
            rows.values(),
            update_conflicts=True,
            unique_fields=["board", "player"],
            update_fields=["score", "reached_at", "scored", "season"],
        )
        ImportRow.objects.update_or_create(
            board_id=board, name=name, defaults={"line": upto.line, "digest": upto.digest}
        )

    @translated
    def open_feed(self) -> Feed:
        return SqliteFeed()

    @translated
    def position(self) -> int:
        # Writers take turns, so numbers are given in the order of commits.
        return int(ChangeRow.objects.aggregate(newest=Max("seq", default=0))["newest"])

    @translated
    def changed_since(self, position: int) -> Iterable[str]:
        return list(ChangeRow.objects.filter(seq__gt=position).values_list("board", flat=True))

    @translated
    def read_lease(self) -> Lease:
        row = LeaseRow.objects.filter(id=LEASE).values_list(*Lease._fields).first()
        return Lease(*row) if row else Lease()

    @changing
    def replace_lease(self, old: Lease, new: Lease) -> bool:
        if self.read_lease()[:2] != old[:2]:
            return False
        LeaseRow.objects.update_or_create(id=LEASE, defaults=new._asdict())
        return True

    def close(self) -> None:
        connection.close()


def found(count: int) -> None:
    if not count:
        raise ObjectDoesNotExist


def _player(board: str, player: str) -> QuerySet[PlayerRow]:
    return PlayerRow.objects.filter(board_id=board, player=player)


def _page(board: Row, limit: int, after: Key | None = None, backward: bool = False) -> list[Row]:
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
        rows = _page(board, limit, key_of(player), backward)
        return [row for row in rows if row["id"] != player["id"]]

    worse = others(limit // 2, backward=False)
    better = others(limit - 1 - len(worse), backward=True)
    if len(worse) < limit - 1 - len(better):
        worse = others(limit - 1 - len(better), backward=False)
    return [*better[::-1], player, *worse]
