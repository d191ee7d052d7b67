"""Rows of JSON Lines files: what counts, and which reasons are given for what does not."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.importer import Rules, count_rows, read_json_lines, read_lines

NAMED = Rules("who", "points", name_column="name")
AMOUNT = "an integer from -9007199254740991 to 9007199254740991"
NAME = "text of 1 to 100 characters, not blank, no control characters or overrides of direction"


def count_text(text: str, rules: Rules) -> tuple[list[tuple[int, str, int]], dict[int, str]]:
    """Return (line, name, amount) of the rows that count, and the reasons of the others by line."""
    bad: dict[int, str] = {}
    lines = read_lines(io.BytesIO(text.encode("utf-8", "surrogateescape")))
    rows = read_json_lines(lines)
    counted = count_rows(rows, rules, lambda line, error: bad.update({line: str(error)}))
    return [(row.line, row.name, row.amount) for row in counted], bad


def test_json_lines_are_counted_by_their_fields() -> None:
    rows: list[Any] = [
        {"who": "Al", "points": 3, "ok": True},
        {"who": 7, "points": "4", "ok": True},
        {"who": "Bo", "points": 3, "ok": False},
        {"who": "Bo", "points": True, "ok": True},
        {"who": "Bo", "points": 3.0, "ok": True},
        {"points": 3, "ok": True},
        ["Al"],
    ]
    text = "\n".join([*map(json.dumps, rows), "", "{", "[" * 100_000])
    rules = Rules("who", "points", {"ok": "true"})
    assert count_text(text, rules) == (
        [(1, "Al", 3), (2, "7", 4), (5, "Bo", 3)],
        {
            4: f"“points” is true; it must be {AMOUNT}",
            6: "“who” is missing",
            7: "not a JSON object",
            9: "not JSON: Expecting property name enclosed in double quotes at character 2",
            10: "it is nested too deeply",
        },
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_json_lines_have_any_line_ends(end: str) -> None:
    text = end.join(['\ufeff{"who": "Al", "points": 3}', "", '{"who": "Bo", "points": 4}'])
    rows = count_text(text, Rules("who", "points"))
    assert rows == ([(1, "Al", 3), (3, "Bo", 4)], {})


@pytest.mark.parametrize(
    ("number", "amount"),
    [
        ("3.000", 3),
        ("-2e1", -20),
        ("4503599627370497.0", 4503599627370497),
        ("9007199254740991", 2**53 - 1),
        ("4503599627370497.3", None),
        ("1e-400", None),
        ("1e999999999999999999999", None),
        ("9007199254740992", None),
        ("NaN", None),
        ("-Infinity", None),
        ("5" * 5000, None),
    ],
)
def test_a_json_number_counts_as_it_is_written(number: str, amount: int | None) -> None:
    text = f'{{"who": "Al", "points": {number}}}'
    good, bad = count_text(text, Rules("who", "points"))
    assert (good, [*bad]) == (([], [1]) if amount is None else ([(1, "Al", amount)], []))


def test_a_condition_is_compared_with_a_json_number_as_it_is_written() -> None:
    text = '{"who": "Al", "v": 1.50}\n{"who": "Bo", "v": 1.5}\n'
    good, _ = count_text(text, Rules("who", where={"v": "1.50"}))
    assert good == [(1, "Al", 1)]


@pytest.mark.parametrize(
    "row", ['{"who": "Al", "who": "Bo"}', '{"who": "Al", "x": "\udce9"}', '{"who": NaN}']
)
def test_a_json_row_of_two_meanings_or_no_text_is_bad(row: str) -> None:
    good, bad = count_text(row, Rules("who"))
    assert (good, [*bad]) == ([], [1])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("[]", "a list"),
        ('["Al"]', "a list"),
        ("{}", "an object"),
        ('{"id": 7}', "an object"),
        ("true", "true"),
        ("false", "false"),
        ("null", "null"),
    ],
)
def test_a_player_or_a_name_is_text_or_a_number(value: str, shown: str) -> None:
    for column, other in [("who", "name"), ("name", "who")]:
        row = f'{{"{column}": {value}, "{other}": "Al", "points": 1}}'
        reason = f"“{column}” is {shown}; it must be text or a number"
        assert count_text(row, NAMED) == ([], {1: reason})


@pytest.mark.parametrize("value", ["[]", "{}", "[" * 400 + "]" * 400])
def test_no_condition_holds_for_a_list_or_an_object(value: str) -> None:
    row = f'{{"who": "Al", "x": {value}}}'
    assert count_text(row, Rules("who", where={"x": value})) == ([], {})


@pytest.mark.parametrize("number", ["7", "-0", "1.50", "1E3", "9" * 99])
def test_a_number_that_is_a_player_or_a_name_is_shown_as_it_is_written(number: str) -> None:
    assert count_text(f'{{"who": {number}, "points": 1}}', NAMED) == ([(1, number, 1)], {})
    row = f'{{"who": "Al", "name": {number}, "points": 1}}'
    assert count_text(row, NAMED) == ([(1, number, 1)], {})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{who: "Al"}', "not JSON: Expecting property name enclosed in double quotes at char"),
        ("Al,3", "not JSON: Expecting value at character 1"),
        ('{"who": "Al"} x', "not JSON: Extra data at character 15"),
        ('{"who": "Al", "who": "Al"}', "not JSON: “who” is there twice in an object"),
        ('{"who": NaN}', "not JSON: NaN is not a JSON number"),
        ("[" * 100_000, "it is nested too deeply"),
        ("\u00a0", "not JSON: Expecting value at character 1"),
        ("[7]", "not a JSON object"),
        ('{"points": 3}', "“who” is missing"),
        ('{"who": ""}', "“who” is missing"),
        ('{"who": "\\u200b"}', f"“who” is “\u200b”; it must be {NAME}"),
        (f'{{"who": {"9" * 5000}}}', f"“who” is “{'9' * 40}…”; it must be {NAME}"),
        ('{"who": "Al"}', "“points” is missing"),
        ('{"who": "Al", "points": null}', f"“points” is null; it must be {AMOUNT}"),
        ('{"who": "Al", "points": [3]}', f"“points” is a list; it must be {AMOUNT}"),
        ('{"who": "Al", "points": ""}', "“points” is missing"),
    ],
)
def test_a_bad_row_says_what_is_accepted_and_names_no_line_of_its_own(
    row: str, reason: str
) -> None:
    good, bad = count_text(f"\n{row}\n", NAMED)
    assert (good, list(bad)) == ([], [2])
    assert bad[2].startswith(reason)
    assert "line" not in bad[2]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=2) | st.dictionaries(st.text(), children),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["who", "name", "points"]), values))
def test_any_row_counts_or_is_bad_with_a_reason(row: dict[str, Any]) -> None:
    good, bad = count_text(json.dumps(row), NAMED)
    assert len(good) + len(bad) == 1
    assert all(bad.values())
