"""The modules in static/leaderboardapp/manage that read and write files, run where they will run.

They are compared to the readers of `manage.py import_scores`: a file is the same to both."""

import base64
import io
import itertools
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from leaderboardapp.domain import scoring
from leaderboardapp.domain.csv_rows import read_rows
from leaderboardapp.domain.exceptions import ScoreOutOfRange, WrongSeason
from leaderboardapp.domain.types import BOARD_DEFAULTS, MAX_SCORE, Row
from leaderboardapp.importer import (
    Rules,
    count_rows,
    make_player_id,
    read_csv,
    read_lines,
)
from leaderboardapp.web.problems import to_problem
from tests.browser.conftest import Visits
from tests.support.csv_files import FILES
from tests.support.player_data import player_data


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
def counting(page: Page) -> Module:
    return Module(page, "counting")


@pytest.fixture
def exporting(page: Page) -> Module:
    return Module(page, "exporting")


@pytest.fixture
def importing(page: Page) -> Module:
    return Module(page, "importing")


READ_ROWS = """async ([csv, files]) => {
  const { decode, readCsv } = await import(csv);
  return files.map((file) => {
    const bytes = Uint8Array.from(atob(file), (byte) => byte.charCodeAt(0));
    return Array.from(readCsv(decode(bytes)), ({ line, last, cells, fault }) =>
      [line, last, fault ? [] : cells, fault]);
  });
}"""

COUNT_ROWS = """async ([csv, counting, files]) => {
  const { decode } = await import(csv);
  const { countRows, readHeader } = await import(counting);
  return files.map((file) => {
    const text = decode(Uint8Array.from(atob(file), (byte) => byte.charCodeAt(0)));
    try {
      const header = readHeader(text);
      const [id, name, amount] = ["who", "name", "points"].map((title) => header.indexOf(title));
      return Array.from(countRows(text, { id, name, amount }));
    } catch (error) {
      return error.message;
    }
  });
}"""


def test_the_dashboard_reads_every_file_as_the_command_does(
    csv: Module, counting: Module, page: Page
) -> None:
    files = [encode(file.content) for file in FILES.values()]
    results = page.evaluate(COUNT_ROWS, [csv.url, counting.url, files])
    for (name, file), result in zip(FILES.items(), results, strict=True):
        if file.refused:
            assert isinstance(result, str), name
            assert result[1:].startswith(file.refused[1:]), name  # here it begins with a capital
            continue
        assert not isinstance(result, str), f"{name}: {result}"
        rows = {
            row["line"]: (row["id"], row["name"], row["amount"])
            for row in result
            if "fault" not in row
        }
        assert rows == {
            line: (make_player_id(player), shown, amount)
            for line, (player, shown, amount) in file.rows.items()
        }, name
        bad = {row["line"]: row["fault"] for row in result if "fault" in row}
        assert list(bad) == list(file.bad), name
        for line, reason in file.bad.items():
            assert bad[line].startswith(reason), name


def test_any_bytes_are_the_same_rows_to_the_dashboard_and_the_command(
    csv: Module, page: Page
) -> None:
    random = Random(17)
    pieces = [b"a", b" ", b'"', b'"', b",", b";", b"\t", b"\r", b"\n", b"\xe9", b"\xc3\xa9"]
    pieces += [b"sep=;\n", b"\xef\xbb\xbf"]
    files = [b"".join(random.choices(pieces, k=random.randint(0, 24))) for _ in range(3000)]
    results = page.evaluate(READ_ROWS, [csv.url, [encode(file) for file in files]])
    for file, rows in zip(files, results, strict=True):
        expected = [
            [line, last, [] if fault else cells, fault]
            for line, last, cells, fault in read_rows(read_lines(io.BytesIO(file)))
        ]
        assert rows == expected, file


def encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_a_row_is_written_as_rfc_4180_says(csv: Module) -> None:
    assert csv("it.writeRow(a[0])", ["a", 'b"', None, -5, 0]) == 'a,"b""",,-5,0\r\n'
    assert csv("it.writeRow(a[0])", [" a", "a\t", "a b", ""]) == '" a","a\t",a b,\r\n'


def test_a_spreadsheet_finds_no_formula_in_a_name(csv: Module) -> None:
    for name in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'=1", "＝1", " =1", "' =1"):
        assert csv("it.guard(a[0])", name) == f"'{name}"
        assert csv("it.unguard(it.guard(a[0]))", name) == name
    for name in ("a=1", "1-1", "'quoted'", "", "#1", "' a"):
        assert csv("it.guard(a[0])", name) == name
        assert csv("it.unguard(a[0])", name) == name


def test_columns_are_guessed_from_their_titles(counting: Module) -> None:
    for titles, guess in {
        "id,name,score,rank,email,data": (0, 1, 2, 4, 5),
        "Points,Player ID,Player name,E-mail address": (1, 2, 0, 3, -1),
        "name,amount,Data": (0, 0, 1, -1, 2),
        "date,scorer,minute": (1, -1, -1, -1, -1),
        "x,y": (0, -1, -1, -1, -1),
    }.items():
        columns = counting("it.guessColumns(a[0])", titles.split(","))
        assert tuple(columns.values()) == guess, titles


def test_columns_that_hold_amounts_are_known_by_their_rows(counting: Module) -> None:
    rows = [["a", "1", "1.5", "", " +2 "], ["3", "-7", "2", ""], ["b", "", "3", "", "9" * 20]]
    assert counting("it.findNumbers(a[0], a[1])", list("vwxyz"), rows) == [1]
    assert counting("it.findNumbers(a[0], a[1])", list("vwxyz"), rows[:1]) == [1, 4]


ADD_UP = "it.addUp(a[0], {id: 0, name: 1, amount: 2})"


def test_a_players_rows_are_added_up_and_who_reached_the_sum_first_comes_first(
    counting: Module,
) -> None:
    text = "id,name,amount\na,Al,1\nb,,2\na,Other,+3\nc,,0\nb,,0\n"
    read = counting(ADD_UP, text)
    assert read["faults"] == [] and read["rows"] == 5
    assert [(row["id"], row["name"], row["amount"]) for row in read["players"]] == [
        ("b", "b", 2),
        ("a", "Al", 4),
        ("c", "c", 0),
    ]
    assert read["players"][1]["lines"] == [2, 4]


def test_amounts_that_add_up_to_too_much_are_a_bad_row(counting: Module) -> None:
    read = counting(ADD_UP, "id,name,amount\na,x,1.5\na,ok,9007199254740991\na,ok,1\n")
    assert [fault["line"] for fault in read["faults"]] == [2, 4]
    assert read["faults"][1]["detail"] == "the player's amounts add up to too much"
    [player] = read["players"]
    assert (player["amount"], player["name"]) == (2**53 - 1, "ok")


def test_an_import_is_named_after_all_that_it_would_count(importing: Module) -> None:
    names = importing(
        "[['a', 1, {id: 0}], ['a', 1, {id: 0}], ['b', 1, {id: 0}], ['a', 2, {id: 0}],"
        " ['a', 1, {id: 1}]].map((each) => it.nameOfImport(...each))"
    )
    assert names[0] == names[1] and len(set(names)) == 4
    assert all(name.isalnum() for name in names)


def test_a_new_players_sum_is_refused_for_the_reason_that_the_service_has(
    importing: Module,
) -> None:
    """So that nobody is created in vain."""
    limits = itertools.product((None, -3, 0), (None, 0, 4), (None, 2), (1, 2))
    boards = [
        {**BOARD_DEFAULTS, "min": low, "max": high, "max_amount": largest, "season": season}
        for low, high, largest, season in limits
    ]
    amounts = [0, 1, -1, 2, -2, 3, -3, 4, 5, -4, MAX_SCORE, -MAX_SCORE]
    reasons = importing(
        "a[0].map((board) => a[1].map((amount) => it.whyRefused(board, 1, {id: 'al', amount})))",
        boards,
        amounts,
    )
    for board, of_board in zip(boards, reasons, strict=True):
        assert of_board == [why_refused(board, amount) for amount in amounts], board


def why_refused(board: Row, amount: int) -> str:
    player = {"id": "al", "score": 0, "scored": False, "reached_at": 1}
    try:
        scoring.add_amount(board, player, amount, now=2, season=1)
    except (ScoreOutOfRange, WrongSeason) as error:
        problem = to_problem(error)
        assert problem
        return problem.detail
    return ""


def test_data_is_sent_as_it_is_in_the_file(counting: Module, importing: Module) -> None:
    texts = ['{"a":1,"a":2}', '{"a":1e400}', '{"a":0.12345678901234567890}', '{"b":1, "2":1}']
    rows = ["id,data", *('x,"{}"'.format(text.replace('"', '""')) for text in texts)]
    counted = counting(
        "Array.from(it.countRows(a[0], {id: 0, name: -1, amount: -1, email: -1, data: 1}))",
        "\n".join(rows),
    )
    for text, player in zip(texts, counted, strict=True):
        body = importing(CREATE, {**player, "email": "a@b.example"})
        assert json.loads(body.replace(f',"data":{text}}}', "}")) == {
            "id": "x",
            "name": "x",
            "email": "a@b.example",
        }


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_a_player_who_is_refused_is_a_fault_and_no_end_of_the_import(
    importing: Module, status: int
) -> None:
    player = {"id": "x", "name": "x", "data": '{"a":1,"a":2}', "rows": 1, "lines": [2]}
    [fault] = importing(REFUSE, Module(importing.page, "api").url, status, player)
    assert fault == {"line": 2, "detail": "x: refused"}


REFUSE = """(async () => {
  const { Failure } = await import(a[0]);
  const send = async (method) => { throw new Failure(method === "GET" ? 404 : a[1], "refused"); };
  const faults = [];
  await new it.Import({ send }, "name", 1, []).create(a[2], faults, null);
  return faults;
})()"""

CREATE = """(async () => {
  let sent;
  const api = { send: async (method, path, body) => { sent = body; } };
  await new it.Import(api, "name", 1, []).create(a[0], [], null);
  return sent;
})()"""

EXPORT = """async ([csv, counting, exporting, players]) => {
  const { decode } = await import(csv);
  const { countRows, guessColumns, readHeader } = await import(counting);
  const { exportPlayers } = await import(exporting);
  // As JSON, because a key such as __proto__ would not come through otherwise.
  const listed = JSON.parse(players);
  const api = { async *pages(list) { yield { players: list.includes("hidden") ? [] : listed }; } };
  const parts = await exportPlayers(api, "", null, () => {});
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  const text = decode(bytes);
  const rows = countRows(text, guessColumns(readHeader(text)));
  return [Array.from(bytes), JSON.stringify(Array.from(rows))];
}"""

ids = st.text("-_=Aa0", min_size=1, max_size=8).map(lambda text: text.replace("=", "-"))
# What is special to a file or a spreadsheet, and anything that a name may have besides.
name_parts = st.text(
    st.one_of(
        st.sampled_from(" '\"=+-@,;|＝\u00a0\ufeff#"), st.characters(exclude_categories=["C", "Z"])
    ),
    max_size=40,
)
names = st.builds(lambda before, after: f"{before}x{after}", name_parts, name_parts) | st.builds(
    lambda mark, after: f"{mark}{after}", st.sampled_from("=+-@'"), name_parts
)
players = st.lists(
    st.tuples(ids, names, st.integers(-MAX_SCORE, MAX_SCORE), player_data),
    max_size=8,
    unique_by=lambda row: row[0],
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(players=players)
def test_both_importers_read_back_what_was_exported(
    csv: Module, counting: Module, exporting: Module, players: list[tuple[str, str, int, Row]]
) -> None:
    listed = [
        {"id": id, "name": name, "score": score, "rank": rank, **({"data": data} if data else {})}
        for rank, (id, name, score, data) in enumerate(players, 1)
    ]
    modules = [csv.url, counting.url, exporting.url]
    content, counted_json = csv.page.evaluate(EXPORT, [*modules, json.dumps(listed)])
    rows = [
        (row["id"], row["name"], row["amount"], json.loads(row.get("data", "{}")))
        for row in json.loads(counted_json)
    ]
    assert rows == players

    rules = Rules("id", "score", name_column="name", data_column="data")
    lines = read_lines(io.BytesIO(bytes(content)))
    counted = count_rows(read_csv(lines, rules.columns()), rules, fail)
    assert [row[1:] for row in counted] == players
    assert bytes(content).startswith(b"\xef\xbb\xbf"), "so that Excel knows that it is UTF-8"


def fail(line: int, error: Exception) -> None:
    raise AssertionError(f"line {line}: {error}")
