"""Adding up the scores in a file: rows in, batches of amounts to the store.

An import has a name on its board. The store remembers how far it has come: a line, and the hash of
all that was counted up to it. So the same import can be run again after an interruption, or when
its file has grown, and a different file under the same name is noticed.
"""

import csv
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from leaderboardapp.domain.fields import Field, amount_field, id_field, name_field
from leaderboardapp.domain.types import Amount, Import
from leaderboardapp.stores.base import Store

LINES_PER_BATCH = 1000
# Whoever is named in a file gets the same id in every import.
NAMESPACE = uuid.UUID("b8a9c5cd-3f0e-4ee5-9d3c-6e0c4f2e7a51")

Row = Mapping[str, Any]


class BadRow(Exception):
    """This row cannot be counted; the message says why."""


class NoColumn(Exception):
    """The file has no such column; the message says which it has."""


class NotTheSame(Exception):
    """What stands before the point that the import had reached is not what was counted then."""


class Count(NamedTuple):
    line: int  # the one in the file, from 1, that the row ended on
    player: str
    name: str
    amount: int


@dataclass(frozen=True)
class Rules:
    """Which columns of a row mean what, and which rows count."""

    player_column: str
    amount_column: str | None = None  # without one, each row counts 1
    where: Mapping[str, str] = field(default_factory=dict)

    def columns(self) -> list[str]:
        return [self.player_column, *filter(None, [self.amount_column]), *self.where]

    def count(self, line: int, row: Row) -> Count | None:
        """None for a row that `where` leaves out. Raises BadRow."""
        if any(_text(_value(row, column)) != text for column, text in self.where.items()):
            return None
        name = _text(_value(row, self.player_column)).strip()
        _accept(self.player_column, name_field, name)
        amount = 1
        if self.amount_column:
            value = _integer(_value(row, self.amount_column))
            amount = _accept(self.amount_column, amount_field, value)
        return Count(line, player_id(name), name, amount)


def player_id(name: str) -> str:
    """A name that is a valid id is its own; any other gives a UUID."""
    try:
        return id_field(name)
    except ValueError:
        return str(uuid.uuid5(NAMESPACE, name))


def read_csv(
    lines: Iterable[str], needed: Iterable[str] = ()
) -> Iterator[tuple[int, Row | BadRow]]:
    """Rows by the names in the first one, each with the line that it ended on. Raises NoColumn."""
    reader = csv.DictReader(lines)
    for column in needed:
        if column not in (reader.fieldnames or ()):
            there = ", ".join(reader.fieldnames or ()) or "none"
            raise NoColumn(f"there is no column {column!r}; there are {there}")
    while True:
        try:
            row: Row | BadRow = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = BadRow(str(error))
        yield reader.line_num, row


def read_json_lines(lines: Iterable[str]) -> Iterator[tuple[int, Row | BadRow]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                row = BadRow(f"not JSON: {error}")
            yield number, row if isinstance(row, dict | BadRow) else BadRow("not a JSON object")


def read_counts(
    rows: Iterable[tuple[int, Row | BadRow]], rules: Rules, bad: Callable[[int, BadRow], None]
) -> Iterator[Count]:
    """What the rows count for. Calls `bad` with each line that cannot be counted, and goes on."""
    for line, row in rows:
        try:
            if isinstance(row, BadRow):
                raise row
            count = rules.count(line, row)
        except BadRow as error:
            bad(line, error)
        else:
            if count:
                yield count


def import_counts(store: Store, board: str, name: str, counts: Iterable[Count]) -> Iterator[int]:
    """Add them to the board, skipping what this import has counted before; yields the number of
    rows added as each batch is stored.

    Raises NotTheSame before anything is added, ImportMoved if another run of the same import is
    at work, and what Store.import_batch raises."""
    state = store.get_import(board, name)
    before = state.line if state.done else state.start  # all counted up to here
    seen = hashlib.blake2b(digest_size=16)
    batch: list[Count] = []
    resumed = state.line == 0

    def add(upto: Import) -> int:
        store.import_batch(board, name, upto, _amounts(batch))
        added = len(batch)
        batch.clear()
        return added

    for count in counts:
        if not resumed and count.line > state.line:
            _verify(state, seen.hexdigest())
            if batch:  # it was cut short; what of it was stored is not counted again
                yield add(state)
            before, resumed = state.line, True
        elif resumed and batch and count.line > before + LINES_PER_BATCH:
            upto = Import(before, batch[-1].line, seen.hexdigest())
            yield add(upto)
            before = upto.line
        seen.update(repr(tuple(count)).encode())
        if count.line > before:
            batch.append(count)
    if not resumed:
        _verify(state, seen.hexdigest())
    if batch:
        yield add(Import(before, batch[-1].line, seen.hexdigest()) if resumed else state)


def _verify(state: Import, digest: str) -> None:
    if digest != state.digest:
        raise NotTheSame(f"up to line {state.line}")


def _amounts(batch: list[Count]) -> list[Amount]:
    """One for each player, in the order of their last rows: who reached a score first."""
    amounts: dict[str, Amount] = {}
    for _, player, name, amount in batch:
        before = amounts.pop(player, None)
        amounts[player] = Amount(player, name, amount + (before.amount if before else 0))
    return list(amounts.values())


def _value(row: Row, column: str) -> Any:
    value = row.get(column)
    if value is None:
        raise BadRow(f"no value for {column}")
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _integer(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value):
        return int(value)
    return value


def _accept(column: str, check: Field, value: Any) -> Any:
    try:
        return check(value)
    except ValueError as error:
        raise BadRow(f"{column}: must be {error}") from error
