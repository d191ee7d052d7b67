"""SQLite's one write lock, which processes take turns with."""

import sqlite3
import time
from typing import Any

import pytest
from django.db import connection

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.sql.sqlite.backend import base

pytestmark = pytest.mark.stores("sqlite")


@pytest.fixture
def other(store: Store) -> Any:
    """The connection of another process, which is writing."""
    store.ping()
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def busy_timeout() -> int:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        return int(cursor.fetchone()[0])


def test_a_writer_waits_in_small_steps_until_another_process_has_written(
    store: Store, board_id: str, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 100:
            other.execute("COMMIT")

    monkeypatch.setattr(time, "sleep", sleep)
    store.create_board({"id": board_id})
    assert slept == [base.TRY_SECONDS] * 100
    assert store.get_board(board_id)["id"] == board_id
    assert busy_timeout() == 2500, "for what else a statement may wait for"


def test_a_writer_gives_up_when_another_process_writes_for_long(
    store: Store, board_id: str, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += 0.5

    with monkeypatch.context() as clock:
        clock.setattr(time, "sleep", sleep)
        clock.setattr(time, "monotonic", lambda: now[0])
        with pytest.raises(StoreUnavailable, match="locked"):
            store.create_board({"id": board_id})
    assert now == [3.0], "the first try after 2.5 s is the last one"
    assert busy_timeout() == 2500, "for what else a statement may wait for"
    other.execute("COMMIT")
    store.create_board({"id": board_id})
