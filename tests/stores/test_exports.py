"""Files of players: what `export_scores` writes of boards, windows and past seasons, and what
`import_scores` makes of it."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from leaderboardapp.api import exports
from leaderboardapp.domain.exceptions import ImportMoved, StoreUnavailable
from leaderboardapp.domain.types import Amount, Import
from leaderboardapp.models import Board, Player
from leaderboardapp.stores.base import Store
from tests.stores.copies import failing_at
from tests.support.store import store_at

HEADER = "\ufeffid,name,score,rank,data\r\n"
COLUMNS = ["--player-column", "id", "--name-column", "name", "--amount-column", "score"]
ON_ONE_STORE = pytest.mark.stores("sqlite")


@pytest.fixture
def board(store: Store, board_id: str) -> Board:
    """A board with a past season, and with a window that has other scores than the board."""
    board = Board(board_id).save()
    for player, score in {"alice": 9, "bob": 7}.items():
        Player(board, player, player.title()).save().score_add(score)
    board.reset()
    board.windows = ["week"]
    board.save()
    Player(board, "alice").score_add(1)
    Player(board, "carl", "=Carl").save().score_add(5)
    board.windows = ["day", "week"]
    board.save()
    Player(board, "alice").score_add(2)
    dora = Player(board, "dora", "Dora", data={"level": 3}).save()
    dora.hidden = True
    dora.save()
    return board


def export(board: Board, *options: str) -> str:
    out = io.StringIO()
    call_command("export_scores", "-", "--board", board.id, *options, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_a_board_is_written_with_its_hidden_players_last(
    board: Board, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(exports, "PLAYERS_AT_ONCE", at_once)
    dora = 'dora,Dora,0,,"{""level"":3}"\r\n'
    rows = "carl,'=Carl,5,1,\r\nalice,Alice,3,2,\r\nbob,Bob,0,3,\r\n"
    assert export(board) == HEADER + rows + dora


def test_a_window_has_its_own_scores(board: Board) -> None:
    assert export(board, "--window", "day") == f"{HEADER}alice,Alice,2,1,\r\n"
    week = "carl,'=Carl,5,1,\r\nalice,Alice,3,2,\r\n"
    assert export(board, "--window", "week") == HEADER + week


def test_a_past_season_is_as_it_ended(board: Board) -> None:
    lines = export(board, "--season", "1", "--format", "jsonl").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"id": "alice", "name": "Alice", "score": 9, "rank": 1},
        {"id": "bob", "name": "Bob", "score": 7, "rank": 2},
    ]


def test_a_past_season_of_a_window_is_written(store: Store, board: Board) -> None:
    store.start_next_season(f"{board.id}~day", 1, "2026-11-29T12:00:00Z")
    assert export(board, "--window", "day") == HEADER
    assert export(board, "--window", "day", "--season", "1") == f"{HEADER}alice,Alice,2,1,\r\n"


@ON_ONE_STORE
def test_who_falls_meanwhile_is_written_once(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PLAYERS_AT_ONCE", 1)
    read = exports.read_ranked

    def read_while_one_falls(*of: Any) -> Iterator[list[Player]]:
        for page in read(*of):
            yield page
            Player(board, "carl").score_put(1)

    command = "leaderboardapp.management.commands.export_scores.read_ranked"
    monkeypatch.setattr(command, read_while_one_falls)
    rows = export(board).split("\r\n")
    assert [row.split(",")[0] for row in rows[1:]] == ["carl", "alice", "bob", "dora", ""]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--window", "month"], "has no window month; it has day, week"),
        (["--season", "2"], "season 2"),
        (["--season", "0"], "--season: must be an integer from 1"),
        (["--window", "day", "--season", "1"], "season 1"),
    ],
)
@ON_ONE_STORE
def test_what_there_is_not_is_said_and_no_file_is_made(
    board: Board, tmp_path: Path, options: list[str], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        file = str(tmp_path / "players.csv")
        call_command("export_scores", file, "--board", board.id, *options)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("board_id", "reason"), [("nowhere", "no board nowhere"), ("x~week", "--board: must be 1 to")]
)
@ON_ONE_STORE
def test_a_board_that_there_is_not_is_said(store: Store, board_id: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        call_command("export_scores", "-", "--board", board_id)


@ON_ONE_STORE
def test_a_failure_leaves_the_file_of_before(
    board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "players.jsonl"
    call_command("export_scores", str(file), "--board", board.id)
    before = file.read_text()
    assert json.loads(before.splitlines()[0])["id"] == "carl", "its ending says what is in it"

    def fail(*of: Any) -> Iterator[list[Player]]:
        yield Player.get_page_for_board(board, 1)
        raise StoreUnavailable("it is away")

    monkeypatch.setattr("leaderboardapp.management.commands.export_scores.read_ranked", fail)
    with pytest.raises(CommandError, match="it is away"):
        call_command("export_scores", str(file), "--board", board.id)
    assert file.read_text() == before and [*tmp_path.iterdir()] == [file]


def test_what_is_imported_counts_in_windows_and_says_so(
    board: Board, board_id: str, tmp_path: Path
) -> None:
    file = tmp_path / "season.csv"
    call_command("export_scores", str(file), "--board", board.id, "--season", "1")
    target, out = Board(f"{board_id}-2", windows=["week", "month"]).save(), io.StringIO()
    for _ in range(2):  # the second time it counts nothing
        call_command("import_scores", str(file), "--board", target.id, *COLUMNS, stdout=out)
    assert out.getvalue().splitlines() == [
        "2 rows counted, 0 bad rows left out. Windows in which they count, too: week, month.",
        "0 rows counted, 0 bad rows left out. Windows in which they count, too: week, month.",
    ]
    season = f"{HEADER}alice,Alice,9,1,\r\nbob,Bob,7,2,\r\n"
    assert export(target) == export(target, "--window", "week") == season
    assert export(target, "--window", "month") == season


def test_an_export_of_the_service_waits_until_an_interrupted_import_is_ended_or_given_up(
    new_database: Callable[[str], str], tmp_path: Path
) -> None:
    path = tmp_path / "service.jsonl"
    with store_at(new_database("rethinkdb")) as store:
        store.ensure()
        store.create_board({"id": "b", "windows": ["day"]})
        amounts = [Amount("p", "P", (1,))]
        store.import_batch("b", "scores.csv", Import(0, 3, "abc"), amounts)
        with failing_at(store, 4), suppress(StoreUnavailable):
            store.import_batch("b", "scores.csv", Import(3, 9, "def"), amounts)
        assert not store.get_import("b", "scores.csv").done
        with pytest.raises(CommandError, match="import “scores.csv” on board b was interrupted"):
            call_command("export_service", str(path))
        with pytest.MonkeyPatch.context() as patch:
            state = store.get_import("b", "scores.csv")
            patch.setattr(store, "get_import", lambda *_: state._replace(line=6))  # as of before
            with pytest.raises(CommandError, match="“scores.csv” on board b is running: wait"):
                call_command("export_service", "--give-up-imports", str(path))
        said = io.StringIO()
        call_command("export_service", "--give-up-imports", str(path), stdout=said)
        assert "“scores.csv” on board b: its lines 4 to 9 are counted for some" in said.getvalue()
        with pytest.raises(ImportMoved):
            store.import_batch("b", "scores.csv", Import(3, 9, "def"), amounts)
        store.import_batch("b", "scores.csv", Import(9, 12, "ghi"), amounts)
        assert store.get_import("b", "scores.csv") == Import(9, 12, "ghi")
