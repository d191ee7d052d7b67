"""Documents as rows."""

from leaderboardapp.domain.types import BOARD_DEFAULTS, Row
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.rethinkdb.schema import row_id


def player_document(board: str, player: str, name: str) -> Row:
    return {
        "id": row_id(board, player),
        "board": board,
        "player": player,
        "name": name,
        "score": 0,
        "reached_at": now_us(),
    }


def board_row(document: Row) -> Row:
    # A row made in the console may lack something; it must not keep others from being shown.
    return {"id": document["id"], **{f: document.get(f, d) for f, d in BOARD_DEFAULTS.items()}}


def player_row(document: Row, season: int = 0) -> Row:
    """`season`: the running one, if the document may be of another, which tidy has not come to."""
    running = (document.get("season") or 1) >= season
    return {
        "id": document["player"],
        "name": document.get("name", ""),
        "score": document["score"] if running else 0,
        "reached_at": document["reached_at"],
        "hidden": document.get("hidden", False),
        "scored": document.get("scored", True) and running,
        "not_carried_over": not running,
    }
