"""Databases that an earlier version has made."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from leaderboardapp.stores.base import Feed
from tests.support.programs import wait_until
from tests.support.store import read_page, store_at

BEFORE_PLAYER_WRITES = "0007_messages"
BOARD = "INSERT INTO board (id, name, size, private) VALUES ('old', 'Old', 3, TRUE)"
PLAYER = """
    INSERT INTO player (board_id, player, name, score, reached_at, keys)
    VALUES ('old', 'alice', 'Alice', 7, 1, '["key"]')
"""


def assert_notices(feed: Feed, change: Callable[[], Any]) -> None:
    """Assert that the feed gives the board that has changed."""
    feed.poll(0)
    change()
    wait_until(lambda: "old" in feed.poll(0.1), "the change")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_board_from_before_player_writes_is_as_it_was_and_closed_to_players(
    new_database: Callable[[str], str], kind: str
) -> None:
    with store_at(new_database(kind)) as store:
        call_command("migrate", "store", BEFORE_PLAYER_WRITES, verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(BOARD)
            cursor.execute(PLAYER)
        store.ensure()
        board = store.get_board("old")
        assert (board["player_writes"], board["private"], board["size"]) == ("none", True, 3)
        [alice] = read_page(store, "old", 10)
        assert (alice["id"], alice["score"], alice["rank"]) == ("alice", 7, 1)
        assert store.add_score("old", "alice", 1, key="key")["score"] == 7  # still remembered
        feed = store.open_feed()
        try:
            assert_notices(feed, lambda: store.update_board("old", {"player_writes": "add"}))
            assert_notices(feed, lambda: store.add_score("old", "alice", 1))
        finally:
            feed.close()
        assert store.get_board("old")["player_writes"] == "add"


def test_a_document_without_player_writes_is_closed_to_players(
    new_database: Callable[[str], str],
) -> None:
    with store_at(new_database("rethinkdb")) as store:
        store.ensure()
        store.db.run(store.db.boards.insert({"id": "old", "size": 3}))
        board = store.get_board("old")
        assert board["player_writes"] == "none"
        changed = store.update_board("old", {"player_writes": "best"}, lambda: board)
        assert changed["player_writes"] == store.get_board("old")["player_writes"] == "best"
