"""Pending maintenance: which boards have any, and what is to be done for past seasons."""

from collections.abc import Sequence
from typing import Any

from rethinkdb.errors import ReqlQueryLogicError

from leaderboardapp.domain.board_ids import SEPARATOR, window_id
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import WINDOWS
from leaderboardapp.stores.rethinkdb import rank_blocks
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database

# Looked at in one query. Of each, as many players are counted as a board without rank blocks has.
BOARDS_AT_ONCE = 50


def list_unfinished(db: Database, boards: Sequence[str]) -> list[str]:
    """Return those of these boards for which there may be work. Raises StoreUnavailable."""
    unfinished: list[str] = []
    for begin in range(0, len(boards), BOARDS_AT_ONCE):
        unfinished += _list_unfinished(db, [*boards[begin : begin + BOARDS_AT_ONCE]])
    return unfinished


def _list_unfinished(db: Database, boards: list[str]) -> list[str]:
    try:
        return [*db.run(_select_unfinished(db, boards))]
    except StoreUnavailable as error:
        if not isinstance(error.__cause__, ReqlQueryLogicError):
            raise
        # For a document of another program, which is found by halves.
        if len(boards) == 1:
            return boards  # and whoever does its work is told what is wrong
        middle = len(boards) // 2
        return _list_unfinished(db, boards[:middle]) + _list_unfinished(db, boards[middle:])


def _select_unfinished(db: Database, boards: list[str]) -> Any:
    """Select, as ReQL, the ids of those of these boards for which there may be work.

    To look for rows of a board in an index takes a third of a millisecond. So that is done only
    where documents that are read by their ids do not say it."""
    windows = [window_id(board, window) for board in boards for window in WINDOWS]
    owners = db.boards.get_all(*windows)["id"].map(lambda id: id.split(SEPARATOR)[0])

    def may_have_work(row: Any, counted: Any, owners: Any) -> Any:
        return r.or_(
            ~row["windows"].default([]).is_empty(),
            owners.contains(row["id"]),  # of windows that the board has perhaps no more
            counted.contains(row["id"]),  # rank blocks are counted anew after each change
            _is_large(db, row),
            (row["season"].default(1) > 1).or_(row["kept_from"].default(1) > 1)
            & _has_archive_work(db, row),
        )

    return r.do(
        db.blocks.get_all(*boards)["id"].coerce_to("array"),
        owners.coerce_to("array"),
        lambda counted, owners: (
            db.boards.get_all(*boards)
            .coerce_to("array")
            .filter(lambda row: may_have_work(row, counted, owners), default=True)["id"]
        ),
    )


def _is_large(db: Database, row: Any) -> Any:
    """Return, as ReQL, whether the board has more ranked players than one without rank blocks."""
    id, season = row["id"], row["season"].default(1)
    ranked = db.players.between([id, season], [id, season + 1], index="desc")
    # Without the map the server would gather the documents themselves before it counts them.
    return ranked.map(lambda _: 1).limit(rank_blocks.MOST + 1).count() > rank_blocks.MOST


def _has_archive_work(db: Database, row: Any) -> Any:
    work = select_archive_work(db, row["id"], row).pluck("expired", "left", "season")
    return ~work.values().filter(lambda found: found.ne(None)).is_empty()


def select_archive_work(db: Database, board: Any, row: Any) -> Any:
    """Select, as ReQL, what is to be done first for past seasons of a board with this document:
    `expired`, the number of one that is not kept; `season`, one that is not archived; or `left`,
    the number of one in which somebody still is. `kept` is the first one that is kept."""
    id, kept, running = r.expr(board), row["kept_from"].default(1), row["season"].default(1)
    old = [id, r.minval], [id, kept]
    # A piece of another process may come after its season was deleted.
    late = db.past.between(*old, index="place").nth(0)["season"].default(None)
    expired = db.seasons.between(*old, index="board").nth(0)["number"].default(late)
    unfinished = db.seasons.between([id, kept], [id, running], index="unfinished")
    behind = db.players.between([id, r.minval], [id, running], index="desc")
    first_left = behind.order_by(index="desc").map(_oldest_season).nth(0).default(None)

    def select(left: Any) -> Any:
        of_left = db.seasons.get(r.uuid(id.coerce_to("string") + "/" + left.coerce_to("string")))
        is_whole = (left >= kept) & of_left["top_only"].default(False).not_()
        season_of_left = r.branch(is_whole, of_left, None).default(None)
        season = unfinished.order_by(index="unfinished").nth(0).default(season_of_left)
        return {"kept": kept, "expired": expired, "left": left, "season": season}

    return first_left.do(select)


def _oldest_season(row: Any) -> Any:
    """Return, as ReQL, the first season of which a player's document has a score."""
    return row["unarchived"].default([])["season"].append(row["season"].default(1)).min()
