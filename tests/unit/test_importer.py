"""Rows of files, and imports that are interrupted, repeated and refused."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp import importer
from leaderboardapp.domain.exceptions import ImportMoved, StoreUnavailable
from leaderboardapp.domain.types import Amount, Import
from leaderboardapp.importer import (
    BadRow,
    CountedRow,
    DifferentFile,
    MissingColumn,
    Rules,
    count_rows,
    import_rows,
    make_player_id,
    read_csv,
    read_json_lines,
)
from leaderboardapp.models import Board, Player
from leaderboardapp.stores.base import Store


class FailingStore:
    """Imports as RethinkDB does: a batch may end with only its first players counted."""

    def __init__(self) -> None:
        self.scores: Counter[str] = Counter()
        self.batches: set[tuple[str, int]] = set()
        self.state = Import()
        self.writes_left: float = float("inf")

    def get_import(self, board: str, name: str) -> Import:
        return self.state

    def import_batch(self, board: str, name: str, upto: Import, amounts: list[Amount]) -> None:
        continues = self.state.done and self.state.line == upto.start
        repeats = self.state[:2] == upto[:2] and not self.state.done
        if not (continues or repeats):
            raise ImportMoved
        self.write()
        self.state = upto._replace(done=False)
        for player, _, amount, _ in amounts:
            self.write()
            if (player, upto.line) not in self.batches:
                self.batches.add((player, upto.line))
                self.scores[player] += amount
        self.write()
        self.state = upto._replace(done=True)

    def write(self) -> None:
        if self.writes_left <= 0:
            raise StoreUnavailable
        self.writes_left -= 1


def run(store: Any, rows: list[CountedRow]) -> int:
    return sum(import_rows(store, "b", "file", rows))


def rows_of(players: str, start: int = 2) -> list[CountedRow]:
    return [CountedRow(line, player, player, 1) for line, player in enumerate(players, start)]


@given(
    players=st.text("abc", max_size=30),
    more=st.text("abc", max_size=10),
    failures=st.lists(st.integers(0, 12), max_size=6),
    batch=st.integers(1, 6),
)
def test_however_often_the_store_fails_no_row_counts_twice(
    players: str, more: str, failures: list[int], batch: int
) -> None:
    store = FailingStore()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importer, "LINES_PER_BATCH", batch)
        for writes in failures:
            store.writes_left = writes
            try:
                run(store, rows_of(players))
            except StoreUnavailable:
                pass
        store.writes_left = float("inf")
        run(store, rows_of(players))
        assert store.scores == Counter(players)
        run(store, rows_of(players + more))  # the file has grown
        assert run(store, rows_of(players + more)) == 0
    assert store.scores == Counter(players + more)


@pytest.mark.parametrize("other", ["abd", "ab", "xbc", "", "bca", "xbcd"])
def test_a_different_file_under_the_same_name_is_detected_and_not_counted(other: str) -> None:
    store = FailingStore()
    run(store, rows_of("abc"))
    with pytest.raises(DifferentFile, match="line 4"):
        run(store, rows_of(other))
    assert store.scores == Counter("abc")


def test_the_store_gets_one_amount_per_player_in_the_order_of_their_last_rows(
    store: Store, board_id: str
) -> None:
    store.create_board({"id": board_id, "name": "", "size": 5})
    rows = rows_of("abab" + "ba")
    assert sum(import_rows(store, board_id, "file", rows)) == 6
    assert [(row["id"], row["score"]) for row in store.get_ranking_window(board_id, 5).rows] == [
        ("b", 3),
        ("a", 3),
    ]


def count_text(text: str, rules: Rules, read: Any = read_csv) -> tuple[list[Any], list[int]]:
    bad: list[int] = []
    lines = text.splitlines(keepends=True)
    counted = count_rows(read(lines), rules, lambda line, error: bad.append(line))
    return [(row.line, row.name, row.amount) for row in counted], bad


def test_csv_rows_are_counted_by_their_columns() -> None:
    text = 'who,points,kind\nAl,3,x\n"B, ""C""\nD",-2,x\nEd, 4 ,x\nAl,1,y\n'
    good, bad = count_text(text, Rules("who", "points", {"kind": "x"}))
    assert good == [(2, "Al", 3), (5, "Ed", 4)]
    assert bad == [4], "a name over two lines is not accepted; its row ended on line 4"


def test_rows_without_an_amount_column_count_one() -> None:
    assert count_text("who\nAl\nBo\n", Rules("who"))[0] == [(2, "Al", 1), (3, "Bo", 1)]


@pytest.mark.parametrize(
    "row",
    [
        "",
        "Al",
        "Al,",
        "Al,1.5",
        "Al,x",
        "Al,1e3",
        ",3",
        "  ,3",
        f"{'x' * 101},3",
        f"Al,{2**53}",
        "\udce9,3",
    ],
)
def test_a_bad_csv_row_is_named_by_its_line_and_left_out(row: str) -> None:
    good, bad = count_text(f"who,points\nBo,1\n{row}\nBo,2\n", Rules("who", "points"))
    assert good == [(2, "Bo", 1), (4, "Bo", 2)]
    assert bad == ([3] if row else [])  # an empty line is no row


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
    text = "\n".join([*map(json.dumps, rows), "", "{", "[" * 5000])
    rules = Rules("who", "points", {"ok": "true"})
    assert count_text(text, rules, read_json_lines) == (
        [(1, "Al", 3), (2, "7", 4), (5, "Bo", 3)],
        [4, 6, 7, 9, 10],
    )


@pytest.mark.parametrize("text", ["who,points\nAl,3\n", ""])
def test_a_column_that_the_file_does_not_have_is_named_at_once(text: str) -> None:
    rules = Rules("player", "points", {"kind": "x"})
    with pytest.raises(MissingColumn, match="no column 'player'"):
        list(read_csv(text.splitlines(keepends=True), rules.columns()))


def test_a_row_without_the_column_says_which() -> None:
    with pytest.raises(BadRow, match="no value for who"):
        Rules("who").count(2, {"name": "Al"})


@given(st.text(), st.text())
def test_player_ids_are_valid_stable_and_different(one: str, two: str) -> None:
    assert make_player_id(one) == make_player_id(one)
    assert (make_player_id(one) == make_player_id(two)) == (one == two)
    assert make_player_id(make_player_id(one)) == make_player_id(one)


def test_a_name_that_is_a_valid_id_is_its_own() -> None:
    assert make_player_id("player_17") == "player_17"
    assert make_player_id("Pelé") != "Pelé"


def test_a_score_beyond_the_limits_ends_the_import_with_its_limits(
    store: Store, board_id: str, tmp_path: Path
) -> None:
    Board(board_id, min=-5, max=10, max_amount=20).save()
    Player(Board(board_id), "alice", "Alice").save()
    file = tmp_path / "scores.csv"
    file.write_text("who,points\nalice,7\nalice,4\n")
    with pytest.raises(CommandError) as raised:
        call_command(
            "import_scores",
            str(file),
            "--board",
            board_id,
            "--player-column",
            "who",
            "--amount-column",
            "points",
        )
    assert str(raised.value) == (
        "The score of alice must stay from -5 to 10, and one increment within 20 either way "
        "(lines 2, 3). "
        "Correct the rows after those that were counted, and run the same command again."
    )
    assert Player.get_for_board(Board(board_id), "alice").score == 0
