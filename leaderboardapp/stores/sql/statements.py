"""SQL by hand: the reads that every poll, stream and publish makes, and the write that most
requests make. Built by Django's ORM they take ten times as long.

Statements that depend on a board's order are dictionaries, `{"desc": …, "asc": …}`. The sort key of
a player is the score, or its negative on a descending board, so that both are read ascending.
"""

import functools
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from django.db import connection

from leaderboardapp.domain.player_data import decode_data
from leaderboardapp.domain.types import BOARD_DEFAULTS, RankPosition, Row
from leaderboardapp.stores.sql.models import SORT_KEY

BOARD_COLUMNS = ("id", *BOARD_DEFAULTS)
PLAYER_COLUMNS = ("id", "name", "score", "reached_at", "hidden", "scored", "not_carried_over")

_BOARD = ", ".join(f'board."{column}"' for column in BOARD_COLUMNS)
_RANKED_SCORE = (
    "player.player, player.name, player.score, player.reached_at, player.hidden, player.scored,"
    " FALSE"
)
_RANKED_PLAYER = f"{_RANKED_SCORE}, player.data"
# A player who is not carried over yet still has the score of an earlier season in the table.
_ANY_SCORE = """
    player.player, player.name,
    CASE WHEN player.season = board.season THEN player.score ELSE 0 END,
    player.reached_at, player.hidden, (player.scored AND player.season = board.season),
    player.season < board.season
"""
_ANY_PLAYER = f"{_ANY_SCORE}, player.data"

BOARD = f"SELECT {_BOARD} FROM board WHERE id = %s"
BOARDS = f"SELECT {_BOARD} FROM board WHERE id IN ({{boards}}) ORDER BY id"
# A window has only those who have scored in its running season.
_IS_MEMBER = "(board.since IS NULL OR player.season = board.season)"
PLAYER = f"""
    SELECT {_ANY_PLAYER} FROM player JOIN board ON board.id = board_id
    WHERE board_id = %s AND player = %s AND {_IS_MEMBER}
"""
# By the players' ids. Writes of scores, which may be to windows, too, also find who is in an ended
# season of a window. They read no data, but the idempotency keys that each player remembers.
PLAYERS = f"""
    SELECT {_ANY_PLAYER} FROM player JOIN board ON board.id = board_id
    WHERE board_id IN ({{boards}}) AND player.player IN ({{players}}) AND {_IS_MEMBER}
"""
SCORES = f"""
    SELECT {_ANY_SCORE}, board_id, keys FROM player JOIN board ON board.id = board_id
    WHERE board_id IN ({{boards}}) AND player.player IN ({{players}})
"""
HIDDEN = f"""
    SELECT {_ANY_PLAYER} FROM player JOIN board ON board.id = board_id
    WHERE board_id = %(board)s AND player > %(after)s AND hidden AND {_IS_MEMBER}
    ORDER BY player LIMIT %(limit)s
"""
_SEASON = "(SELECT season FROM board WHERE id = %(board)s)"
# Which players a board ranks, and by which column. The conditions are those of models.RANKED, which
# the indexes have.
ORDERS = {
    "desc": ("NOT hidden", SORT_KEY["desc"]),
    "asc": ("NOT hidden AND scored", SORT_KEY["asc"]),
}


def in_each_order(sql: str) -> dict[str, str]:
    """Return the statement for each order, with {ranked} and {sort_key} filled in."""
    return {
        order: sql.format(
            ranked=f"board_id = %(board)s AND season = {_SEASON} AND {condition}", sort_key=column
        )
        for order, (condition, column) in ORDERS.items()
    }


POSITION = "(%(sort_key)s, %(reached_at)s, %(player)s)"  # values: position_values
_TOP = """SELECT {columns} FROM player WHERE {{ranked}}
        ORDER BY {{sort_key}}, reached_at, player LIMIT %(limit)s"""
TOP = in_each_order(_TOP.format(columns=_RANKED_PLAYER))
TOP_SCORES = in_each_order(_TOP.format(columns=_RANKED_SCORE))  # without data
# The tops of many boards, all as they are at one moment; for PostgreSQL. Data is read where it is
# shown.
_SHOWN_PLAYER = f"{_RANKED_SCORE}, CASE WHEN board.show <> '[]' THEN player.data END"
_TOPS = """
    SELECT {board}, top.* FROM board LEFT JOIN LATERAL (
        SELECT {player} FROM player
        WHERE board_id = board.id AND season = board.season AND {condition}
        ORDER BY {sort_key}, reached_at, player LIMIT board.size
    ) AS top ON TRUE
    WHERE board.id = ANY(%(boards)s) AND board."order" = '{order}'"""
ALL_TOPS = " UNION ALL ".join(
    _TOPS.format(
        board=_BOARD, player=_SHOWN_PLAYER, order=order, condition=condition, sort_key=column
    )
    for order, (condition, column) in ORDERS.items()
)
AFTER = in_each_order(
    f"""SELECT {_RANKED_PLAYER} FROM player
        WHERE {{ranked}} AND ({{sort_key}}, reached_at, player) > {POSITION}
        ORDER BY {{sort_key}}, reached_at, player LIMIT %(limit)s"""
)
BEFORE = in_each_order(
    f"""SELECT {_RANKED_PLAYER} FROM player
        WHERE {{ranked}} AND ({{sort_key}}, reached_at, player) < {POSITION}
        ORDER BY {{sort_key}} DESC, reached_at DESC, player DESC LIMIT %(limit)s"""
)
# A hidden player is carried over when shown again.
_NOT_CARRIED_OVER = f"board_id = %(board)s AND season < {_SEASON} AND NOT hidden"
FIND_NOT_CARRIED_OVER = f"SELECT player FROM player WHERE {_NOT_CARRIED_OVER} LIMIT 1"
CARRY_OVER = f"""
    UPDATE player SET score = 0, scored = FALSE, season = {_SEASON}
    WHERE board_id = %(board)s AND player IN (
        SELECT player FROM player WHERE {_NOT_CARRIED_OVER}
        ORDER BY season, negative LIMIT %(limit)s
    )
"""
# Of a window, hidden players as well. Each half has an index.
_ENDED = f"""
    SELECT player FROM player WHERE {_NOT_CARRIED_OVER}
    UNION ALL
    SELECT player FROM player WHERE board_id = %(board)s AND season < {_SEASON} AND hidden
"""
FIND_ENDED = f"{_ENDED} LIMIT 1"
DELETE_ENDED = f"""
    DELETE FROM player WHERE board_id = %(board)s AND player IN ({_ENDED} LIMIT %(limit)s)
"""
DELETE_PLAYERS = """
    DELETE FROM player WHERE board_id = %(board)s AND player IN (
        SELECT player FROM player WHERE board_id = %(board)s LIMIT %(limit)s
    )
"""
WRITE_ROWS = 4_000  # in one statement, as many as have values that SQLite takes
# The columns of VALUES have these names in SQLite and PostgreSQL alike. Rows without keys leave
# those that are there.
UPDATE = """
    UPDATE player
    SET score = new.column3, reached_at = new.column4, scored = new.column5,
        season = new.column6{keys}
    FROM (VALUES {rows}) AS new
    WHERE board_id = new.column1 AND player.player = new.column2
"""
SET_KEYS = ", keys = coalesce(new.column7, keys)"
# The table has one row. It is replaced only if it is still the one that was read.
REPLACE_LEASE = """
    INSERT INTO lease (id, holder, beat, position)
    SELECT 1, %(holder)s, %(beat)s, %(position)s
    WHERE (%(old_holder)s, %(old_beat)s) = ('', 0) OR EXISTS (SELECT 1 FROM lease)
    ON CONFLICT (id) DO UPDATE
    SET holder = excluded.holder, beat = excluded.beat, position = excluded.position
    WHERE (lease.holder, lease.beat) = (%(old_holder)s, %(old_beat)s)
"""


def write(sql: str, values: Sequence[Any] | Mapping[str, Any]) -> int:
    """Execute a statement; return how many rows it has changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def read(sql: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Execute a query; return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def read_by_ids(
    sql: str, boards: Collection[str], players: Collection[str]
) -> list[tuple[Any, ...]]:
    """Execute PLAYERS or SCORES for the players with these ids on these boards; return its rows, in
    any order."""
    if not players:  # PostgreSQL knows no empty list
        return []
    ids = {"boards": placeholders(boards), "players": placeholders(players)}
    return read(sql.format(**ids), [*boards, *players])


def placeholders(values: Collection[Any]) -> str:
    """Return a list of placeholders for these values."""
    return ", ".join(["%s"] * len(values))


def position_values(board: Row, position: RankPosition) -> dict[str, Any]:
    """Return the values of POSITION, and `board`."""
    sort_key = build_sort_key(board, position.score)
    return {"board": board["id"], **position._asdict(), "sort_key": sort_key}


def build_sort_key(board: Row, score: int) -> int:
    """Return the sort key of a score; of a sort key, the score."""
    return score if board["order"] == "asc" else -score


def board_row(columns: tuple[Any, ...]) -> Row:
    """Return the board's row, of BOARD_COLUMNS."""
    board = dict(zip(BOARD_COLUMNS, columns, strict=True))
    flags = {name: bool(board[name]) for name in ("private", "ask_email")}  # in SQLite 0 and 1
    settings = {name: _read_setting(board[name]) for name in ("show", "format", "windows")}
    return {**board, **flags, **settings}


@functools.lru_cache(maxsize=1000)
def _read_setting(text: str) -> Any:
    """Return a setting that is kept as JSON. Every increment reads the board, and boards have few
    different ones."""
    return json.loads(text)


def player_row(columns: tuple[Any, ...]) -> Row:
    """Return the player's row, of PLAYER_COLUMNS, after which the text of the data may follow."""
    if len(columns) > len(PLAYER_COLUMNS):
        row, text = player_row(columns[:-1]), columns[-1]
        return {**row, "data": decode_data(text)} if text else row
    return dict(zip(PLAYER_COLUMNS, (*columns[:-3], *map(bool, columns[-3:])), strict=True))


def decode_joined(joined: str, is_new: Callable[[int], bool]) -> list[Row]:
    """Return the players in ChangeRow's `joined` who have joined by a change that is new to a
    feed. `is_new` takes the change's number."""
    players = [player for player in json.loads(joined) if is_new(player["seq"])]
    return [{field: player[field] for field in ("id", "name", "score")} for player in players]
