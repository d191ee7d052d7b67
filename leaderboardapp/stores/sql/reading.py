"""Reading boards and players, several reads at one moment (ADR 22)."""

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, TypeVar

from django.db import Error, connection

from leaderboardapp.domain.board_ids import owner_of
from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.sql.models import PlayerRow
from leaderboardapp.stores.sql.statements import (
    BOARD,
    BOARDS,
    CHANGE_NUMBERS,
    HIDDEN,
    PLAYER,
    PLAYERS,
    SCORES,
    board_row,
    placeholders,
    player_row,
    read,
    read_by_ids,
    write,
)

R = TypeVar("R")


def read_at_one_moment(begin: str, work: Callable[[], R]) -> R:
    """Return what `work` returns; all that it reads is as it was at one moment."""
    if not connection.get_autocommit():
        return work()  # within a transaction already
    write(begin, ())
    try:
        result = work()
    except BaseException:
        with suppress(Error):  # such as that the connection is gone, which is raised already
            write("ROLLBACK", ())
        raise
    write("COMMIT", ())
    return result


def read_board(board: str) -> Row:
    """Return the board's row. Raises BoardNotFound."""
    row = find_board(board)
    if row is None:
        raise BoardNotFound(board)
    return row


def find_board(board: str) -> Row | None:
    """Return the board's row, None if there is no such board."""
    rows = read(BOARD, [board])
    return board_row(rows[0]) if rows else None


def find_boards(ids: Collection[str]) -> dict[str, Row]:
    """Return the rows of those of these boards that are there, by their ids."""
    if not ids:  # PostgreSQL knows no empty list
        return {}
    rows = map(board_row, read(BOARDS.format(boards=placeholders(ids)), [*ids]))
    return {row["id"]: row for row in rows}


def read_change_numbers(ids: Collection[str]) -> dict[str, int]:
    """Return the number of the newest change of each of these boards, by their ids."""
    if not ids:  # PostgreSQL knows no empty list
        return {}
    return dict(read(CHANGE_NUMBERS.format(boards=placeholders(ids)), [*ids]))


def find_player(board: str, player: str) -> Row | None:
    """Return the player's row, None if there is no such player."""
    rows = read(PLAYER, [board, player])
    return player_row(rows[0]) if rows else None


def find_players(board: str, players: Collection[str]) -> list[Row]:
    """Return the rows of those players of the board who have these ids, in any order."""
    return [player_row(row) for row in read_by_ids(PLAYERS, [board], players)]


def find_scores(boards: Collection[str], players: Collection[str]) -> list[tuple[Any, ...]]:
    """Return the rows of SCORES of those players of the boards who have these ids."""
    return read_by_ids(SCORES, boards, players)


def find_hidden(board: str, after: str, limit: int) -> list[Row]:
    """Return the rows of hidden players by id, from the one after the id `after` on."""
    values = {"board": board, "after": after, "limit": limit}
    return [player_row(player) for player in read(HIDDEN, values)]


def find_emails(board: str, players: list[Row]) -> dict[str, str]:
    """Return the email addresses of these players, of those who have one, by their ids."""
    if not players:
        return {}
    board = owner_of(board)  # the address of a player is kept once
    rows = PlayerRow.objects.filter(board_id=board, player__in=[row["id"] for row in players])
    return {player: email for player, email in rows.values_list("player", "email") if email}
