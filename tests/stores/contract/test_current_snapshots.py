"""Snapshots that are shown again: only while the board has the same change number."""

import json
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from leaderboardapp import snapshots
from leaderboardapp.domain.board_ids import window_id
from leaderboardapp.domain.exceptions import (
    AlreadyExists,
    BoardNotFound,
    PlayerNotFound,
    PlayerRefused,
)
from leaderboardapp.domain.types import Amount, Import, Increment
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import Store
from tests.stores.contract.helpers import add_player

PLAYERS = "abc"
Write = Callable[[Store, str, str, int], Any]
WRITES: dict[str, Write] = {
    "increment": lambda store, board, player, n: store.add_score(board, player, n, name=player),
    "increments": lambda store, board, player, n: store.add_scores(
        board, [Increment(other, n, name=other) for other in PLAYERS]
    ),
    "score": lambda store, board, player, n: store.set_score(board, player, n, only_better=False),
    "player": lambda store, board, player, n: add_player(store, board, f"{player}{n}", n),
    "name": lambda store, board, player, n: store.update_player(board, player, {"name": f"N{n}"}),
    "data": lambda store, board, player, n: store.update_player(board, player, {"data": {"k": n}}),
    "hidden": lambda store, board, player, n: store.update_player(
        board, player, {"hidden": n % 2 == 0}
    ),
    "gone": lambda store, board, player, n: store.delete_player(board, player),
    "settings": lambda store, board, player, n: store.update_board(
        board,
        {
            "name": f"B{n}",
            "size": n % 3 + 1,
            "order": "asc" if n % 2 else "desc",
            "private": n % 5 == 0,
            "show": ["k"] if n % 3 else [],
            "windows": ["day"] if n % 4 else [],
        },
    ),
    "reset": lambda store, board, player, n: store.start_next_season(
        board, store.get_board(board)["season"], "2030-01-01T00:00:00Z"
    ),
    "maintenance": lambda store, board, player, n: store.run_maintenance(board),
    "import": lambda store, board, player, n: store.import_batch(
        board, uuid.uuid4().hex, Import(0, 1, ""), [Amount(player, player, (n,))]
    ),
    "board gone": lambda store, board, player, n: store.delete_board(board),
    "board again": lambda store, board, player, n: store.create_board({"id": board}),
}
REFUSALS = (AlreadyExists, BoardNotFound, PlayerNotFound, PlayerRefused, ValueError)
steps = st.tuples(st.sampled_from([*WRITES]), st.sampled_from(PLAYERS), st.integers(0, 9))


@examples(max_examples=30)
@given(st.lists(steps, min_size=5, max_size=20))
def test_what_is_shown_is_what_is_stored_after_every_kind_of_write(
    store: Store, steps: list[tuple[str, str, int]]
) -> None:
    board = uuid.uuid4().hex
    store.create_board({"id": board})
    shown = [board, window_id(board, "day")]
    for kind, player, number in steps:
        with suppress(*REFUSALS):
            WRITES[kind](store, board, player, number)
        for id in shown:
            assert snapshots.read_together([id]) == snapshots.read_snapshots([id])


@pytest.fixture
def tops_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """The boards of each read of tops."""
    calls: list[list[str]] = []
    read = store.get_top_players

    def record(boards: Collection[str]) -> Any:
        calls.append([*boards])
        return read(boards)

    monkeypatch.setattr(store, "get_top_players", record)
    yield calls


@pytest.mark.stores("sqlite", "postgresql")
def test_a_board_that_has_not_changed_is_read_once(
    store: Store, board: str, tops_read: list[list[str]]
) -> None:
    add_player(store, board, "alice", 3)
    first, again = snapshots.read_snapshot(board), snapshots.read_snapshot(board)
    assert first is not None and first is again
    assert tops_read == [[board]]
    store.add_score(board, "alice", 1)
    assert (changed := snapshots.read_snapshot(board)) and '"score":4' in changed.body
    assert tops_read == [[board]] * 2


@pytest.mark.stores("sqlite", "postgresql")
def test_boards_that_are_read_together_are_of_one_moment(
    store: Store, board: str, tops_read: list[list[str]]
) -> None:
    other = uuid.uuid4().hex
    store.create_board({"id": other})
    snapshots.read_together([board, other])
    snapshots.read_together([board, other])
    assert tops_read == [[board, other]]
    add_player(store, other, "bob")
    assert '"bob"' in snapshots.read_together([board, other])[other].body
    assert tops_read == [[board, other]] * 2, "both, though one has not changed"


@pytest.mark.stores("sqlite", "postgresql")
def test_boards_read_together_are_of_one_moment_while_another_reader_is_ahead(
    store: Store, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One reader has the numbers of both boards when another one reads a board. Somebody writes
    to both after the other has read its number, too, and before it reads the board."""
    second = uuid.uuid4().hex
    store.create_board({"id": second})
    snapshots.read_together([board, second])
    read_change_numbers = store.read_change_numbers

    def write_afterwards(boards: Collection[str]) -> dict[str, int]:
        numbers = read_change_numbers(boards)
        add_player(store, board, "first")
        add_player(store, second, "second")
        return numbers

    def let_another_read_afterwards(boards: Collection[str]) -> dict[str, int]:
        numbers = read_change_numbers(boards)
        monkeypatch.setattr(store, "read_change_numbers", write_afterwards)
        snapshots.cache.entries.pop(second)  # it was read long ago
        snapshots.read_snapshot(second)
        return numbers

    monkeypatch.setattr(store, "read_change_numbers", let_another_read_afterwards)
    both = snapshots.read_together([board, second])
    assert ("first" in both[board].body) is ("second" in both[second].body)


@pytest.mark.stores("sqlite", "postgresql")
def test_a_board_that_is_missing_is_looked_for_each_time(store: Store, board_id: str) -> None:
    assert snapshots.read_snapshot(board_id) is None
    store.create_board({"id": board_id})
    assert snapshots.read_snapshot(board_id) is not None
    store.delete_board(board_id)
    assert snapshots.read_snapshot(board_id) is None


@pytest.mark.stores("sqlite", "postgresql")
def test_a_change_number_that_the_database_had_before_is_not_believed_for_long(
    store: Store, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a database was replaced beneath the running service."""
    number = store.read_change_numbers([board])
    assert snapshots.read_snapshot(board)
    store.update_board(board, {"name": "Restored"})
    monkeypatch.setattr(store, "read_change_numbers", lambda boards: number)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + snapshots.CACHE_SECONDS + 0.1)
    assert (snapshot := snapshots.read_snapshot(board)) and "Restored" in snapshot.body


def test_writers_read_their_own_writes_while_others_write_and_read(
    store: Store, board: str
) -> None:
    def write_and_read(player: str) -> list[int]:
        lags = []
        for number in range(1, 41):
            store.add_score(board, player, 1, name=player)
            snapshot = snapshots.read_snapshot(board)
            assert snapshot
            [shown] = [
                row["score"] for row in json.loads(snapshot.body)["players"] if row["id"] == player
            ]
            lags.append(number - shown)
        get_store().close()
        return lags

    with ThreadPoolExecutor(len(PLAYERS)) as pool:
        assert [*pool.map(write_and_read, PLAYERS)] == [[0] * 40] * len(PLAYERS)


@pytest.mark.stores("sqlite")
def test_as_many_boards_are_kept_as_there_is_room_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "MOST_CACHED", 2)
    boards = [uuid.uuid4().hex for _ in range(3)]
    for board in boards:
        store.create_board({"id": board})
        snapshots.read_snapshot(board)
    assert [*snapshots.cache.entries] == boards[1:], "the newest ones"
