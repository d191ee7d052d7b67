"""Read CSV as spreadsheets write it: lines of text in, rows of cells out. Write it back.

This is RFC 4180 with any line ends, blank lines, and a first line such as `sep=;`. A file means one
thing, or a row has a fault. The standard library's reader takes a stray quote for text and an open
one for the rest of the file, without a word. `manage/csv.js` of the dashboard reads the same.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

DELIMITERS = ",;\t|"
GUESSED_DELIMITERS = ",;\t"
MAX_ROW_LENGTH = 131_072  # characters, so that a quote that stays open does not fill the memory
BLANKS = " \t"

NO_DELIMITER = "after sep= there must be a comma, a semicolon, a tab or a vertical bar"
OPEN_QUOTE = "a quote is never closed"
STRAY_QUOTE = "there is a quote in a cell that does not begin with one"
TEXT_AFTER_QUOTE = "there is text after a closing quote"
TOO_LONG = f"the row is longer than {MAX_ROW_LENGTH:,} characters"
NOT_UTF8 = "the row is not text in UTF-8; save the file as “CSV UTF-8”"

_SEPARATOR_LINE = re.compile(r'"?sep=(.?)"?', re.IGNORECASE)
_IN_QUOTES = re.compile(r'[^"]*+(?:""[^"]*+)*+')
# What the error handler "surrogateescape" makes of bytes that are not UTF-8.
_BROKEN_BYTE = re.compile("[\udc80-\udcff]")
BYTE_ORDER_MARK = "\ufeff"  # by which spreadsheets know that a file is in UTF-8

# Names are written by strangers. So in an export there is an apostrophe before text that a
# spreadsheet would run as a formula, which an import takes off again (see csv.js).
_FORMULA = re.compile(r"[' ]*[=+\-@\t\r＝＋－＠]")
_GUARDED = re.compile(r"'[' ]*[=+\-@\t\r＝＋－＠]")


class CsvRow(NamedTuple):
    """A row of a file. If there is a fault, the cells may be wrong."""

    line: int  # the one that the row begins on, from 1
    last_line: int
    cells: list[str]
    fault: str  # why the row cannot be read; empty if it can


def read_rows(lines: Iterable[str]) -> Iterator[CsvRow]:
    """Yield the rows of a file, of which the first names the columns.

    `lines` have their ends, any of LF, CRLF and CR. A line without text is no row.
    """
    lines = iter(lines)
    first = next(lines, "")
    named = _SEPARATOR_LINE.fullmatch(_without_end(first))
    if not named:
        header = _take_header(chain([first], lines))
        yield from _split(chain(header, lines), _guess_delimiter("".join(header)), start=1)
    elif named[1] and named[1] in DELIMITERS:
        yield from _split(lines, named[1], start=2)
    else:
        yield CsvRow(1, 1, [], NO_DELIMITER)


def is_utf8(text: str) -> bool:
    """Return whether the text was UTF-8 when it was decoded with "surrogateescape"."""
    return text.isascii() or not _BROKEN_BYTE.search(text)


def unguard(text: str) -> str:
    """Return the text of a cell without the apostrophe by which an export guards formulas."""
    return text[1:] if _GUARDED.match(text) else text


def guard(text: str) -> str:
    """Return the text of a cell, with an apostrophe before a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def write_row(cells: Iterable[str | int | None]) -> str:
    """Return a line of CSV: numbers as they are, None as nothing, and text that no spreadsheet
    runs."""
    return ",".join(map(_write_cell, cells)) + "\r\n"


def _write_cell(cell: str | int | None) -> str:
    text = guard(cell) if isinstance(cell, str) else "" if cell is None else str(cell)
    if re.search('[",\r\n]', text) or text.strip(BLANKS) != text:
        return '"' + text.replace('"', '""') + '"'
    return text


def _take_header(lines: Iterator[str]) -> list[str]:
    """Take the lines up to the end of the first row, or to what is too long for one."""
    taken: list[str] = []
    length = quotes = 0
    for line in lines:
        taken.append(line)
        length += len(_without_end(line))
        quotes += line.count('"')
        if length > MAX_ROW_LENGTH or length and quotes % 2 == 0:
            break
    return taken


def _guess_delimiter(header: str) -> str:
    """Return a comma; if the header has none outside quotes, a semicolon or a tab that it has."""
    outside = re.sub('"[^"]*"', "", header)
    return next((mark for mark in GUESSED_DELIMITERS if mark in outside), ",")


def _split(lines: Iterable[str], delimiter: str, start: int) -> Iterator[CsvRow]:
    number, row = start, None
    for number, line in enumerate(lines, start):
        if row is None and '"' not in line:
            text = line.rstrip("\r\n")
            if text:
                cells = [cell.strip(BLANKS) for cell in text.split(delimiter)]
                yield CsvRow(number, number, cells, _find_fault(len(text), is_utf8(text)))
            continue
        row = row or _QuotedRow(delimiter, number)
        if row.add(line):
            yield row.finish(number)
            row = None
    if row:
        yield row.finish(number)


class _QuotedRow:
    """A row with quotes, which is read line by line."""

    def __init__(self, delimiter: str, line: int) -> None:
        self.delimiter, self.line = delimiter, line
        self.cells: list[str] = []
        self.fault = ""
        self.is_utf8 = True
        self.open: list[str] | None = None  # the parts of a cell whose quote is not closed yet
        self.length = 0

    def add(self, line: str) -> bool:
        """Add a line; return whether it ends the row."""
        end = len(_without_end(line))
        self.length += end
        self.is_utf8 = self.is_utf8 and is_utf8(line)
        at = 0
        while True:
            if self.open is None and line[at : at + 1] == '"':
                self.open = []
                at += 1
            at = self._add_plain(line, at, end) if self.open is None else self._close(line, at, end)
            if at > end:
                self.length += len(line) - end
                return False
            if at == end:
                return True
            at += 1  # the delimiter

    def finish(self, last_line: int) -> CsvRow:
        """Return the row, which ends on the last line."""
        unreadable = self.fault or _find_fault(self.length, self.is_utf8)
        fault = unreadable if self.open is None else OPEN_QUOTE
        return CsvRow(self.line, last_line, self.cells, fault)

    def _add_plain(self, line: str, at: int, end: int) -> int:
        """Add the cell without quotes that begins there; return where it ends."""
        stop = self._find_stop(line, at, end)
        cell = line[at:stop]
        if '"' in cell:
            self.fault = self.fault or STRAY_QUOTE
        self.cells.append(cell.strip(BLANKS))
        return stop

    def _close(self, line: str, at: int, end: int) -> int:
        """Add the rest of the open cell; return where it ends, beyond `end` if it goes on."""
        assert self.open is not None
        match = _IN_QUOTES.match(line, at)
        assert match
        if self.length <= MAX_ROW_LENGTH:
            self.open.append(match[0])
        if match.end() == len(line):
            return end + 1
        self.cells.append("".join(self.open).replace('""', '"'))
        self.open = None
        after = match.end() + 1
        stop = self._find_stop(line, after, end)
        if stop > after:
            self.fault = self.fault or TEXT_AFTER_QUOTE
        return stop

    def _find_stop(self, line: str, at: int, end: int) -> int:
        stop = line.find(self.delimiter, at, end)
        return end if stop < 0 else stop


def _find_fault(length: int, decoded: bool) -> str:
    """Return why a row of this length cannot be read; empty if it can."""
    if length > MAX_ROW_LENGTH:
        return TOO_LONG
    return "" if decoded else NOT_UTF8


def _without_end(line: str) -> str:
    return line.rstrip("\r\n")
