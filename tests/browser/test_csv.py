"""static/leaderboardapp/manage/csv.js and importing.js, run where they will run."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from playwright.sync_api import Page

from tests.browser.conftest import Visits


class Module:
    def __init__(self, page: Page, name: str) -> None:
        self.page, self.url = page, staticfiles_storage.url(f"leaderboardapp/manage/{name}.js")

    def __call__(self, expression: str, *arguments: Any) -> Any:
        """The value of a JavaScript expression with the module as `it`, `a` the arguments."""
        # A function, because the page's policy forbids eval.
        call = f"async ([url, a]) => {{ const it = await import(url); return {expression}; }}"
        return self.page.evaluate(call, [self.url, list(arguments)])


@pytest.fixture
def page(visit: Visits, board: str) -> Iterator[Page]:
    yield visit(f"{board}manage/")


@pytest.fixture
def csv(page: Page) -> Module:
    return Module(page, "csv")


@pytest.fixture
def importing(page: Page) -> Module:
    return Module(page, "importing")


def test_rows_are_read_as_they_are_meant(csv: Module) -> None:
    for text, rows in {
        "": [],
        "a": [["a"]],
        "a,b\r\nc,d\r\n": [["a", "b"], ["c", "d"]],
        "a,b\nc,d": [["a", "b"], ["c", "d"]],
        "a,b\rc,d\r": [["a", "b"], ["c", "d"]],
        "\ufeffa,b\n": [["a", "b"]],
        '\ufeff"a",b\n': [["a", "b"]],
        ",\n": [["", ""]],
        "a,\n,b\n": [["a", ""], ["", "b"]],
        "a,": [["a", ""]],
        "\n\r\n a \n\n": [[" a "]],
        '"a,b","c""d","e\r\nf",""\n': [["a,b", 'c"d', "e\r\nf", ""]],
        '""""': [['"']],
        'a"b,c\n': [['a"b', "c"]],
        "Zoë,😀\n": [["Zoë", "😀"]],
    }.items():
        assert csv("Array.from(it.readCsv(a[0]), (row) => row.cells)", text) == rows, repr(text)
        assert csv('Array.from(it.readCsv(a[0]), (row) => row.fault).join("")', text) == ""


def test_a_row_is_at_the_line_that_it_begins_on(csv: Module) -> None:
    text = 'a\r\n\r\n"b\r\nb\rb\nb",c\nd\re\n'
    assert csv("Array.from(it.readCsv(a[0]), (row) => row.line)", text) == [1, 3, 7, 8]


def test_a_row_with_misplaced_quotes_is_not_trusted(csv: Module) -> None:
    faults = "Array.from(it.readCsv(a[0]), (row) => row.fault)"
    after = "there is text after a closing quote"
    assert csv(faults, '"a"b,c\nd\n') == [after, ""]
    assert csv(faults, 'a\n"b,c\nd') == ["", "a quote is never closed"]


def test_the_delimiter_is_that_of_the_first_line(csv: Module) -> None:
    for text, delimiter in {
        "a;b\n1,2;3": ";",
        "a\tb;c": ";",
        "a\tb": "\t",
        "a,b;c": ",",
        '"a,b";c': ";",
        "a": ",",
        "": ",",
    }.items():
        assert csv("it.delimiterOf(a[0])", text) == delimiter, repr(text)
    read = "Array.from(it.readCsv(a[0], ';'), (row) => row.cells)"
    assert csv(read, '1,5;"2;5"\n') == [["1,5", "2;5"]]


def test_what_is_written_is_read_back_whatever_it_is(csv: Module) -> None:
    cells = ["", "a", 'say "a"', "a,b", "a\nb", "a\r\nb", " a ", "Zoë", "=1", "'=1", "''@", "'a"]
    back = "Array.from(it.readCsv(it.writeRow(a[0])), (row) => row.cells.map(it.unguard))"
    assert csv(back, cells) == [cells]
    assert csv("it.writeRow(a[0])", ["a", 'b"', None, -5, 0]) == 'a,"b""",,-5,0\r\n'


def test_a_spreadsheet_finds_no_formula_in_a_name(csv: Module) -> None:
    for name in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'=1", "＝1"):
        assert csv("it.guard(a[0])", name) == f"'{name}"
        assert csv("it.unguard(it.guard(a[0]))", name) == name
    for name in ("a=1", "1-1", "'quoted'", "", "#1"):
        assert csv("it.guard(a[0])", name) == name
        assert csv("it.unguard(a[0])", name) == name


def test_columns_are_guessed_from_their_titles(importing: Module) -> None:
    for titles, guess in {
        "id,name,score,rank,email": (0, 1, 2, 4),
        "Points,Player ID,Player name,E-mail address": (1, 2, 0, 3),
        "name,amount": (0, 0, 1, -1),
        "date,scorer,minute": (1, -1, -1, -1),
        "x,y": (0, -1, -1, -1),
    }.items():
        columns = importing("it.guessColumns(a[0])", titles.split(","))
        assert tuple(columns.values()) == guess, titles


ADD_UP = "it.addUp(a[0], ',', {id: 0, name: 1, amount: 2})"


def test_a_players_rows_are_added_up_and_the_earlier_last_row_comes_first(
    importing: Module,
) -> None:
    text = "id,name,amount\na,Al,1\nb,,2\na,Other,+3\n"
    read = importing(ADD_UP, text)
    assert read["faults"] == [] and read["rows"] == 3
    assert [(row["id"], row["name"], row["amount"]) for row in read["players"]] == [
        ("b", "b", 2),
        ("a", "Al", 4),
    ]
    assert read["players"][1]["lines"] == [2, 4]


def test_rows_that_cannot_count_are_named_with_their_lines(importing: Module) -> None:
    bad = ["a b,x,1", ",x,1", "a,x,1.5", "a,x,", "a", "a,x,9007199254740992", f"a,{'x' * 101},1"]
    text = "id,name,amount\n" + "\n".join([*bad, '"a"x,y,1', "a,ok,9007199254740991", "a,ok,1"])
    read = importing(ADD_UP, text)
    assert [fault["line"] for fault in read["faults"]] == [*range(2, 10), 11]
    for fault, word in zip(
        read["faults"],
        [
            "id “a b”",
            "missing",
            "“1.5”",
            "missing",
            "missing",
            "whole",
            "name",
            "quote",
            "too much",
        ],
        strict=True,
    ):
        assert word in fault["detail"]
    [player] = read["players"]
    assert player["amount"] == 2**53 - 1


def test_an_import_is_named_after_all_that_it_would_count(importing: Module) -> None:
    names = importing(
        "[['a', 1, {id: 0}], ['a', 1, {id: 0}], ['b', 1, {id: 0}], ['a', 2, {id: 0}],"
        " ['a', 1, {id: 1}]].map((each) => it.nameOfImport(...each))"
    )
    assert names[0] == names[1] and len(set(names)) == 4
    assert all(name.isalnum() for name in names)
