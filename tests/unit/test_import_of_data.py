"""Data of players in files that are imported: which is read, and what becomes of it."""

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain.player_data import DATA_ACCEPTED
from leaderboardapp.domain.types import Row
from leaderboardapp.importer import (
    CountedRow,
    Rules,
    count_rows,
    read_csv,
    read_json_lines,
    read_lines,
)
from leaderboardapp.models import Board, Player
from leaderboardapp.stores.base import Store
from tests.support.player_data import player_data

RULES = Rules("who", data_column="data")


def count(text: str, *, is_csv: bool) -> tuple[list[Row], list[str]]:
    """Return the data of the rows that count, and why the others do not."""
    bad: list[str] = []
    lines = read_lines(io.BytesIO(text.encode("utf-8", "surrogateescape")))
    rows = read_csv(lines, RULES.columns()) if is_csv else read_json_lines(lines)
    counted = count_rows(rows, RULES, lambda _, error: bad.append(str(error)))
    return [row.data for row in counted], bad


@given(st.lists(player_data, max_size=4))
def test_data_is_read_as_it_was_written(table: list[Row]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["who", "data"], *(["al", json.dumps(row)] for row in table)])
    assert count(file.getvalue(), is_csv=True) == (table, [])
    text = "\n".join(json.dumps({"who": "al", "data": row}) for row in table)
    assert count(text, is_csv=False) == (table, [])
    text = "\n".join(json.dumps({"who": "al", "data": json.dumps(row)}) for row in table)
    assert count(text, is_csv=False) == (table, [])


@pytest.mark.parametrize(
    "row", ['{"who": 7}', '{"who": 7, "data": null}', '{"who": 7, "data": ""}']
)
def test_a_row_may_have_no_data(row: str) -> None:
    assert count(row, is_csv=False) == ([{}], [])
    assert count("who,data\nal,\nbo\n", is_csv=True) == ([{}, {}], [])


@pytest.mark.parametrize(
    "data",
    [
        *("7", "[]", "true", '"NL"', '{"k": "\\u0000"}', '{"k": "\\ud800"}', '{"k": 1e16}'),
        '{"k": 0.10000000000000000001}',
        pytest.param(json.dumps({"k": "x" * 1100}), id="long"),
        pytest.param('{"k":' + "[" * 400 + "]" * 400 + "}", id="deep"),
        pytest.param('{"k": %s}' % ("9" * 900), id="900 digits"),
    ],
)
def test_a_row_with_other_data_is_left_out_and_says_what_is_accepted(data: str) -> None:
    rows, bad = count(f'{{"who": "al", "data": {data}}}', is_csv=False)
    assert rows == [] and bad[0].endswith(f"; it must be {DATA_ACCEPTED}")
    quoted = data.replace('"', '""')
    rows, bad = count(f'who,data\nal,"{quoted}"\n', is_csv=True)
    assert rows == [] and bad[0].endswith(f"; it must be {DATA_ACCEPTED}")


@pytest.mark.parametrize("data", ["NL", "{", '{"k": NaN}', '{"k": 1, "k": 2}', "[" * 9000])
def test_text_that_is_no_json_is_no_data(data: str) -> None:
    quoted = data.replace('"', '""')
    rows, bad = count(f'who,data\nal,"{quoted}"\n', is_csv=True)
    assert rows == [] and bad[0].endswith(f"; it must be {DATA_ACCEPTED}")


def test_the_command_gives_data_to_new_players(store: Store, board_id: str, tmp_path: Path) -> None:
    Board(board_id).save()
    Player(Board(board_id), "old", "Old", data={"k": 0}).save()
    lines: list[dict[str, Any]] = [
        {"who": "al", "data": {}},
        {"who": "al", "data": {"k": 1.5}},
        {"who": "al", "data": {"k": 2}},
        {"who": "old", "data": {"k": 3}},
    ]
    file = tmp_path / "scores.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    options = ["--player-column", "who", "--data-column", "data"]
    for _ in range(2):
        call_command("import_scores", str(file), "--board", board_id, *options)
    al, old = (Player.get_for_board(Board(board_id), player) for player in ("al", "old"))
    assert (al.score, al.data) == (3, {"k": 1.5})
    assert (old.score, old.data) == (1, {"k": 0})


def test_an_import_that_an_earlier_version_began_goes_on(
    store: Store, board_id: str, tmp_path: Path
) -> None:
    Board(board_id).save()
    file = tmp_path / "scores.csv"
    file.write_text("who\nal\n")
    call_command("import_scores", str(file), "--board", board_id, "--player-column", "who")
    known = store.get_import(board_id, "scores.csv").digest
    # What versions without data have made of the row.
    hasher = hashlib.blake2b(repr((2, "al", "al", 1)).encode(), digest_size=16)
    assert known == hasher.hexdigest()
    assert CountedRow(2, "al", "al", 1).data == {}
