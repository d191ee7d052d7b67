"""SQL by hand: the read that every poll, stream and publish makes, and the write that most requests
make. Built by the ORM they take ten times as long."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from leaderboardapp.stores.base import BOARD_DEFAULTS, MAX_SCORE, Row

BOARD_COLUMNS = ("id", *BOARD_DEFAULTS)
PLAYER_COLUMNS = ("id", "name", "score", "reached_at", "hidden", "scored")

_BOARD = ", ".join(f'"{column}"' for column in BOARD_COLUMNS)
_PLAYER = (
    "player.player, player.name, player.score, player.reached_at, player.hidden, player.scored"
)

BOARD = f"SELECT {_BOARD} FROM board WHERE id = %s"
# The conditions are those of models.RANKED, which the indexes have.
TOP = {
    order: f"""
        SELECT {_PLAYER} FROM player WHERE board_id = %s AND {ranked}
        ORDER BY score {order}, reached_at, player LIMIT %s
    """
    for order, ranked in (("desc", "NOT hidden"), ("asc", "NOT hidden AND scored"))
}
ADD = f"""
    UPDATE player SET
        score = player.score + %(amount)s,
        reached_at = CASE WHEN %(amount)s = 0 AND (player.scored OR board."order" = 'desc')
            THEN player.reached_at ELSE %(now)s END,
        scored = TRUE,
        keys = coalesce(%(keys)s, player.keys)
    FROM board
    WHERE board.id = player.board_id AND board_id = %(board)s AND player = %(player)s
        AND player.score + %(amount)s
            BETWEEN coalesce(board.min, -{MAX_SCORE}) AND coalesce(board.max, {MAX_SCORE})
        AND abs(%(amount)s) <= coalesce(board.max_amount, {MAX_SCORE})
    RETURNING {_PLAYER}
"""


def read(sql: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def board_row(row: tuple[Any, ...]) -> Row:
    *others, private = row  # SQLite's truth is 0 and 1
    return dict(zip(BOARD_COLUMNS, (*others, bool(private)), strict=True))


def player_row(row: tuple[Any, ...]) -> Row:
    *others, hidden, scored = row
    return dict(zip(PLAYER_COLUMNS, (*others, bool(hidden), bool(scored)), strict=True))
