"""Rows of files, and imports that are interrupted, repeated and refused."""

import io
from collections import Counter
from collections.abc import Iterator
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
    BadHeader,
    BadRow,
    CountedRow,
    DifferentFile,
    Rules,
    count_rows,
    import_rows,
    make_player_id,
    read_csv,
    read_lines,
)
from leaderboardapp.models import Board, ObjectDoesNotExist, Player
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
        for amount in amounts:
            self.write()
            if (amount.player, upto.line) not in self.batches:
                self.batches.add((amount.player, upto.line))
                self.scores[amount.player] += amount.total
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


def lines_of(text: str) -> Iterator[str]:
    return read_lines(io.BytesIO(text.encode("utf-8", "surrogateescape")))


def count_text(text: str, rules: Rules) -> tuple[list[Any], list[int]]:
    bad: list[int] = []
    counted = count_rows(read_csv(lines_of(text)), rules, lambda line, error: bad.append(line))
    return [(row.line, row.name, row.amount) for row in counted], bad


def test_csv_rows_are_counted_by_their_columns() -> None:
    text = 'who,points,kind\nAl,3,x\n"B, ""C""\nD",-2,x\nEd, 4 ,x\nAl,1,y\n'
    good, bad = count_text(text, Rules("who", "points", {"kind": "x"}))
    assert good == [(2, "Al", 3), (5, "Ed", 4)]
    assert bad == [3], "a name over two lines is not accepted; its row begins on line 3"


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


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("who,points\nAl,3\n", "no column “player”; the columns are “who”, “points”"),
        ("", "the file is empty"),
        ("player,points,kind,points\n", "several columns “points”"),
        ("player,points,nick,kind,kind\n", "several columns “kind”"),
        ("player,points,kind\n", "no column “nick”"),
    ],
)
def test_a_column_that_the_file_has_not_once_is_named_at_once(text: str, reason: str) -> None:
    rules = Rules("player", "points", {"kind": "x"}, name_column="nick")
    with pytest.raises(BadHeader, match=reason):
        read_csv(lines_of(text), rules.columns())


def test_a_row_without_the_column_says_which() -> None:
    with pytest.raises(BadRow, match="“who” is missing"):
        Rules("who").count(2, {"name": "Al"})


@given(st.text(), st.text())
def test_player_ids_are_valid_stable_and_different(one: str, two: str) -> None:
    assert make_player_id(one) == make_player_id(one)
    assert (make_player_id(one) == make_player_id(two)) == (one == two)
    assert make_player_id(make_player_id(one)) == make_player_id(one)


def test_a_name_that_is_a_valid_id_is_its_own() -> None:
    assert make_player_id("player_17") == "player_17"
    assert make_player_id("Pelé") != "Pelé"


def import_text(path: Path, text: str, board_id: str, *options: str) -> None:
    path.write_text(text)
    columns = ["--player-column", "who", "--amount-column", "points"]
    call_command("import_scores", str(path), "--board", board_id, *columns, *options)


@pytest.mark.parametrize(
    ("limits", "amounts", "allowed", "line"),
    [
        ({"max": 10}, [7, 4], "from -9007199254740991 to 10", 5),
        ({"min": -5}, [-7, -4], "from -5 to 9007199254740991", 3),
        ({"min": -5, "max": 0}, [7, -7], "from -5 to 0", 3),
        (
            {"min": -5, "max": 10, "max_amount": 6},
            [3, -7, 4],
            "from -5 to 10, and an increment from -6 to 6",
            5,
        ),
    ],
)
def test_a_row_that_the_board_does_not_allow_ends_the_import_with_its_line_and_the_limits(
    store: Store,
    board_id: str,
    tmp_path: Path,
    limits: dict[str, Any],
    amounts: list[int],
    allowed: str,
    line: int,
) -> None:
    Board(board_id, **limits).save()
    Player(Board(board_id), "alice", "Alice").save()
    with pytest.raises(CommandError) as raised:
        rows = "".join(f"bob,0\nalice,{amount}\n" for amount in amounts)
        import_text(tmp_path / "scores.csv", f"who,points\n{rows}", board_id)
    assert str(raised.value) == (
        f"The score of alice must stay {allowed} (line {line}). Correct the rows after those that "
        "were counted, and run the same command again."
    )
    assert [row["score"] for row in store.get_ranking_window(board_id, 9).rows] == [0]


@pytest.mark.parametrize("text", ["who,points,points\nal,5,7\n", 'who,"points\nal,5\n', ""])
def test_a_file_that_is_refused_makes_no_board(
    store: Store, board_id: str, tmp_path: Path, text: str
) -> None:
    with pytest.raises(CommandError, match="scores.csv: the.*[.]$"):
        import_text(tmp_path / "scores.csv", text, board_id, "--create")
    with pytest.raises(ObjectDoesNotExist):
        Board.get(board_id)


@pytest.mark.parametrize(
    ("text", "bad", "end"),
    [
        ("al,5\n", [], "1 row counted, 0 bad rows left out."),
        (
            'al,5\nbo,"2\n',
            ["line 3: a quote is never closed"],
            "1 row counted, 1 bad row left out.",
        ),
        (
            "al,5\nal,\n" + "x" * 140_000 + ",1\nal,1",
            ["line 3: “points” is missing", "line 4: the row is longer than 131,072 characters"],
            "2 rows counted, 2 bad rows left out.",
        ),
        (
            "al,x\n" * 21,
            [f"line {line}: “points” is “x”; it must be an integer" for line in range(2, 22)]
            + ["… and 1 more bad row."],
            "0 rows counted, 21 bad rows left out.",
        ),
    ],
)
def test_the_command_says_what_was_counted_and_which_rows_were_not(
    store: Store,
    board_id: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    bad: list[str],
    end: str,
) -> None:
    import_text(tmp_path / "scores.csv", f"who,points\n{text}", board_id, "--create")
    output = capsys.readouterr()
    assert output.out.strip() == end
    lines = output.err.strip().splitlines()
    assert len(lines) == len(bad)
    for line, begin in zip(lines, bad, strict=True):
        assert line.startswith(begin)


def test_strict_stops_at_the_first_bad_row(store: Store, board_id: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="^Line 3: there is text after a closing quote. Stopped"):
        text = 'who,points\nal,1\n"a"l,5\n'
        import_text(tmp_path / "scores.csv", text, board_id, "--create", "--strict")


def test_a_new_player_has_the_name_of_its_column(
    store: Store, board_id: str, tmp_path: Path
) -> None:
    text = "who;points;name\nal;5;Al Ö.\nbo;4;\nal;1;Other\n"
    import_text(tmp_path / "a.csv", text, board_id, "--create", "--name-column", "name")
    rows = store.get_ranking_window(board_id, 5).rows
    assert [(row["id"], row["name"], row["score"]) for row in rows] == [
        ("al", "Al Ö.", 6),
        ("bo", "bo", 4),
    ]


def test_a_condition_on_one_column_is_given_once(
    store: Store, board_id: str, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="--where: each column may be named once"):
        options = ["--where", "who=al", "--where", "who=bo"]
        import_text(tmp_path / "a.csv", "who,points\nal,5\n", board_id, "--create", *options)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\x00", "a\nb", "a\u202eb", "a\udce9"])
def test_an_import_has_a_name_that_can_be_stored_and_shown(
    store: Store, board_id: str, tmp_path: Path, name: str
) -> None:
    with pytest.raises(CommandError, match="^--name: must be text of 1 to 100 characters, .*n[.]$"):
        import_text(tmp_path / "a.csv", "who,points\nal,5\n", board_id, "--create", "--name", name)
    with pytest.raises(ObjectDoesNotExist):
        Board.get(board_id)


@pytest.mark.parametrize("file", ["g\udce9.csv", "\x1b[31m.csv", "x" * 101])
def test_a_file_whose_name_is_none_for_an_import_needs_another_one(
    store: Store, board_id: str, tmp_path: Path, file: str
) -> None:
    text = "who,points\nal,5\n"
    with pytest.raises(CommandError) as raised:
        import_text(tmp_path / file, text, board_id, "--create")
    message = str(raised.value)
    assert message.startswith("--name: must be text of 1 to 100 characters, not blank, no control")
    assert ", which the file's name “" in message
    assert message.isprintable()
    with pytest.raises(ObjectDoesNotExist):
        Board.get(board_id)
    import_text(tmp_path / file, text, board_id, "--create", "--name", "goals")
    assert store.get_import(board_id, "goals").line == 2
