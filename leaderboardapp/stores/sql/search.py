"""Finding players and boards by the beginning of a name or an id (ADR 53), and lists of boards. The
caller writes in a transaction in which nobody else changes the board."""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, groupby
from operator import itemgetter
from typing import Any

from leaderboardapp.domain.searching import (
    BOARDS,
    LAST_CHARACTER,
    BoardPage,
    BoardPosition,
    SearchPosition,
    choose_boards,
    search_keys,
    split_page,
    to_player,
)
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.sql.reading import find_board, find_boards, find_players
from leaderboardapp.stores.sql.statements import WRITE_ROWS, placeholders, read, write

logger = logging.getLogger(__name__)

FILLED_AT_ONCE = 2_000  # players looked up, and written in one transaction, for which others wait
LOGGED_EACH = 500_000  # rows, which take a second or two

# Each half reads an index. Who is found by both may be there twice. With a second lower bound
# PostgreSQL would search from that one on.
_FIND = """
    SELECT {key}, player FROM search
    WHERE board = %(board)s AND hidden = %(hidden)s
        AND ({key}, player) > (%(key)s, %(player)s) AND {key} < %(end)s
    ORDER BY {key}, player LIMIT %(limit)s"""
_HALVES = [f"SELECT * FROM ({_FIND.format(key=key)}) AS {key}s" for key in ("name_key", "id_key")]
MATCHES = f"{' UNION '.join(_HALVES)} ORDER BY 1, 2 LIMIT %(limit)s"
# Boards in one of their orders.
_ORDER_KEYS = {"newest": "newest", "name": "name_key"}
LISTS = {
    order: f"""
        SELECT {key}, player FROM search
        WHERE board = '' AND hidden = %(hidden)s AND ({key}, player) > (%(key)s, %(id)s)
            AND {key} IS NOT NULL
        ORDER BY {key}, player LIMIT %(limit)s"""
    for order, key in _ORDER_KEYS.items()
}
FIRST = {"newest": BoardPosition(-(2**62), ""), "name": BoardPosition("", "")}
# Of the next rows of a table, those that a foreign program or an earlier version has created, and
# the last one. However many there are, an answer takes as long as each of them is looked up.
_UNKNOWN = """
    SELECT board, player, is_unknown, number FROM (
        SELECT board, player, row_number() OVER (ORDER BY board, player) AS number, (
            SELECT search.player FROM search
            WHERE search.board = piece.board AND search.player = piece.player
        ) IS NULL AND {condition} AS is_unknown
        FROM ({piece} LIMIT %(limit)s) AS piece
    ) AS looked_up
    WHERE is_unknown OR number = %(limit)s ORDER BY board, player
"""
UNKNOWN_BOARDS = _UNKNOWN.format(
    piece="SELECT %(board)s AS board, id AS player FROM board WHERE id > %(player)s ORDER BY id",
    condition="(SELECT since FROM board WHERE id = piece.player) IS NULL",
)
UNKNOWN_PLAYERS = _UNKNOWN.format(
    piece="""SELECT board_id AS board, player FROM player
        WHERE (board_id, player) > (%(board)s, %(player)s) ORDER BY board_id, player""",
    condition="(SELECT count(*) FROM board WHERE id = piece.board AND since IS NULL) = 1",
)
BOARDS_OF = """
    SELECT board FROM search WHERE player = %s AND board > %s ORDER BY board LIMIT %s
"""
REMEMBER = """
    INSERT INTO search (board, player, name_key, id_key, hidden, newest) VALUES {rows}
    ON CONFLICT (board, player) DO UPDATE SET name_key = excluded.name_key, hidden = excluded.hidden
"""
FORGET = "DELETE FROM search WHERE board = %s AND player = %s"
FORGET_SOME = """
    DELETE FROM search WHERE board = %(board)s AND player IN (
        SELECT player FROM search WHERE board = %(board)s LIMIT %(limit)s
    )
"""


def find_matches(
    board: str, prefix: str, limit: int, after: SearchPosition, hidden: bool
) -> list[SearchPosition]:
    """Return the players whom the folded text finds, from the position on."""
    bounds = {**max(after, SearchPosition(prefix))._asdict(), "end": prefix + LAST_CHARACTER}
    values = {"board": board, "hidden": hidden, "limit": limit, **bounds}
    return [SearchPosition(*row) for row in read(MATCHES, values)]


def read_boards(
    order: str, prefix: str, limit: int, after: BoardPosition | None, private: bool
) -> BoardPage:
    """Return a page of boards as the store's `find_boards` does."""
    page, last = split_page(_find_boards(order, prefix, limit + 1, after, private), limit)
    return BoardPage(choose_boards(page, find_boards({id for _, id in page}), prefix), last)


def _find_boards(
    order: str, prefix: str, limit: int, after: BoardPosition | None, private: bool
) -> list[BoardPosition]:
    positions: list[BoardPosition] = []
    for hidden in (False, True)[: 1 + private]:
        if prefix:
            start = SearchPosition(str(after.key), after.id) if after else SearchPosition()
            matches = find_matches(BOARDS, prefix, limit, start, hidden)
            positions += [BoardPosition(*match) for match in matches]
        else:
            start_at = (after or FIRST[order])._asdict()
            rows = read(LISTS[order], {"hidden": hidden, "limit": limit, **start_at})
            positions += [BoardPosition(*row) for row in rows]
    return sorted(positions)[:limit]


def list_boards_of(player: str, after: str, limit: int) -> list[str]:
    """Return ids of boards as the store's method of this name does."""
    return [board for (board,) in read(BOARDS_OF, [player, after, limit])]


def remember_board(board: Row, created_at: int = 0) -> None:
    """Have the board found as its row says. When it was created is only written if it is new."""
    remember_players(BOARDS, [to_player(board)], -created_at)


def remember_players(board: str, players: Sequence[Row], newest: int | None = None) -> None:
    """Have these players found as their rows say, whatever was known of them."""
    for start in range(0, len(players), WRITE_ROWS):
        piece, values = players[start : start + WRITE_ROWS], list[Any]()
        for row in piece:
            values += [board, row["id"], *search_keys(row), bool(row.get("hidden")), newest]
        rows = ", ".join([f"({placeholders(range(6))})"] * len(piece))
        write(REMEMBER.format(rows=rows), values)


def forget_player(board: str, player: str) -> None:
    """Have the player found no more."""
    write(FORGET, [board, player])


def fill(transaction: Callable[[str, Callable[[], None]], None]) -> None:
    """Have all players and boards found, in pieces, each in a transaction on its board."""
    for boards in _list_unknown(UNKNOWN_BOARDS):
        for _, board in boards:
            transaction(board, partial(_remember_current_board, board))
    for unknown in _list_unknown(UNKNOWN_PLAYERS):
        for board, players in groupby(unknown, key=itemgetter(0)):
            ids = [player for _, player in players]
            transaction(board, partial(_remember_current, board, ids))


def _list_unknown(sql: str) -> Iterator[list[tuple[str, str]]]:
    """Yield boards and ids of those who are not found yet, of one piece of the table after the
    other."""
    position = {"board": BOARDS, "player": ""}
    for looked_up in count(FILLED_AT_ONCE, FILLED_AT_ONCE):
        rows = read(sql, {**position, "limit": FILLED_AT_ONCE})
        yield [(board, player) for board, player, is_unknown, _ in rows if is_unknown]
        if not rows or rows[-1][3] < FILLED_AT_ONCE:
            return
        position["board"], position["player"], *_ = rows[-1]
        if looked_up % LOGGED_EACH == 0:
            logger.info("search: %s rows looked up", f"{looked_up:,}")


def _remember_current_board(board: str) -> None:
    if row := find_board(board):
        remember_board(row)


def _remember_current(board: str, players: list[str]) -> None:
    remember_players(board, find_players(board, players))
