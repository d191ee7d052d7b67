"""The store in a SQL database, through Django's ORM."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.core.management import call_command
from django.db import Error, IntegrityError, connection, transaction
from django.db.models import F, Max, Q, QuerySet

from leaderboardapp.stores.base import (
    KEYS_REMEMBERED,
    MAX_SCORE,
    AlreadyExists,
    Amount,
    Feed,
    Import,
    ImportMoved,
    Lease,
    Row,
    ScoreOutOfRange,
    Store,
    StoreUnavailable,
    now_us,
)
from leaderboardapp.stores.sql.feed import SqliteFeed
from leaderboardapp.stores.sql.models import (
    BoardRow,
    ChangeRow,
    ImportRow,
    LeaseRow,
    PlayerRow,
)

P = ParamSpec("P")
R = TypeVar("R")

BOARD_COLUMNS = ("id", "name", "size")
PLAYER_COLUMNS = ("id", "name", "score")
LEASE = 1  # the only row of its table
RANK_ORDER = ("-score", "reached_at", "player")

# The read that every poll, stream and publish makes; built by the ORM it takes ten times as long.
TOP = """
    SELECT board.id, board.name, board.size, best.player, best.name, best.score
    FROM board LEFT JOIN (
        SELECT player, name, score, reached_at FROM player WHERE board_id = %(board)s
        ORDER BY score DESC, reached_at, player
        LIMIT (SELECT size FROM board WHERE id = %(board)s)
    ) AS best ON TRUE
    WHERE board.id = %(board)s
    ORDER BY best.score DESC, best.reached_at, best.player
"""


def translated(method: Callable[P, R]) -> Callable[P, R]:
    """Driver errors become StoreUnavailable, and a broken connection is not used again."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except Error as error:
            connection.close_if_unusable_or_obsolete()
            raise StoreUnavailable(str(error)) from error

    return call


def changing(method: Callable[P, R]) -> Callable[P, R]:
    """The method's statements are one transaction, which holds the write lock from its start."""
    return translated(transaction.atomic(method))


class SqlStore(Store):
    @translated
    def ensure(self) -> None:
        call_command("migrate", verbosity=0, interactive=False)

    @translated
    def ping(self) -> None:
        BoardRow.objects.exists()

    @translated
    def create_board(self, board: Row) -> None:
        try:
            BoardRow.objects.create(**board)
        except IntegrityError as error:
            raise AlreadyExists(board["id"]) from error

    @translated
    def get_board(self, board: str) -> Row:
        row: Row = BoardRow.objects.values(*BOARD_COLUMNS).get(id=board)
        return row

    @changing
    def update_board(self, board: str, fields: Row) -> Row:
        BoardRow.objects.filter(id=board).update(**fields)
        return self.get_board(board)

    @changing
    def delete_board(self, board: str) -> None:
        found(BoardRow.objects.filter(id=board).delete()[0])

    @changing
    def create_player(self, board: str, player: Row) -> None:
        self.get_board(board)
        if _player(board, player["id"]).exists():
            raise AlreadyExists(player["id"])
        PlayerRow.objects.create(
            board_id=board,
            player=player["id"],
            name=player["name"],
            score=player["score"],
            reached_at=now_us(),
        )

    @translated
    def get_player(self, board: str, player: str) -> Row:
        row: Row = _rows(_player(board, player)).get()
        return row

    @changing
    def update_player(self, board: str, player: str, fields: Row) -> Row:
        if "score" in fields:
            _player(board, player).exclude(score=fields["score"]).update(reached_at=now_us())
        _player(board, player).update(**fields)
        return self.get_player(board, player)

    @translated
    def delete_player(self, board: str, player: str) -> None:
        found(_player(board, player).delete()[0])

    @changing
    def score_add(self, board: str, player: str, amount: int, key: str | None = None) -> Row:
        changes: Row = {"score": F("score") + amount}
        if amount:
            changes["reached_at"] = now_us()
        if key:
            keys = _player(board, player).values_list("keys", flat=True).get()
            if key in keys:
                return self.get_player(board, player)
            changes["keys"] = [*keys, key][-KEYS_REMEMBERED:]
        allowed = Q(score__gte=-MAX_SCORE - amount, score__lte=MAX_SCORE - amount)
        changed = _player(board, player).filter(allowed).update(**changes)
        row = self.get_player(board, player)
        if not changed:
            raise ScoreOutOfRange(player)
        return row

    @translated
    def rank(self, board: str, player: str) -> int:
        me = _player(board, player).get()
        same = Q(score=me.score)
        better = (
            Q(score__gt=me.score)
            | same & Q(reached_at__lt=me.reached_at)
            | same & Q(reached_at=me.reached_at, player__lt=player)
        )
        return PlayerRow.objects.filter(better, board_id=board).count() + 1

    @translated
    def top(self, board: str, limit: int) -> list[Row]:
        players = PlayerRow.objects.filter(board_id=board).order_by(*RANK_ORDER)
        return list(_rows(players)[:limit])

    @translated
    def tops(self, boards: Iterable[str]) -> dict[str, tuple[Row, list[Row]]]:
        found = {}
        with connection.cursor() as cursor:
            for board in boards:
                cursor.execute(TOP, {"board": board})
                if rows := cursor.fetchall():
                    players = [dict(zip(PLAYER_COLUMNS, row[3:], strict=True)) for row in rows]
                    shown = players if players[0]["id"] else []
                    found[board] = (dict(zip(BOARD_COLUMNS, rows[0], strict=False)), shown)
        return found

    @translated
    def get_import(self, board: str, name: str) -> Import:
        row = ImportRow.objects.filter(board_id=board, name=name).first()
        return Import(row.line, row.line, row.digest) if row else Import()

    @changing
    def import_batch(self, board: str, name: str, upto: Import, amounts: list[Amount]) -> None:
        self.get_board(board)
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
            if abs(row.score + amount) > MAX_SCORE:
                raise ScoreOutOfRange(player)
            if amount or not row.reached_at:
                row.reached_at = now + position
            row.score += amount
        PlayerRow.objects.bulk_create(
            rows.values(),
            update_conflicts=True,
            unique_fields=["board", "player"],
            update_fields=["score", "reached_at"],
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
    def changed_since(self, position: int) -> set[str]:
        return set(ChangeRow.objects.filter(seq__gt=position).values_list("board", flat=True))

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


def _rows(players: QuerySet[PlayerRow]) -> QuerySet[PlayerRow, Any]:
    return players.values("name", "score", id=F("player"))
