"""In RethinkDB nothing is atomic across documents: what a write was checked against may change."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.exceptions import EmailRequired, ScoreOutOfRange, StoreUnavailable
from leaderboardapp.domain.types import Amount, Import, Increment, Row
from leaderboardapp.stores.rethinkdb import first_scores
from leaderboardapp.stores.rethinkdb.database import CHECKS
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from tests.stores.rethinkdb.helpers import top

Change = Callable[[], object]
BATCH = Import(0, 10, "x")


def create(rethink: RethinkStore, board: str) -> None:
    rethink.create_player(board, {"id": "bob", "name": "Bob", "score": 3})


def import_new(rethink: RethinkStore, board: str) -> None:
    rethink.import_batch(board, "f", BATCH, [Amount("bob", "Bob", (3,))])


@pytest.fixture
def change_after_check(
    rethink: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Change, int], None]:
    """change_after_check(change, times): make the change when the board has been read."""
    real_get = rethink.db.get_board

    def change_after_check(change: Change, times: int = 1) -> None:
        left = [change] * times

        def get_then_change(board: str) -> Row:
            row = real_get(board)
            if left:
                left.pop()()
            return row

        monkeypatch.setattr(rethink.db, "get_board", get_then_change)

    return change_after_check


@pytest.fixture
def change_before_import(
    rethink: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Change], None]:
    """change_before_import(change): make the change when an import is about to write."""
    real_build = rethink.imports._build_write

    def change_before_import(change: Change) -> None:
        def change_then_build(*arguments: Any) -> Any:
            change()
            monkeypatch.undo()
            return real_build(*arguments)

        monkeypatch.setattr(rethink.imports, "_build_write", change_then_build)

    return change_before_import


@pytest.mark.parametrize(
    ("write", "fields", "error"),
    [
        (create, {"ask_email": True}, EmailRequired),
        (create, {"max": 2}, ScoreOutOfRange),
        (import_new, {"ask_email": True}, EmailRequired),
        (import_new, {"max": 2}, ScoreOutOfRange),
        (import_new, {"max_amount": 2}, ScoreOutOfRange),
    ],
)
def test_a_rule_that_is_made_between_check_and_write_holds(
    rethink: RethinkStore,
    board: str,
    change_after_check: Callable[..., None],
    write: Callable[[RethinkStore, str], None],
    fields: Row,
    error: type[Exception],
) -> None:
    change_after_check(lambda: rethink.update_board(board, fields))
    with pytest.raises(error, match="bob"):
        write(rethink, board)
    assert top(rethink, board) == [("alice", 0)]


@pytest.mark.parametrize("write", [create, import_new])
def test_who_joins_while_a_season_ends_has_the_score_in_the_next_one(
    rethink: RethinkStore,
    board: str,
    change_after_check: Callable[..., None],
    write: Callable[[RethinkStore, str], None],
) -> None:
    now = "2026-11-28T00:00:00Z"
    change_after_check(lambda: rethink.seasons.start_next_season(board, 1, now, False))
    write(rethink, board)
    assert top(rethink, board) == [("bob", 3), ("alice", 0)]


def test_who_was_deleted_between_check_and_write_is_not_created_without_an_address(
    rethink: RethinkStore, board: str, change_before_import: Callable[[Change], None]
) -> None:
    rethink.update_board(board, {"ask_email": True})
    change_before_import(lambda: rethink.delete_player(board, "alice"))
    with pytest.raises(EmailRequired, match="alice"):
        rethink.import_batch(board, "f", BATCH, [Amount("alice", "Alice", (3,))])
    with pytest.raises(ObjectDoesNotExist):
        rethink.get_player(board, "alice")


def test_a_score_that_is_set_during_an_import_is_named_and_no_amount_counts_twice(
    rethink: RethinkStore, board: str, change_before_import: Callable[[Change], None]
) -> None:
    rethink.update_board(board, {"max": 5})
    change_before_import(lambda: rethink.set_score(board, "alice", 4, only_better=False))
    amounts = [Amount("bob", "Bob", (1,)), Amount("alice", "Alice", (3,))]
    with pytest.raises(ScoreOutOfRange, match="alice"):
        rethink.import_batch(board, "f", BATCH, amounts)
    rethink.set_score(board, "alice", 0, only_better=False)
    rethink.import_batch(board, "f", BATCH, amounts)
    assert top(rethink, board) == [("alice", 3), ("bob", 1)]


def test_a_board_that_changes_all_the_time_fails_the_write(
    rethink: RethinkStore, board: str, change_after_check: Callable[..., None]
) -> None:
    highest = iter(range(100, 100 + CHECKS))
    change_after_check(lambda: rethink.update_board(board, {"max": next(highest)}), CHECKS)
    with pytest.raises(StoreUnavailable, match="changes too often"):
        create(rethink, board)
    assert top(rethink, board) == [("alice", 0)]


def test_who_was_deleted_between_check_and_write_is_not_created_with_what_was_to_be_added(
    rethink: RethinkStore, board: str, change_before_import: Callable[[Change], None]
) -> None:
    """A sum that a score allows is not one to begin with."""
    rethink.update_board(board, {"min": -1})
    rethink.set_score(board, "alice", 3, only_better=False)
    change_before_import(lambda: rethink.delete_player(board, "alice"))
    with pytest.raises(ScoreOutOfRange, match="alice"):
        rethink.import_batch(board, "f", BATCH, [Amount("alice", "Alice", (-3,))])
    assert top(rethink, board) == []


def test_a_first_score_that_is_written_at_the_last_try_is_acknowledged(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_scores, "CHECKS", 1)
    [row] = rethink.add_scores(board, [Increment("bob", 5, name="Bob")])
    assert isinstance(row, dict) and (row["score"], row["created"]) == (5, True)
