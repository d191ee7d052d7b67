"""SQL by hand: the read that every poll, stream and publish makes, and the write that most requests
make. Built by the ORM they take ten times as long."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from leaderboardapp.domain.types import BOARD_DEFAULTS, RankPosition, Row
from leaderboardapp.stores.sql.models import PLACE

BOARD_COLUMNS = ("id", *BOARD_DEFAULTS)
PLAYER_COLUMNS = ("id", "name", "score", "reached_at", "hidden", "scored", "not_carried_over")

_BOARD = ", ".join(f'board."{column}"' for column in BOARD_COLUMNS)
_PLAYER = (
    "player.player, player.name, player.score, player.reached_at, player.hidden, player.scored,"
    " FALSE"
)

BOARD = f"SELECT {_BOARD} FROM board WHERE id = %s"
# A player whom `tidy` has not come to since the last reset still has the score of another season.
_SCORE = "CASE WHEN player.season = board.season THEN player.score ELSE 0 END"
_SCORED = "(player.scored AND player.season = board.season)"
PLAYER = f"""
    SELECT player.player, player.name, {_SCORE}, player.reached_at, player.hidden, {_SCORED},
        player.season < board.season
    FROM player JOIN board ON board.id = board_id WHERE board_id = %s AND player = %s
"""
HIDDEN = f"""
    SELECT player.player, player.name, {_SCORE}, player.reached_at, player.hidden, {_SCORED},
        player.season < board.season
    FROM player JOIN board ON board.id = board_id
    WHERE board_id = %(board)s AND player > %(after)s AND hidden
    ORDER BY player LIMIT %(limit)s
"""
_SEASON = "(SELECT season FROM board WHERE id = %(board)s)"
# Whom a board ranks, in its two orders, and by which column. The conditions are those of
# models.RANKED, which the indexes have.
ORDERS = {"desc": ("NOT hidden", PLACE["desc"]), "asc": ("NOT hidden AND scored", PLACE["asc"])}


def in_each_order(sql: str) -> dict[str, str]:
    """With {ranked} and {place} filled in."""
    return {
        order: sql.format(
            ranked=f"board_id = %(board)s AND season = {_SEASON} AND {condition}", place=place
        )
        for order, (condition, place) in ORDERS.items()
    }


KEY = "(%(place)s, %(reached_at)s, %(player)s)"
TOP = in_each_order(
    f"""SELECT {_PLAYER} FROM player WHERE {{ranked}}
        ORDER BY {{place}}, reached_at, player LIMIT %(limit)s"""
)
# PostgreSQL's way to read the tops of many boards at once, as they are at one moment.
_TOPS = """
    SELECT {board}, top.* FROM board LEFT JOIN LATERAL (
        SELECT {player} FROM player
        WHERE board_id = board.id AND season = board.season AND {condition}
        ORDER BY {place}, reached_at, player LIMIT board.size
    ) AS top ON TRUE
    WHERE board.id = ANY(%(boards)s) AND board."order" = '{order}'"""
ALL_TOPS = " UNION ALL ".join(
    _TOPS.format(board=_BOARD, player=_PLAYER, order=order, condition=condition, place=place)
    for order, (condition, place) in ORDERS.items()
)
AFTER = in_each_order(
    f"""SELECT {_PLAYER} FROM player
        WHERE {{ranked}} AND ({{place}}, reached_at, player) > {KEY}
        ORDER BY {{place}}, reached_at, player LIMIT %(limit)s"""
)
BEFORE = in_each_order(
    f"""SELECT {_PLAYER} FROM player
        WHERE {{ranked}} AND ({{place}}, reached_at, player) < {KEY}
        ORDER BY {{place}} DESC, reached_at DESC, player DESC LIMIT %(limit)s"""
)
# Players who are ranked in an earlier season than the board's. (Hidden ones come when they are
# shown again.)
_LATE = f"board_id = %(board)s AND season < {_SEASON} AND NOT hidden"
UNSWEPT = f"SELECT player FROM player WHERE {_LATE} LIMIT 1"
SWEEP = f"""
    UPDATE player SET score = 0, scored = FALSE, season = {_SEASON}
    WHERE board_id = %(board)s AND player IN (
        SELECT player FROM player WHERE {_LATE}
        ORDER BY season, negative LIMIT %(limit)s
    )
"""
DELETE_SOME = """
    DELETE FROM player WHERE board_id = %(board)s AND player IN (
        SELECT player FROM player WHERE board_id = %(board)s LIMIT %(limit)s
    )
"""
# Players by their ids, and what keys each has counted.
PLAYERS = f"""
    SELECT player.player, player.name, {_SCORE}, player.reached_at, player.hidden, {_SCORED},
        player.season < board.season, keys
    FROM player JOIN board ON board.id = board_id
    WHERE board_id = %s AND player.player IN ({{players}})
"""
# The columns of VALUES have these names in SQLite and PostgreSQL alike.
UPDATE = """
    UPDATE player
    SET score = new.column2, reached_at = new.column3, scored = TRUE, season = %s{keys}
    FROM (VALUES {rows}) AS new
    WHERE board_id = %s AND player.player = new.column1
"""
# The table's only row, if it is still the one that was seen.
REPLACE_LEASE = """
    INSERT INTO lease (id, holder, beat, position)
    SELECT 1, %(holder)s, %(beat)s, %(position)s
    WHERE (%(old_holder)s, %(old_beat)s) = ('', 0) OR EXISTS (SELECT 1 FROM lease)
    ON CONFLICT (id) DO UPDATE
    SET holder = excluded.holder, beat = excluded.beat, position = excluded.position
    WHERE (lease.holder, lease.beat) = (%(old_holder)s, %(old_beat)s)
"""


def write(sql: str, values: Sequence[Any] | Mapping[str, Any]) -> int:
    """How many rows it has changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def read(sql: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def key_values(board: Row, key: RankPosition) -> dict[str, Any]:
    """Those of KEY, and the board."""
    place = key.score if board["order"] == "asc" else -key.score
    return {"board": board["id"], **key._asdict(), "place": place}


def board_row(row: tuple[Any, ...]) -> Row:
    board = dict(zip(BOARD_COLUMNS, row, strict=True))
    flags = {name: bool(board[name]) for name in ("private", "ask_email")}
    return {**board, **flags}  # SQLite's truth is 0 and 1


def player_row(row: tuple[Any, ...]) -> Row:
    return dict(zip(PLAYER_COLUMNS, (*row[:-3], *map(bool, row[-3:])), strict=True))
