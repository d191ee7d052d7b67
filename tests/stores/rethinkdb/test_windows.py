"""Windows in RethinkDB, whose documents are written after that of their board: a process that dies
in between, and a clock that is wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import pytest

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.types import Amount, Import
from leaderboardapp.stores.rethinkdb.store import RethinkStore

NOW = 1_793_000_000_000_000  # microseconds since 1970
DAY = 86_400_000_000
Clock = Callable[[int], None]
Write = Callable[[RethinkStore, str], object]


def make_import(name: str) -> Write:
    """Return what imports a file of one line, unless it is done."""

    def write(store: RethinkStore, board: str) -> None:
        upto = Import(0, 1, name)
        if store.get_import(board, name) != upto:
            store.import_batch(board, name, upto, [Amount("alice", "Alice", (5,))])

    return write


WRITES: dict[str, Write] = {
    "increment": lambda store, board: store.add_score(board, "alice", 5, "key"),
    "first score": lambda store, board: store.add_score(board, "alice", 5, "key", name="Alice"),
    "import": make_import("file"),
}
writes = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


def make_board(store: RethinkStore, board: str, write: Write) -> None:
    store.create_board({"id": board, "windows": ["day"]})
    if write is WRITES["increment"]:
        store.create_player(board, {"id": "alice", "name": "Alice"})


def read_score(store: RethinkStore, board: str) -> int:
    return sum(row["score"] for row in store.get_ranking_window(board, 9).rows)


def end_window(store: RethinkStore, board: str) -> None:
    """End the season of the window, and have nobody remembered there."""
    window = f"{board}~day"
    store.start_next_season(window, store.get_board(window)["season"], "2026-11-30T00:00:00Z")
    while store.run_maintenance(window):
        pass


@contextmanager
def failing(store: RethinkStore, number: int, done: bool) -> Iterator[list[int]]:
    """Let the query of this number fail, before or after it is `done`. Gives a list that has the
    number once it has failed."""
    numbers, failed = count(), list[int]()

    def wrap(real: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            if next(numbers) != number:
                return real(*args)
            failed.append(number)
            if done:
                real(*args)
            raise OutcomeUnknown("the connection has broken")

        return run

    with pytest.MonkeyPatch.context() as patch:
        for name in ("run", "run_together"):
            patch.setattr(store.db, name, wrap(getattr(store.db, name)))
        yield failed


@writes
@pytest.mark.parametrize("done", [False, True])
def test_a_repeat_counts_once_in_a_window_whichever_query_failed(
    rethink: RethinkStore, board_id: str, clock: Clock, write: Write, done: bool
) -> None:
    """The clock is set back by a day after the window has begun."""
    for number in count():
        board = f"{board_id}-{number}"
        clock(NOW)
        make_board(rethink, board, write)
        clock(NOW - DAY)
        with failing(rethink, number, done) as failed, suppress(StoreUnavailable):
            write(rethink, board)
        write(rethink, board)
        scores = [read_score(rethink, id) for id in (board, f"{board}~day")]
        assert scores == [5, 5], number
        if not failed:
            break
    assert number > 1


@writes
def test_a_repeat_counts_in_no_window_whose_season_began_later(
    rethink: RethinkStore,
    board_id: str,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    write: Write,
) -> None:
    """The clock is set back by a day before that."""
    clock(NOW)
    make_board(rethink, board_id, write)
    clock(NOW + DAY // 24)
    real_progress = rethink.imports.record_progress

    def fail_at_end(board: str, name: str, state: Import) -> int | None:
        if state.done:
            raise OutcomeUnknown("the connection has broken")
        return real_progress(board, name, state)

    with monkeypatch.context() as patch, suppress(StoreUnavailable):
        patch.setattr(rethink.imports, "record_progress", fail_at_end)
        write(rethink, board_id)
    clock(NOW - DAY)
    end_window(rethink, board_id)
    write(rethink, board_id)
    assert [read_score(rethink, id) for id in (board_id, f"{board_id}~day")] == [5, 0]
    make_import("another")(rethink, board_id)
    rethink.add_score(board_id, "alice", 1, "another")
    assert read_score(rethink, f"{board_id}~day") == 6
