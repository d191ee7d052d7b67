"""Documents and the rows that the store gives out (stores/base.py)."""

from typing import Any

from leaderboardapp.domain.board_ids import is_window
from leaderboardapp.domain.player_data import decode_data, encode_data
from leaderboardapp.domain.types import BOARD_DEFAULTS, Row
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.schema import row_id


def player_document(board: str, player: str, name: str, data: Row | None = None) -> Row:
    """Return the document of a new player, whose score is 0."""
    text = encode_data(data)
    return {
        "id": row_id(board, player),
        "board": board,
        "player": player,
        "name": name,
        "score": 0,
        "reached_at": now_us(),
        **({"data": text} if text else {}),
    }


def board_row(document: Row) -> Row:
    """Return a board's row. A document made in the console may lack fields; they get defaults."""
    return {"id": document["id"], **{f: document.get(f, d) for f, d in BOARD_DEFAULTS.items()}}


def with_fields(document: Any, fields: Row) -> Any:
    """Return, as ReQL, the document with these fields, each in place of the one before.

    An `update` would merge a field that is an object with the object that is there, and takes no
    `literal` from a branch."""
    new = {
        name: r.literal(value) if isinstance(value, dict) else value
        for name, value in fields.items()
    }
    return document.merge(new)


def is_board(document: Any, row: Row) -> Any:
    """Return, as ReQL, whether a board's document still has these values."""
    return r.and_(
        *(document[field].default(value).eq(row[field]) for field, value in BOARD_DEFAULTS.items())
    )


def is_player(document: Any, row: Row) -> Any:
    """Return, as ReQL, whether a player's document still has the values of this row.

    Every score that is written sets `reached_at`, but one that stays the same."""
    return (
        document["name"].default("").eq(row["name"])
        & document["hidden"].default(False).eq(row["hidden"])
        & document["reached_at"].eq(row["reached_at"])
        & document["data"].default("").eq(encode_data(row.get("data")) or "")
    )


def player_row(document: Row, season: int = 0) -> Row:
    """Return a player's row in the running `season`.

    Leave `season` out if the document cannot be of an earlier one. A player of an earlier one is
    not carried over yet.
    """
    carried_over = (document.get("season") or 1) >= season
    row = {
        "id": document["player"],
        "name": document.get("name", ""),
        "score": document["score"] if carried_over else 0,
        "reached_at": document["reached_at"],
        "hidden": document.get("hidden", False),
        "scored": document.get("scored", True) and carried_over,
        "not_carried_over": not carried_over,
    }
    text = document.get("data")
    return {**row, "data": decode_data(text)} if text else row


def find_member(board: Row, document: Row) -> Row | None:
    """Return the row of a player on the board with this row; None for those of a window who have
    no score in its running season yet."""
    row = player_row(document, board["season"])
    is_left = row["not_carried_over"] or row["score"] is None
    return None if is_left and is_window(board["id"]) else row


def is_member(board: Any, document: Any) -> Any:
    """Return, as ReQL, the same of a board's and a player's document: whether there is a row."""
    is_own = board["since"].default(None).eq(None)
    is_running = document["season"].default(1).eq(board["season"].default(1))
    return is_own | (is_running & document["score"].default(None).ne(None))


def find_emails(documents: list[Row]) -> dict[str, str]:
    """Return the email addresses in players' documents, by the players' ids."""
    return {row["player"]: row["email"] for row in documents if row.get("email")}
