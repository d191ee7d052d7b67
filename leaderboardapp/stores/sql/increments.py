"""Writes to many scores of one board at once: read the players, apply the rule, write the changes.

The functions are called in a transaction in which nobody else changes the board.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection

from leaderboardapp.domain import scoring
from leaderboardapp.domain.exceptions import PlayerNotFound, ScoreOutOfRange, WrongSeason
from leaderboardapp.domain.joining import new_player
from leaderboardapp.domain.types import KEYS_REMEMBERED, Amount, Increment, Row
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.sql.models import PlayerRow
from leaderboardapp.stores.sql.statements import PLAYERS, UPDATE, player_row, read, write


class Player(NamedTuple):
    """A player's row, and the idempotency keys that it remembers, oldest first."""

    row: Row
    keys: list[str]


def add_increments(board: Row, increments: list[Increment]) -> list[Row | Exception]:
    """Add the increments in their order; return what Store.add_scores does."""
    before = _read(board, {increment.player for increment in increments})
    players, results, now = dict(before), list[Row | Exception](), now_us()
    for index, increment in enumerate(increments):
        try:
            player = _add(board, players.get(increment.player), increment, now + index)
        except (PlayerNotFound, ScoreOutOfRange, WrongSeason) as error:
            results.append(error)
        else:
            players[increment.player] = player
            results.append(player.row)
    changed = [(player, before[id]) for id, player in players.items() if player is not before[id]]
    # Keys are long, so they are written only where they have changed.
    keyed = [new for new, old in changed if new.keys is not old.keys]
    _write(board, keyed, with_keys=True)
    _write(board, [new for new, old in changed if new.keys is old.keys])
    return results


def import_amounts(board: Row, amounts: list[Amount]) -> None:
    """Add the amounts in their order; create players who are missing. Raises ScoreOutOfRange,
    EmailRequired, InvalidInput."""
    before = _read(board, {amount.player for amount in amounts})
    rows, now = {id: player.row for id, player in before.items()}, now_us()
    for index, amount in enumerate(amounts):
        row = rows.get(amount.player)
        old = row or new_player(board, amount)
        rows[amount.player] = {**old, **scoring.import_amount(board, row, amount, now + index)}
    # In two statements, because PostgreSQL's triggers see what a statement has added apart from
    # what it has changed.
    PlayerRow.objects.bulk_create(
        PlayerRow(board_id=board["id"], player=id, name=row["name"], **score_columns(board, row))
        for id, row in rows.items()
        if id not in before
    )
    _write(board, [player._replace(row=rows[id]) for id, player in before.items()])


def score_columns(board: Row, fields: Row) -> Row:
    """Return the columns of PlayerRow for the fields that scoring.py gives."""
    columns = {column: fields[column] for column in ("score", "reached_at", "scored")}
    return {**columns, "season": board["season"]}


def _add(board: Row, player: Player | None, increment: Increment, now: int) -> Player:
    """Apply one increment; return the player afterwards.

    If its key is known, that is the same object, so that nothing is written."""
    if player is None:
        raise PlayerNotFound(board["id"], increment.player)
    row, keys = player
    if increment.key and increment.key in keys:
        return player
    fields = scoring.add_amount(board, row, increment.amount, now, increment.season)
    if increment.key:
        keys = [*keys, increment.key][-KEYS_REMEMBERED:]
    return Player({**row, **fields}, keys)


def _read(board: Row, players: Iterable[str]) -> dict[str, Player]:
    ids = list(players)
    if not ids:  # PostgreSQL knows no empty list
        return {}
    rows = read(PLAYERS.format(players=_placeholders(ids)), [board["id"], *ids])
    return {row[0]: Player(player_row(row[:-1]), json.loads(row[-1])) for row in rows}


def _write(board: Row, players: list[Player], with_keys: bool = False) -> None:
    if not players:
        return
    rows = []
    for row, keys in players:
        rows.append([row["id"], row["score"], row["reached_at"]])
        if with_keys:
            rows[-1].append(connection.ops.adapt_json_value(keys, None))
    sql = UPDATE.format(
        keys=", keys = new.column4" if with_keys else "",
        rows=", ".join(f"({_placeholders(row)})" for row in rows),
    )
    write(sql, [board["season"], *(value for row in rows for value in row), board["id"]])


def _placeholders(values: list[str]) -> str:
    return ", ".join(["%s"] * len(values))
