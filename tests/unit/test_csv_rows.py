"""Rows of CSV files: what spreadsheets write is read, and nothing is guessed or left out."""

import csv
import io
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboardapp.domain.csv_rows import BLANKS, MAX_ROW_LENGTH, OPEN_QUOTE, TOO_LONG, read_rows
from leaderboardapp.importer import (
    BadHeader,
    CountedRow,
    Rules,
    count_rows,
    make_player_id,
    read_csv,
    read_lines,
)
from tests.support.csv_files import FILES, File

MARKS = "a \",;\t|\r\n='é"


def read(text: str) -> list[tuple[int, int, list[str], str]]:
    return [tuple(row) for row in read_rows(lines_of(text))]  # type: ignore[misc]


def lines_of(text: str) -> Iterator[str]:
    return read_lines(io.BytesIO(text.encode()))


@pytest.mark.parametrize("name", FILES)
def test_a_file_means_one_thing_or_its_bad_rows_are_named(name: str) -> None:
    file = FILES[name]
    bad: dict[int, str] = {}
    try:
        rows = list(count(file, bad))
    except BadHeader as error:
        assert file.refused
        assert str(error).startswith(file.refused)
        return
    assert not file.refused
    assert rows == [
        CountedRow(line, make_player_id(player), name, amount)
        for line, (player, name, amount) in file.rows.items()
    ]
    assert list(bad) == list(file.bad)
    for line, reason in file.bad.items():
        assert bad[line].startswith(reason)


def count(file: File, bad: dict[int, str]) -> Iterator[CountedRow]:
    rules = Rules("who", "points", name_column="name" if b"name" in file.content else None)
    rows = read_csv(read_lines(io.BytesIO(file.content)), ["who", "points"])
    return count_rows(rows, rules, lambda line, error: bad.update({line: str(error)}))


cells = st.lists(st.lists(st.text(MARKS, max_size=6), min_size=2, max_size=3), max_size=4)


@settings(max_examples=60)
@given(rows=cells, delimiter=st.sampled_from(",;\t|"), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_the_standard_library_writes_is_read_back(
    rows: list[list[str]], delimiter: str, end: str
) -> None:
    file = io.StringIO(newline="")
    file.write(f"sep={delimiter}{end}")
    csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    assert [row[2:] for row in read(file.getvalue())] == [(cells, "") for cells in rows]


@settings(max_examples=60)
@given(st.lists(st.text("abé '=;|", min_size=1, max_size=6), min_size=2, max_size=3))
def test_a_cell_without_quotes_is_what_is_between_blanks(cells: list[str]) -> None:
    [row] = read("sep=,\n" + ",".join(cells))
    assert row[2:] == ([cell.strip(BLANKS) for cell in cells], "")


@settings(max_examples=150)
@given(st.text(MARKS, max_size=40))
def test_every_line_is_in_one_row_whatever_the_file_is(text: str) -> None:
    rows = read(text)
    named = [line for first, last, _, _ in rows for line in range(first, last + 1)]
    filled = [line for line, content in enumerate(lines_of(text), 1) if content.strip("\r\n")]
    assert named == sorted(set(named))
    assert set(filled) <= set(named)


def test_an_open_quote_does_not_fill_the_memory() -> None:
    def endless() -> Iterator[str]:
        yield 'a,"b\n'
        for number in range(100_000):
            yield f"{number:099}\n"  # a text of its own each, so that to keep them takes memory

    tracemalloc.start()
    try:
        rows = [(row.line, row.last_line, row.fault) for row in read_rows(endless())]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows == [(1, 100_001, OPEN_QUOTE)]
    assert peak < 20 * MAX_ROW_LENGTH, "10 MB were read"


def test_a_row_that_is_too_long_is_read_to_its_end() -> None:
    line = "x" * 99 + "\n"
    text = f'a,b\nc,"{line * 2000}"\nd,e\n'
    assert [(row[0], row[1], row[3]) for row in read(text)] == [
        (1, 1, ""),
        (2, 2002, TOO_LONG),
        (2003, 2003, ""),
    ]
