"""The rules of joining hold for the model classes and the commands, which end in the store."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from leaderboardapp.domain.exceptions import (
    EmailNotAsked,
    EmailRequired,
    EmailTaken,
    ScoreOutOfRange,
)
from leaderboardapp.domain.fields import InvalidInput
from leaderboardapp.models import Board, Player
from leaderboardapp.stores.base import Store

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture
def asking(board_id: str) -> Board:
    """A board that asks for addresses."""
    return Board(board_id, ask_email=True).save()


def import_scores(board: Board, file: Path, *options: str) -> str:
    """Import the column "points" for the column "who"; return what is printed."""
    out = io.StringIO()
    columns = ("--player-column", "who", "--amount-column", "points")
    call_command(
        "import_scores", str(file), "--board", board.id, *columns, *options, stdout=out, stderr=out
    )
    return out.getvalue()


def test_a_model_joins_with_an_address_exactly_where_one_is_asked_for(
    asking: Board, board_id: str
) -> None:
    with pytest.raises(EmailRequired):
        Player(asking, "alice", "Alice").save()
    Player(asking, "alice", "Alice", email="A@example.com").save()
    with pytest.raises(EmailTaken):
        Player(asking, "bob", "Bob", email="a@EXAMPLE.com").save()
    other = Board(f"{board_id}-2").save()
    with pytest.raises(EmailNotAsked):
        Player(other, "alice", "Alice", email="a@example.com").save()


def test_a_model_has_an_id_a_name_and_settings_that_are_accepted(board_id: str) -> None:
    board = Board(board_id, min=-1, max=4).save()
    alice = Player(board, "alice", "Alice", score=4).save()
    with pytest.raises(ScoreOutOfRange):
        Player(board, "bob", "Bob", score=5).save()
    for model in (
        Board(".."),
        Board(f"{board_id}-2", name="\u3164"),
        Board(f"{board_id}-2", size=0),
        Player(board, "a/b", "Bob"),
        Player(board, "bob", "\u200b"),
        Player(board, "bob"),
    ):
        with pytest.raises(InvalidInput):
            model.save()
    alice.name = "\u202ealice"
    with pytest.raises(InvalidInput):
        alice.save()
    board.name = "\ufeff"
    with pytest.raises(InvalidInput):
        board.save()
    [player] = Player.get_top_for_board(board)
    assert (player.name, board.name) == ("Alice", "")


def test_an_import_to_a_board_that_asks_for_addresses_names_the_line_and_counts_nothing(
    asking: Board, tmp_path: Path
) -> None:
    alice = Player(asking, "alice", "Alice", email="a@example.com").save()
    file = tmp_path / "scores.csv"
    file.write_text("who,points\nalice,1\nbob,2\nbob,3\n")
    with pytest.raises(CommandError) as raised:
        import_scores(asking, file)
    assert str(raised.value).startswith(
        "The player bob cannot join this board without an email address (line 3). "
    )
    assert alice.reload().score == 0
    file.write_text("who,points\nalice,1\n")
    assert import_scores(asking, file) == "1 row counted, 0 bad rows left out.\n"
    assert alice.reload().score == 1


def test_an_imported_row_is_an_increment(board_id: str, tmp_path: Path) -> None:
    board = Board(board_id, max_amount=2).save()
    file = tmp_path / "scores.csv"
    file.write_text("who,points\nalice,2\nalice,2\nbob,1\n")
    import_scores(board, file)
    assert Player.get_for_board(board, "alice").score == 4
    file.write_text("who,points\nalice,1\nbob,1\nalice,3\nalice,-3\n")
    with pytest.raises(CommandError, match=r"an increment from -2 to 2 \(line 4\)"):
        import_scores(board, file, "--name", "other")
    assert Player.get_for_board(board, "alice").score == 4


def test_a_row_whose_name_shows_nothing_is_bad(board_id: str, tmp_path: Path, store: Store) -> None:
    board = Board(board_id).save()
    file = tmp_path / "scores.JSONL"
    rows = [{"who": "alice", "points": 1}, {"who": "\u3164", "points": 1}]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert import_scores(board, file) == "1 row counted, 1 bad row left out.\n"
    assert [row["id"] for row in store.get_ranking_window(board_id, 5).rows] == ["alice"]
