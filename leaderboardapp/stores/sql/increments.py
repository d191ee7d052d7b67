"""Writes to scores of one board, many at once: read the players, apply the rule, write the changes.

The functions are called in a transaction in which nobody else changes the board.
"""

import json
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from django.db import connection

from leaderboardapp.domain import scoring
from leaderboardapp.domain.exceptions import PlayerNotFound, PlayerRefused, WrongSeason
from leaderboardapp.domain.fields import InvalidInput
from leaderboardapp.domain.joining import new_player
from leaderboardapp.domain.player_data import encode_data
from leaderboardapp.domain.types import KEYS_REMEMBERED, Amount, Increment, Row
from leaderboardapp.stores.base import Store, now_us
from leaderboardapp.stores.ranked_increments import add_ranks, select_ranked, split_by_ranks
from leaderboardapp.stores.sql.models import PlayerRow
from leaderboardapp.stores.sql.reading import find_scores
from leaderboardapp.stores.sql.search import remember_players
from leaderboardapp.stores.sql.statements import SET_KEYS, UPDATE, WRITE_ROWS, player_row, write
from leaderboardapp.stores.sql.windows import enter_windows, read_windows


class Player(NamedTuple):
    """A player's row, and the idempotency keys that it remembers, oldest first."""

    row: Row
    keys: list[str]


NOBODY = Player({}, [])
Apply = Callable[[Row, Row], Row]
"""A write of a score, as scoring.py has it: of a board's row and a player's it returns fields."""


class Scores:
    """Players of a board, and of its windows, as they are in one transaction.

    They are read when it begins, and written together at the end. One write of a score changes the
    player on the board and in each window (ADR 41)."""

    def __init__(self, board: Row, scores: list[Any], players: Collection[str]) -> None:
        """Take the rows of SCORES of the players of these ids on the board; read those in its
        windows."""
        self.board, self.windows = board, read_windows(board)
        self.boards = {row["id"]: row for row in (board, *self.windows)}
        if self.windows:
            ids = [window["id"] for window in self.windows]
            scores = [*scores, *find_scores(ids, players)]
        self.before: dict[tuple[str, str], Player] = {
            (row[-2], row[0]): Player(player_row(row[:-2]), json.loads(row[-1])) for row in scores
        }
        self.after = dict(self.before)

    def get(self, player: str) -> Player | None:
        """Return the player on the board, as of now; None if there is none."""
        return self.after.get((self.board["id"], player))

    def set(self, player: Player) -> None:
        """Put the player on the board, with what a write has changed."""
        self.after[self.board["id"], player.row["id"]] = player

    def apply_in_windows(self, player: str, now: int, apply: Apply) -> None:
        """Make a write that the board has taken in each window, too. Who is in none yet has 0."""
        for window in self.windows:
            key = window["id"], player
            row, keys = self.after.get(key, NOBODY)
            is_new = row.get("not_carried_over", True)
            if is_new:
                row = {**row, "id": player, **scoring.start_with(window, player, None, now)}
            if (fields := apply(window, row)) or is_new:
                self.after[key] = Player({**row, **fields}, keys)

    def write(self) -> None:
        """Write what has changed."""
        if new := [key for key in self.after if key not in self.before]:
            self._create(new)
        changed = [
            (self.boards[key[0]], old, self.after[key])
            for key, old in self.before.items()
            if self.after[key] is not old
        ]
        for start in range(0, len(changed), WRITE_ROWS):
            _write(changed[start : start + WRITE_ROWS])

    def _create(self, keys: list[tuple[str, str]]) -> None:
        """Create players on the board, then in windows, whose rows are copied from there."""
        own = [self.after[key] for key in keys if key[0] == self.board["id"]]
        windows = [(self.boards[key[0]], self.after[key].row) for key in keys]
        _insert(self.board, own)
        enter_windows(self.board, [row for row in windows if row[0] is not self.board])


def add_ranked(
    store: Store, board: Row, scores: list[Any], increments: list[Increment]
) -> list[Row | Exception]:
    """Add the increments in their order to SCORES of their players; return what Store.add_scores
    does."""
    results: list[Row | Exception] = []
    now = now_us()
    for piece in split_by_ranks(increments):
        players = {increment.player for increment in piece}
        if results:
            scores = find_scores([board["id"]], players)
        added = _add_increments(Scores(board, scores, players), piece, now + len(results))
        add_ranks(store, board["id"], select_ranked(piece, added))
        results += added
    return results


def import_amounts(board: Row, scores: list[Any], amounts: list[Amount]) -> None:
    """Add the amounts in their order to SCORES of their players; create players who are missing.
    Raises ScoreOutOfRange, EmailRequired, InvalidInput."""
    players = Scores(board, scores, {amount.player for amount in amounts})
    for now, amount in enumerate(amounts, start=now_us()):
        player = players.get(amount.player)
        row = player.row if player else None
        old = row or new_player(board, amount.player, amount.name, amount.data)
        fields = scoring.import_amount(board, row, amount, now)
        players.set(Player({**old, **fields}, player.keys if player else []))
        players.apply_in_windows(amount.player, now, _build_import(amount, now))
    players.write()


def write_score(
    board: Row,
    scores: list[Any],
    player: str,
    score: int,
    only_better: bool,
    season: int | None,
    name: str | None,
) -> Row:
    """Set the score of the player, who has this row of SCORES or none; return what Store.set_score
    does. Raises what it raises."""
    apply, now = scoring.set_best_score if only_better else scoring.set_score, now_us()
    players = Scores(board, scores, [player])
    old = players.get(player)
    row, keys = old or _start(board, Increment(player, 0, name=name), now)
    fields = apply(board, row, score, now, season)
    if fields or old is None:
        players.set(Player({**row, **fields}, keys))
    players.apply_in_windows(player, now, lambda window, row: apply(window, row, score, now))
    players.write()
    return scoring.describe_write(old and old.row, {**row, **fields})


def score_columns(board: Row, fields: Row) -> Row:
    """Return the columns of PlayerRow for the fields that scoring.py gives."""
    columns = {column: fields[column] for column in ("score", "reached_at", "scored")}
    return {**columns, "season": board["season"]}


def _add_increments(
    players: Scores, increments: list[Increment], now: int
) -> list[Row | Exception]:
    """Add the increments in their order, the first of them `now`."""
    results = [
        _add_increment(players, increment, now + index)
        for index, increment in enumerate(increments)
    ]
    players.write()
    return results


def _add_increment(players: Scores, increment: Increment, now: int) -> Row | Exception:
    """Add one increment; return the player's row afterwards, or why there is none."""
    board, old = players.board, players.get(increment.player)
    try:
        player = _add(board, old or _start(board, increment, now), increment, now)
    except (PlayerNotFound, PlayerRefused, WrongSeason, InvalidInput) as error:
        return error
    if player is not old:
        players.set(player)
        players.apply_in_windows(increment.player, now, _build_addition(increment.amount, now))
    return scoring.describe_write(old and old.row, player.row, repeated=player is old)


def _build_addition(amount: int, now: int) -> Apply:
    return lambda window, row: scoring.add_amount(window, row, amount, now)


def _build_import(amount: Amount, now: int) -> Apply:
    return lambda window, row: scoring.import_amount(window, row, amount, now)


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
        remember_players(board["id"], [row for row, _ in players])


def _write(changed: list[tuple[Row, Player, Player]]) -> None:
    """Update players: each the row of the board, and the player before and after."""
    # Keys are long, so they are written only where they have changed.
    with_keys = any(new.keys is not old.keys for _, old, new in changed)
    values: list[Any] = []
    for board, old, (row, keys) in changed:
        values += [board["id"], row["id"], row["score"], row["reached_at"], row["scored"]]
        values.append(board["season"])
        if with_keys:
            is_same = keys is old.keys
            values.append(None if is_same else connection.ops.adapt_json_value(keys, None))
    one = "(%s, %s, %s, %s, %s, %s, %s)" if with_keys else "(%s, %s, %s, %s, %s, %s)"
    sql = UPDATE.format(keys=SET_KEYS if with_keys else "", rows=", ".join([one] * len(changed)))
    write(sql, values)
