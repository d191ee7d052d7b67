"""Writes to scores of one board, many at once: read the players, apply the rule, write the changes.

The functions are called in a transaction in which nobody else changes the board.
"""

import json
from collections.abc import Collection
from typing import NamedTuple

from django.db import connection

from leaderboardapp.domain import scoring
from leaderboardapp.domain.exceptions import PlayerNotFound, PlayerRefused, WrongSeason
from leaderboardapp.domain.fields import InvalidInput
from leaderboardapp.domain.joining import new_player
from leaderboardapp.domain.player_data import encode_data
from leaderboardapp.domain.types import KEYS_REMEMBERED, Amount, Increment, Row
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.sql.models import PlayerRow
from leaderboardapp.stores.sql.reading import find_player
from leaderboardapp.stores.sql.statements import (
    SCORES,
    UPDATE,
    placeholders,
    player_row,
    read_by_ids,
    write,
)


class Player(NamedTuple):
    """A player's row, and the idempotency keys that it remembers, oldest first."""

    row: Row
    keys: list[str]


def add_increments(board: Row, increments: list[Increment], now: int) -> list[Row | Exception]:
    """Add the increments in their order, the first of them `now`; return what Store.add_scores
    does, but for ranks."""
    before = _read(board, {increment.player for increment in increments})
    players, results = dict(before), list[Row | Exception]()
    for index, increment in enumerate(increments):
        old = players.get(increment.player)
        try:
            player = old or _start(board, increment, now + index)
            player = _add(board, player, increment, now + index)
        except (PlayerNotFound, PlayerRefused, WrongSeason, InvalidInput) as error:
            results.append(error)
        else:
            players[increment.player] = player
            repeated = player is old
            results.append(scoring.describe_write(old and old.row, player.row, repeated))
    _insert(board, [player for id, player in players.items() if id not in before])
    changed = [(players[id], old) for id, old in before.items() if players[id] is not old]
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
        old = row or new_player(board, amount.player, amount.name, amount.data)
        rows[amount.player] = {**old, **scoring.import_amount(board, row, amount, now + index)}
    _insert(board, [Player(row, []) for id, row in rows.items() if id not in before])
    _write(board, [player._replace(row=rows[id]) for id, player in before.items()])


def write_score(
    board: Row, player: str, score: int, only_better: bool, season: int | None, name: str | None
) -> Row:
    """Set a score; return what Store.set_score does. Raises what it raises."""
    apply, now = scoring.set_best_score if only_better else scoring.set_score, now_us()
    row = find_player(board["id"], player)
    if row is None:
        row = _start(board, Increment(player, 0, name=name), now).row
        row |= apply(board, row, score, now, season)
        _insert(board, [Player(row, [])])
        return scoring.describe_write(None, row)
    fields = apply(board, row, score, now, season)
    if fields:
        rows = PlayerRow.objects.filter(board_id=board["id"], player=player)
        rows.update(**score_columns(board, fields))
    return scoring.describe_write(row, {**row, **fields})


def score_columns(board: Row, fields: Row) -> Row:
    """Return the columns of PlayerRow for the fields that scoring.py gives."""
    columns = {column: fields[column] for column in ("score", "reached_at", "scored")}
    return {**columns, "season": board["season"]}


def _start(board: Row, increment: Increment, now: int) -> Player:
    """Return the player whom the increment creates, before it is applied. Raises PlayerNotFound if
    it has no name, EmailRequired, InvalidInput."""
    if increment.name is None:
        raise PlayerNotFound(board["id"], increment.player)
    new = new_player(board, increment.player, increment.name)
    start = scoring.start_with(board, new["id"], None, now)
    return Player({**new, **start, "hidden": False}, [])


def _add(board: Row, player: Player, increment: Increment, now: int) -> Player:
    """Apply one increment; return the player afterwards.

    If its key is known, that is the same object, so that nothing is written."""
    row, keys = player
    if increment.key and increment.key in keys:
        return player
    fields = scoring.add_amount(board, row, increment.amount, now, increment.season)
    if increment.key:
        keys = [*keys, increment.key][-KEYS_REMEMBERED:]
    return Player({**row, **fields}, keys)


def _read(board: Row, players: Collection[str]) -> dict[str, Player]:
    rows = read_by_ids(SCORES, board["id"], players)
    return {row[0]: Player(player_row(row[:-1]), json.loads(row[-1])) for row in rows}


def _insert(board: Row, players: list[Player]) -> None:
    # Apart from what is updated, because PostgreSQL's triggers see what a statement has added apart
    # from what it has changed.
    if players:
        PlayerRow.objects.bulk_create(
            PlayerRow(
                board_id=board["id"],
                player=row["id"],
                name=row["name"],
                keys=keys,
                data=encode_data(row.get("data")),
                **score_columns(board, row),
            )
            for row, keys in players
        )


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
        rows=", ".join(f"({placeholders(row)})" for row in rows),
    )
    write(sql, [board["season"], *(value for row in rows for value in row), board["id"]])
