"""Import the scores in a file: rows of the file become batches of amounts for the store.

An import has a name on its board. The store remembers how far each import has come: the last line,
and a hash of all rows counted up to it. The same import can therefore run again after an
interruption, or when its file has grown. A different file under the same name is detected.
"""

import hashlib
import io
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, NoReturn

from leaderboardapp.domain.csv_rows import BLANKS, NOT_UTF8, CsvRow, is_utf8, read_rows, unguard
from leaderboardapp.domain.exceptions import PlayerRefused
from leaderboardapp.domain.fields import Field, amount_field, id_field, name_field
from leaderboardapp.domain.messages import show
from leaderboardapp.domain.types import MAX_SCORE, Amount, Import
from leaderboardapp.stores.base import Store

LINES_PER_BATCH = 1000
LINES_NAMED = 5  # of one player, in a message
# A constant, so that a name gets the same id in every import.
NAMESPACE = uuid.UUID("b8a9c5cd-3f0e-4ee5-9d3c-6e0c4f2e7a51")

FileRow = Mapping[str, Any]
"""Values by the names of their columns."""


class BadRow(Exception):
    """A row cannot be counted; the message says why."""


class BadHeader(Exception):
    """The first row does not name the columns that are asked for, each once; the message says
    why."""


class DifferentFile(Exception):
    """The rows up to the line that the import had reached are not those that were counted."""


class RefusedRow(Exception):
    """The board does not allow a row, so nothing of its batch was counted; the message says why,
    and names the lines of that player."""


class CountedRow(NamedTuple):
    """A row of the file that counts, with what it adds to which player."""

    line: int  # in the file, from 1; the first one of the row
    player: str  # id
    name: str
    amount: int


@dataclass(frozen=True)
class Rules:
    """What the columns of a file mean, and which of its rows count."""

    player_column: str
    amount_column: str | None = None  # None: each row counts 1
    where: Mapping[str, str] = field(default_factory=dict)  # texts that a row must have, by column
    name_column: str | None = None  # None: a player is named as in player_column

    def columns(self) -> list[str]:
        """Return the columns that the file must have."""
        given = [self.player_column, self.amount_column, self.name_column, *self.where]
        return [column for column in given if column is not None]

    def count(self, line: int, row: FileRow) -> CountedRow | None:
        """Return what the row adds; None if `where` leaves it out. Raises BadRow."""
        if any(_to_text(_get_value(row, column)) != text for column, text in self.where.items()):
            return None
        player = name = _to_text(_get_value(row, self.player_column)).strip(BLANKS)
        _validate(self.player_column, name_field, player, player)
        if self.name_column is not None and row.get(self.name_column) not in (None, ""):
            name = _to_text(row[self.name_column])
            _validate(self.name_column, name_field, name, name)
        amount = 1
        if self.amount_column is not None:
            value = _get_value(row, self.amount_column)
            amount = _validate(
                self.amount_column, amount_field, _to_integer(value), _to_text(value)
            )
        return CountedRow(line, make_player_id(player), name, amount)


def make_player_id(name: str) -> str:
    """Return the name itself if it is a valid id, otherwise a UUID made from it."""
    try:
        return id_field(name)
    except ValueError:
        return str(uuid.uuid5(NAMESPACE, name))


def read_lines(file: io.BufferedReader | io.BytesIO) -> Iterator[str]:
    """Yield the lines of a file in UTF-8, with their ends: LF, CRLF or CR.

    Bytes that are not UTF-8 become characters for which `is_utf8` is false.
    """
    # Without a byte order mark, which spreadsheets write.
    return io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")


def read_csv(
    lines: Iterable[str], required: Iterable[str] = ()
) -> Iterator[tuple[int, FileRow | BadRow]]:
    """Return (line, row) for each row of a CSV file, whose first row names the columns.

    `line` is the first line of the row. Raises BadHeader at once, the rows are read one by one.
    """
    rows = read_rows(lines)
    header = next(rows, None)
    if header is None:
        raise BadHeader("the file is empty; its first line must name the columns")
    if header.fault:
        raise BadHeader(f"the header on line {header.line} cannot be read: {_explain(header)}")
    columns = header.cells
    for column in required:
        if columns.count(column) != 1:
            there = "are several columns" if column in columns else "is no column"
            names = ", ".join(map(show, columns))
            raise BadHeader(f"there {there} {show(column)}; the columns are {names}")
    return ((row.line, _name_cells(columns, row)) for row in rows)


def read_json_lines(lines: Iterable[str]) -> Iterator[tuple[int, FileRow | BadRow]]:
    """Yield (line, row) for each line of a JSON Lines file that is not blank."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _parse_json_row(line)


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
        _store_batch(store, board_id, import_name, upto, batch)
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


def _store_batch(
    store: Store, board_id: str, import_name: str, upto: Import, batch: list[CountedRow]
) -> None:
    try:
        store.import_batch(board_id, import_name, upto, _sum_by_player(batch))
    except PlayerRefused as error:
        raise RefusedRow(f"{error} ({_name_lines(batch, error.player)})") from error


def _require_digest(state: Import, digest: str) -> None:
    if digest != state.digest:
        raise DifferentFile(f"up to line {state.line}")


def _sum_by_player(rows: list[CountedRow]) -> list[Amount]:
    """Return one amount for each player, named as in the first row, in the order of the last rows.

    Equal scores rank in this order, because the player whose last row is earlier reached the score
    first.
    """
    amounts: dict[str, Amount] = {}
    for _, player, name, amount in rows:
        previous = amounts.pop(player, Amount(player, name, 0))
        largest = max(previous.largest, abs(amount))
        amounts[player] = Amount(player, previous.name, previous.amount + amount, largest)
    return list(amounts.values())


def _name_lines(batch: list[CountedRow], player: str) -> str:
    """Return the player's lines in the batch, such as "line 4" or "lines 4, 7, …"."""
    lines = [str(row.line) for row in batch if row.player == player]
    more = ", …" if len(lines) > LINES_NAMED else ""
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(lines[:LINES_NAMED])}{more}"


class JsonNumber(str):
    """A number of JSON that is not written as an integer, as it is written."""


def _parse_json_row(line: str) -> FileRow | BadRow:
    try:
        row = JSON_DECODER.decode(line) if is_utf8(line) else BadRow(NOT_UTF8)
    except (ValueError, RecursionError) as error:
        return BadRow(f"not JSON: {error}")
    return row if isinstance(row, dict | BadRow) else BadRow("not a JSON object")


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{show(twice)} is there twice in an object")
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


JSON_DECODER = json.JSONDecoder(
    parse_float=JsonNumber, parse_constant=_refuse_constant, object_pairs_hook=_make_object
)


def _name_cells(columns: list[str], row: CsvRow) -> FileRow | BadRow:
    number = len(row.cells)
    if row.fault:
        return BadRow(_explain(row))
    if number > len(columns):
        return BadRow(f"there are more cells than columns, {number} for {len(columns)}")
    cells = [unguard(cell) if cell[:1] == "'" else cell for cell in row.cells]
    missing = [""] * (len(columns) - number)  # spreadsheets may leave out empty cells at the end
    return dict(zip(columns, cells + missing, strict=True))


def _explain(row: CsvRow) -> str:
    """Return the row's fault, and which lines it takes with it."""
    lines = f", so lines {row.line} to {row.last_line} are left out"
    return f"{row.fault}{lines if row.last_line > row.line else ''}"


def _get_value(row: FileRow, column: str) -> Any:
    value = row.get(column)
    if value is None:
        raise BadRow(f"{show(column)} is missing")
    return value


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _to_integer(value: Any) -> Any:
    """Return the integer that a text spells, or a number is; any other value as it is."""
    if isinstance(value, JsonNumber):
        return _to_whole(value)
    # Without leading zeros, of which Python reads only some thousand.
    digits = isinstance(value, str) and re.fullmatch(r"([+-]?)0*([0-9]{1,16})", value.strip(BLANKS))
    return int(digits[1] + digits[2]) if digits else value


def _to_whole(number: JsonNumber) -> int | JsonNumber:
    """Return the integer that the number is exactly; the number itself if it is none, or too
    large for a score: to make an integer of 1e999999 takes long."""
    try:
        value = Decimal(number)
    except InvalidOperation:  # the exponent is beyond any limit
        return number
    return int(value) if abs(value) <= MAX_SCORE and value == int(value) else number


def _validate(column: str, accept: Field, value: Any, text: str) -> Any:
    """Return what the field makes of a value, which is written as `text`. Raises BadRow."""
    try:
        return accept(value)
    except ValueError as error:
        reason = f"{show(text)}; it must be {error}" if text else "missing"
        raise BadRow(f"{show(column)} is {reason}") from error
