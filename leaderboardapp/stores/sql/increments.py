"""Increments of one board: read its players, add, and write those who have changed, at once."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from django.core.exceptions import ObjectDoesNotExist
from django.db import connection

from leaderboardapp.domain.exceptions import ScoreOutOfRange, WrongSeason
from leaderboardapp.domain.scoring import check_season
from leaderboardapp.domain.types import KEYS_REMEMBERED, MAX_SCORE, Increment, Row, score_limits
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.sql.statements import PLAYERS, UPDATE, player_row, read, write


class Player(NamedTuple):
    row: Row
    keys: list[str]  # idempotency keys counted, oldest first


def add(board: Row, increments: list[Increment]) -> list[Row | Exception]:
    """As Store.add_scores tells. For whoever is alone on the board, in a transaction."""
    before = _read(board, {increment.player for increment in increments})
    players, results, now = dict(before), list[Row | Exception](), now_us()
    for place, increment in enumerate(increments):
        try:
            player = _added(board, players.get(increment.player), increment, now + place)
        except (ObjectDoesNotExist, ScoreOutOfRange, WrongSeason) as error:
            results.append(error)
        else:
            players[increment.player] = player
            results.append(player.row)
    changed = [name for name, player in players.items() if player is not before[name]]
    keyed = {name for name in changed if players[name].keys is not before[name].keys}
    # Keys are long, so they are written only where they have changed.
    _write(board, [players[name] for name in changed if name in keyed], keys=True)
    _write(board, [players[name] for name in changed if name not in keyed])
    return results


def _added(board: Row, player: Player | None, increment: Increment, now: int) -> Player:
    if player is None:
        raise ObjectDoesNotExist
    row, keys = player
    if increment.key and increment.key in keys:
        return player
    check_season(board, increment.season)
    (low, high), score = score_limits(board), row["score"] + increment.amount
    largest = MAX_SCORE if board["max_amount"] is None else board["max_amount"]
    if not low <= score <= high or abs(increment.amount) > largest:
        raise ScoreOutOfRange(row["id"], board)
    stays = increment.amount == 0 and (row["scored"] or board["order"] == "desc")
    reached_at = row["reached_at"] if stays else now
    row = {
        **row,
        "score": score,
        "reached_at": reached_at,
        "scored": True,
        "not_carried_over": False,
    }
    return Player(row, [*keys, increment.key][-KEYS_REMEMBERED:] if increment.key else keys)


def _read(board: Row, players: Iterable[str]) -> dict[str, Player]:
    names = list(players)
    rows = read(PLAYERS.format(players=_marks(names)), [board["id"], *names])
    return {row[0]: Player(player_row(row[:-1]), json.loads(row[-1])) for row in rows}


def _write(board: Row, players: list[Player], keys: bool = False) -> None:
    if not players:
        return
    rows = []
    for row, known in players:
        rows.append([row["id"], row["score"], row["reached_at"]])
        if keys:
            rows[-1].append(connection.ops.adapt_json_value(known, None))
    sql = UPDATE.format(
        keys=", keys = new.column4" if keys else "",
        rows=", ".join(f"({_marks(row)})" for row in rows),
    )
    write(sql, [board["season"], *(value for row in rows for value in row), board["id"]])


def _marks(values: list[str]) -> str:
    return ", ".join(["%s"] * len(values))
