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
from leaderboardapp.domain.fields import (
    DECODER,
    Field,
    RejectedInput,
    amount_field,
    id_field,
    name_field,
    parse_json,
)
from leaderboardapp.domain.messages import show
from leaderboardapp.domain.player_data import MAX_DATA_DEPTH, data_field
from leaderboardapp.domain.types import MAX_SCORE, Amount, Import
from leaderboardapp.stores.base import Store

LINES_PER_BATCH = 1000
JSON_BLANKS = " \t\r\n"
JSON_ENDINGS = (".jsonl", ".ndjson")
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
    and names the line."""


class CountedRow(NamedTuple):
    """A row of the file that counts, with what it adds to which player."""

    line: int  # in the file, from 1; the first one of the row
    player: str  # id
    name: str
    amount: int
    data: dict[str, Any] = {}  # of a player who is created


@dataclass(frozen=True)
class Rules:
    """What the columns of a file mean, and which of its rows count."""

    player_column: str
    amount_column: str | None = None  # None: each row counts 1
    where: Mapping[str, str] = field(default_factory=dict)  # texts that a row must have, by column
    name_column: str | None = None  # None: a player is named as in player_column
    data_column: str | None = None  # None: no player has data

    def columns(self) -> list[str]:
        """Return the columns that the file must have."""
        own = [self.player_column, self.amount_column, self.name_column, self.data_column]
        return [column for column in (*own, *self.where) if column is not None]

    def count(self, line: int, row: FileRow) -> CountedRow | None:
        """Return what the row adds; None if `where` leaves it out. Raises BadRow."""
        if not all(_is(text, _get_value(row, column)) for column, text in self.where.items()):
            return None
        player = name = _read(row, self.player_column, _player_field)
        if self.name_column is not None and row.get(self.name_column, "") != "":
            name = _read(row, self.name_column, _text_field)
        amount = 1
        if self.amount_column is not None:
            amount = _read(row, self.amount_column, _number_field)
        data = {}
        if self.data_column is not None and row.get(self.data_column, "") not in ("", None):
            data = _read(row, self.data_column, _data_field)
        return CountedRow(line, make_player_id(player), name, amount, data)


def make_player_id(name: str) -> str:
    """Return the name itself if it is a valid id, otherwise a UUID made from it."""
    try:
        return id_field(name)
    except ValueError:
        return str(uuid.uuid5(NAMESPACE, name))


def guess_format(file_name: str) -> str:
    """Return what is in a file of this name: jsonl or csv."""
    return "jsonl" if file_name.lower().endswith(JSON_ENDINGS) else "csv"


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
        if line.strip(JSON_BLANKS):
            yield number, _parse_json_row(line.rstrip("\r\n"))


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
        # A row without data is hashed as by versions that knew of none.
        hasher.update(repr(row[:] if row.data else row[:-1]).encode())
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
        store.import_batch(board_id, import_name, upto, _group_by_player(batch))
    except PlayerRefused as error:
        lines = [row.line for row in batch if row.player == error.player]
        raise RefusedRow(f"{error} (line {lines[error.row]})") from error


def _require_digest(state: Import, digest: str) -> None:
    if digest != state.digest:
        raise DifferentFile(f"up to line {state.line}")


def _group_by_player(rows: list[CountedRow]) -> list[Amount]:
    """Return the rows of each player, named as in the first one, with the first data, in the order
    in which the players reached their scores.

    Equal scores rank in this order. A player's first row counts, and each later one but those that
    add 0, by which nothing is reached.
    """
    names: dict[str, str] = {}
    first_data: dict[str, dict[str, Any]] = {}
    added: dict[str, list[int]] = {}
    for _, player, name, amount, data in rows:
        names.setdefault(player, name)
        first_data[player] = first_data.get(player) or data
        if amount and player in added:
            added[player] = added.pop(player)  # puts the player at the end
        added.setdefault(player, []).append(amount)
    return [
        Amount(player, names[player], tuple(amounts), first_data[player])
        for player, amounts in added.items()
    ]


class JsonNumber(str):
    """A number of JSON, as it is written."""


def _parse_json_row(line: str) -> FileRow | BadRow:
    try:
        row = JSON_DECODER.decode(line) if is_utf8(line) else BadRow(NOT_UTF8)
    except json.JSONDecodeError as error:  # its text has a line number, which is 1
        return BadRow(f"not JSON: {error.msg} at character {error.pos + 1}")
    except ValueError as error:
        return BadRow(f"not JSON: {error}")
    except RecursionError:
        return BadRow("it is nested too deeply")
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
    parse_float=JsonNumber,
    parse_int=JsonNumber,
    parse_constant=_refuse_constant,
    object_pairs_hook=_make_object,
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
    if column not in row:
        raise BadRow(f"{show(column)} is missing")
    return row[column]


def _is(text: str, value: Any) -> bool:
    """Return whether the value is this text, or is written so in JSON. No list or object is."""
    if isinstance(value, list | dict):
        return False
    return text == (value if isinstance(value, str) else json.dumps(value))


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


def _read(row: FileRow, column: str, accept: Field) -> Any:
    """Return what the field makes of the row's value in a column. Raises BadRow."""
    value = _get_value(row, column)
    try:
        return accept(value)
    except ValueError as error:
        is_blank = isinstance(value, str) and not value.strip(BLANKS)
        reason = "missing" if is_blank else f"{_describe(value)}; it must be {error}"
        raise BadRow(f"{show(column)} is {reason}") from error


def _describe(value: Any) -> str:
    """Return what a message calls a value."""
    if isinstance(value, list | dict):  # which may be too long, and too deep to be written
        return "a list" if isinstance(value, list) else "an object"
    return show(value) if isinstance(value, str) else json.dumps(value)


def _player_field(value: Any) -> str:
    """Accept a player, as an id or a name."""
    return _text_field(value.strip(BLANKS) if isinstance(value, str) else value)


def _text_field(value: Any) -> str:
    """Accept a name, or a number as it is written."""
    if not isinstance(value, str):
        raise ValueError("text or a number")
    return str(name_field(value))  # no JsonNumber


def _data_field(value: Any) -> dict[str, Any]:
    """Accept a player's data: an object, or in CSV the text of one."""
    if isinstance(value, str) and not isinstance(value, JsonNumber):
        try:
            value = parse_json(value.encode())
        except (RejectedInput, UnicodeEncodeError):
            value = None
    return data_field(_to_numbers(value, MAX_DATA_DEPTH))


def _to_numbers(value: Any, depth: int) -> Any:
    """Return the value with numbers in place of their texts, as deep as data may be."""
    if isinstance(value, JsonNumber):
        return DECODER.decode(value)
    if depth and isinstance(value, dict):
        return {key: _to_numbers(item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, list):
        return [_to_numbers(item, depth - 1) for item in value]
    return value


def _number_field(value: Any) -> int:
    """Accept an amount."""
    amount: int = amount_field(_to_integer(value))
    return amount
