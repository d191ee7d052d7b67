"""The contract that every store passes: who may join a board, and under which id and name."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.exceptions import EmailNotAsked, EmailRequired, ScoreOutOfRange
from leaderboardapp.domain.fields import InvalidInput
from leaderboardapp.domain.types import Amount, Import, Row
from leaderboardapp.stores.base import Store
from tests.stores.contract.helpers import add_player, emails_of, join, top_scores

BLANK_NAMES = ["", " ", "\u200b", "\ufeff", "\u3164", "\u2800", "\u2060\u00a0\U000e0041"]
BAD_NAMES = [*BLANK_NAMES, "a\u202eb", "a\x00", "a\ud800", "a" * 101, 7]
BAD_IDS = ["", "..", "a/b", "a" * 65, "é"]


def create(store: Store, board: str, name: Any) -> None:
    store.create_player(board, {"id": "alice", "name": name})


def rename(store: Store, board: str, name: Any) -> None:
    store.update_player(board, "bob", {"name": name})


def import_new(store: Store, board: str, name: Any) -> None:
    amounts = [Amount("bob", "Bob", (1,)), Amount("alice", name, (1,))]
    store.import_batch(board, "f", Import(0, 9, "x"), amounts)


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("write", [create, rename, import_new])
def test_no_player_gets_a_name_that_shows_nothing_or_turns_other_text(
    store: Store, board: str, write: Callable[[Store, str, Any], None], name: Any
) -> None:
    bob = add_player(store, board, "bob", 3)
    with pytest.raises(InvalidInput, match="name: must be text"):
        write(store, board, name)
    assert store.get_ranking_window(board, 9).rows == [bob]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_no_board_gets_such_a_name(store: Store, board: str, name: Any) -> None:
    if name == "":
        return  # a board may have no name: its id is shown
    with pytest.raises(InvalidInput, match="name: must be text"):
        store.update_board(board, {"name": name})
    with pytest.raises(InvalidInput, match="name: must be text"):
        store.create_board({"id": f"{board}-2", "name": name})
    assert store.get_board(board)["name"] == "A board"
    with pytest.raises(ObjectDoesNotExist):
        store.get_board(f"{board}-2")


@pytest.mark.parametrize("id", BAD_IDS)
def test_nobody_gets_an_id_that_is_none(store: Store, board: str, id: Any) -> None:
    for write in (
        lambda: store.create_board({"id": id}),
        lambda: store.create_player(board, {"id": id, "name": "Alice"}),
        lambda: store.import_batch(board, "f", Import(0, 9, "x"), [Amount(id, "Alice", (1,))]),
    ):
        with pytest.raises(InvalidInput, match="id: must be 1 to 64"):
            write()
    assert top_scores(store, board) == {}


@pytest.mark.parametrize(
    "setting", [{"size": 0}, {"min": 1}, {"max": -1}, {"max_amount": 0}, {"order": "up"}]
)
def test_no_board_gets_a_setting_that_is_not_accepted(
    store: Store, board: str, setting: Row
) -> None:
    before = store.get_board(board)
    with pytest.raises(InvalidInput, match=next(iter(setting))):
        store.update_board(board, setting)
    with pytest.raises(InvalidInput, match=next(iter(setting))):
        store.create_board({"id": f"{board}-2", **setting})
    assert store.get_board(board) == before


def test_an_address_is_stored_in_lower_case(store: Store, board: str) -> None:
    store.update_board(board, {"ask_email": True})
    join(store, board, "alice", "Alice@Example.COM")
    assert emails_of(store, board) == {"alice": "alice@example.com"}


def test_nobody_joins_a_board_that_asks_for_an_address_without_one(
    store: Store, board: str
) -> None:
    store.update_board(board, {"ask_email": True})
    with pytest.raises(EmailRequired) as raised:
        store.create_player(board, {"id": "alice", "name": "Alice", "email": None})
    assert raised.value.player == "alice"
    assert top_scores(store, board) == {}


def test_a_board_that_does_not_ask_for_an_address_stores_none(store: Store, board: str) -> None:
    with pytest.raises(EmailNotAsked):
        join(store, board, "alice", "a@example.com")
    assert top_scores(store, board) == {}
    store.update_board(board, {"ask_email": True})
    join(store, board, "bob", "a@example.com")  # the address was not taken


def test_an_import_adds_to_players_of_a_board_that_asks_for_addresses_but_creates_none(
    store: Store, board: str
) -> None:
    add_player(store, board, "bob", 1)
    store.update_board(board, {"ask_email": True})
    amounts = [Amount("bob", "Bob", (2,)), Amount("alice", "Alice", (2,))]
    with pytest.raises(EmailRequired) as raised:
        store.import_batch(board, "f", Import(0, 9, "x"), amounts)
    assert raised.value.player == "alice"
    assert top_scores(store, board) == {"bob": 1}
    assert store.get_import(board, "f") == Import(), "a corrected file can go on here"
    store.import_batch(board, "f", Import(0, 9, "x"), amounts[:1])
    assert top_scores(store, board) == {"bob": 3}


def test_nobody_joins_with_a_score_beyond_the_limits(store: Store, board: str) -> None:
    store.update_board(board, {"min": -1, "max": 4})
    for score in (-2, 5):
        with pytest.raises(ScoreOutOfRange, match="-1 to 4"):
            store.create_player(board, {"id": "alice", "name": "Alice", "score": score})
    assert top_scores(store, board) == {}


def test_each_row_of_a_sum_that_is_imported_is_an_increment(store: Store, board: str) -> None:
    store.update_board(board, {"max_amount": 2})
    store.import_batch(board, "f", Import(0, 9, "x"), [Amount("alice", "Alice", (2, 2, 2))])
    with pytest.raises(ScoreOutOfRange, match="an increment from -2 to 2"):
        store.import_batch(board, "f", Import(9, 12, "y"), [Amount("alice", "Alice", (3, -3))])
    assert top_scores(store, board) == {"alice": 6}
