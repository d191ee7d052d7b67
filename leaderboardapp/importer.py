"""Import the scores in a file: rows of the file become batches of amounts for the store.

An import has a name on its board. The store remembers how far each import has come: the last line,
and a hash of all rows counted up to it. The same import can therefore run again after an
interruption, or when its file has grown. A different file under the same name is detected.
"""

import csv
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from leaderboardapp.domain.exceptions import PlayerRefused
from leaderboardapp.domain.fields import Field, amount_field, id_field, name_field
from leaderboardapp.domain.types import Amount, Import
from leaderboardapp.stores.base import Store

LINES_PER_BATCH = 1000
LINES_NAMED = 5  # of one player, in a message
# A constant, so that a name gets the same id in every import.
NAMESPACE = uuid.UUID("b8a9c5cd-3f0e-4ee5-9d3c-6e0c4f2e7a51")

FileRow = Mapping[str, Any]
"""Values by the names of their columns."""


class BadRow(Exception):
    """A row cannot be counted; the message says why."""


class MissingColumn(Exception):
    """The file lacks a column; the message says which columns it has."""


class DifferentFile(Exception):
    """The rows up to the line that the import had reached are not those that were counted."""


class RefusedRow(Exception):
    """The board does not allow a row, so nothing of its batch was counted; the message says why,
    and names the lines of that player."""


class CountedRow(NamedTuple):
    """A row of the file that counts, with what it adds to which player."""

    line: int  # in the file, from 1; the last one of the row
    player: str  # id
    name: str
    amount: int


@dataclass(frozen=True)
class Rules:
    """What the columns of a file mean, and which of its rows count."""

    player_column: str
    amount_column: str | None = None  # None: each row counts 1
    where: Mapping[str, str] = field(default_factory=dict)  # texts that a row must have, by column

    def columns(self) -> list[str]:
        """Return the columns that the file must have."""
        return [self.player_column, *filter(None, [self.amount_column]), *self.where]

    def count(self, line: int, row: FileRow) -> CountedRow | None:
        """Return what the row adds; None if `where` leaves it out. Raises BadRow."""
        if any(_to_text(_get_value(row, column)) != text for column, text in self.where.items()):
            return None
        name = _to_text(_get_value(row, self.player_column)).strip()
        _validate(self.player_column, name_field, name)
        amount = 1
        if self.amount_column:
            value = _to_integer(_get_value(row, self.amount_column))
            amount = _validate(self.amount_column, amount_field, value)
        return CountedRow(line, make_player_id(name), name, amount)


def make_player_id(name: str) -> str:
    """Return the name itself if it is a valid id, otherwise a UUID made from it."""
    try:
        return id_field(name)
    except ValueError:
        return str(uuid.uuid5(NAMESPACE, name))


def read_csv(
    lines: Iterable[str], required: Iterable[str] = ()
) -> Iterator[tuple[int, FileRow | BadRow]]:
    """Yield (line, row) for each row of a CSV file, whose first row names the columns.

    `line` is the last line of the row. Raises MissingColumn if a required column is missing.
    """
    reader = csv.DictReader(lines)
    for column in required:
        if column not in (reader.fieldnames or ()):
            columns = ", ".join(reader.fieldnames or ()) or "none"
            raise MissingColumn(f"there is no column {column!r}; there are {columns}")
    while True:
        try:
            row: FileRow | BadRow = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = BadRow(str(error))
        yield reader.line_num, row


def read_json_lines(lines: Iterable[str]) -> Iterator[tuple[int, FileRow | BadRow]]:
    """Yield (line, row) for each line of a JSON Lines file that is not blank."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                row = BadRow(f"not JSON: {error}")
            yield number, row if isinstance(row, dict | BadRow) else BadRow("not a JSON object")


def count_rows(
    rows: Iterable[tuple[int, FileRow | BadRow]],
    rules: Rules,
    on_bad_row: Callable[[int, BadRow], None],
) -> Iterator[CountedRow]:
    """Yield the rows that count. Call `on_bad_row(line, error)` for each that cannot."""
    for line, row in rows:
        try:
            if isinstance(row, BadRow):
                raise row
            counted = rules.count(line, row)
        except BadRow as error:
            on_bad_row(line, error)
        else:
            if counted:
                yield counted


def import_rows(
    store: Store, board_id: str, import_name: str, rows: Iterable[CountedRow]
) -> Iterator[int]:
    """Add the rows to the board, without those that this import has added before.

    Yields the number of rows added, each time that a batch is stored. Raises DifferentFile before
    anything is added, ImportMoved if the same import is running elsewhere, RefusedRow, and what
    Store.import_batch raises.
    """
    state = store.get_import(board_id, import_name)
    stored_line = state.line if state.done else state.start  # all rows up to here are stored
    hasher = hashlib.blake2b(digest_size=16)
    batch: list[CountedRow] = []
    resumed = state.line == 0  # whether the rows have passed the line that the import had reached

    def store_batch(upto: Import) -> int:
        try:
            store.import_batch(board_id, import_name, upto, _sum_by_player(batch))
        except PlayerRefused as error:
            raise RefusedRow(f"{error} ({_name_lines(batch, error.player)})") from error
        added = len(batch)
        batch.clear()
        return added

    for row in rows:
        if not resumed and row.line > state.line:
            _require_digest(state, hasher.hexdigest())
            if batch:  # it was interrupted; the store skips the players that were counted
                yield store_batch(state)
            stored_line, resumed = state.line, True
        elif resumed and batch and row.line > stored_line + LINES_PER_BATCH:
            upto = Import(stored_line, batch[-1].line, hasher.hexdigest())
            yield store_batch(upto)
            stored_line = upto.line
        hasher.update(repr(tuple(row)).encode())
        if row.line > stored_line:
            batch.append(row)
    if not resumed:
        _require_digest(state, hasher.hexdigest())
    if batch:
        last = Import(stored_line, batch[-1].line, hasher.hexdigest()) if resumed else state
        yield store_batch(last)


def _require_digest(state: Import, digest: str) -> None:
    if digest != state.digest:
        raise DifferentFile(f"up to line {state.line}")


def _sum_by_player(rows: list[CountedRow]) -> list[Amount]:
    """Return one amount for each player, in the order of the players' last rows.

    Equal scores rank in this order, because the player whose last row is earlier reached the score
    first.
    """
    amounts: dict[str, Amount] = {}
    for _, player, name, amount in rows:
        previous = amounts.pop(player, Amount(player, name, 0))
        largest = max(previous.largest, abs(amount))
        amounts[player] = Amount(player, name, previous.amount + amount, largest)
    return list(amounts.values())


def _name_lines(batch: list[CountedRow], player: str) -> str:
    """Return the player's lines in the batch, such as "line 4" or "lines 4, 7, …"."""
    lines = [str(row.line) for row in batch if row.player == player]
    more = ", …" if len(lines) > LINES_NAMED else ""
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(lines[:LINES_NAMED])}{more}"


def _get_value(row: FileRow, column: str) -> Any:
    value = row.get(column)
    if value is None:
        raise BadRow(f"no value for {column}")
    return value


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _to_integer(value: Any) -> Any:
    """Return the integer that a text spells; any other value as it is."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value):
        return int(value)
    return value


def _validate(column: str, accept: Field, value: Any) -> Any:
    try:
        return accept(value)
    except ValueError as error:
        raise BadRow(f"{column}: must be {error}") from error
