"""Databases that an earlier version has made."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from leaderboardapp.domain.searching import ORDERS, SearchPosition, choose_matches, fold
from leaderboardapp.snapshots import Snapshot, read_snapshots
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb import search as rethink_search
from leaderboardapp.stores.rethinkdb.schema import row_id
from leaderboardapp.stores.sql import search as sql_search
from leaderboardapp.stores.sql.statements import read
from leaderboardapp.stores.streams import Feed
from tests.stores.contract.archive_model import read_season
from tests.support.programs import wait_until
from tests.support.store import read_page, store_at

BEFORE_PLAYER_WRITES = "0007_messages"
BEFORE_DATA = "0008_player_writes"
BEFORE_ARCHIVE = "0010_tickets"
BEFORE_SCHEDULES = "0010_tickets"
BEFORE_SEARCH = "0014_past_ranked"
SCHEDULE = {"every": "week", "on": "wednesday", "at": "06:00", "zone": "Europe/Berlin"}
BOARD = "INSERT INTO board (id, name, size, private) VALUES ('old', 'Old', 3, TRUE)"
PLAYER = """
    INSERT INTO player (board_id, player, name, score, reached_at, keys)
    VALUES ('old', 'alice', 'Alice', 7, 1, '["key"]')
"""
SEASON = """
    INSERT INTO season (board_id, number, ended_at, settings, players)
    VALUES ('old', 1, '2026-01-01T00:00:00Z', %s, %s)
"""
BLOCK = """
    INSERT INTO block (board_id, place, reached_at, player, count) VALUES ('old', -99, -1, '', 0)
"""
# What a version without players' data has kept of a past season.
OLD_SETTINGS = {"id": "old", "name": "Old", "order": "desc", "ranking": "ordinal", "size": 3}
OLD_PLAYER = {"id": "alice", "name": "Alice", "score": 7, "reached_at": 1, "scored": True}
OLD_SNAPSHOT = (
    '{"id":"old","name":"Old","players":[{"id":"alice","name":"Alice","score":7,"rank":1}]}'
)


@contextmanager
def store_of_version(url: str, migration: str) -> Iterator[Any]:
    """A store with a board and a player, as the version with this migration left it."""
    with store_at(url) as store:
        call_command("migrate", "store", migration, verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(BOARD)
            cursor.execute(PLAYER)
        yield store


def assert_has_no_data_yet(store: Store) -> None:
    """Assert that the board shows what it did, and can show data from now on."""
    board = store.get_board("old")
    assert (board["show"], board["format"]) == ([], {"type": "points"})
    shown = json.loads(read_snapshots(["old"])["old"].body)
    assert shown == {**json.loads(OLD_SNAPSHOT), "season": 2}
    _, settings, players = store.get_season("old", 1)
    assert Snapshot.from_rows(settings, players).body == OLD_SNAPSHOT
    alice = store.get_player("old", "alice")
    assert "data" not in alice
    store.update_player("old", "alice", {"data": {"k": 1}}, lambda: alice)
    store.update_board("old", {"show": ["k"]}, lambda: board)
    assert '"data":{"k":1}' in read_snapshots(["old"])["old"].body


def assert_notices(feed: Feed, change: Callable[[], Any]) -> None:
    """Assert that the feed gives the board that has changed."""
    feed.poll(0)
    change()
    wait_until(lambda: "old" in feed.poll(0.1), "the change")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_board_from_before_player_writes_is_as_it_was_and_closed_to_players(
    new_database: Callable[[str], str], kind: str
) -> None:
    with store_of_version(new_database(kind), BEFORE_PLAYER_WRITES) as store:
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


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_board_from_before_players_data_shows_what_it_did(
    new_database: Callable[[str], str], kind: str
) -> None:
    with store_of_version(new_database(kind), BEFORE_DATA) as store:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE board SET season = 2")
            cursor.execute("UPDATE player SET season = 2")
            cursor.execute(SEASON, [json.dumps(OLD_SETTINGS), json.dumps([OLD_PLAYER])])
        store.ensure()
        feed = store.open_feed()
        try:
            assert_notices(feed, lambda: store.update_board("old", {"format": {"type": "time"}}))
            assert_notices(feed, lambda: store.update_board("old", {"format": {"type": "points"}}))
            assert_notices(feed, lambda: store.update_player("old", "alice", {"data": {"k": 1}}))
            store.update_player("old", "alice", {"data": {}})
            assert_has_no_data_yet(store)
        finally:
            feed.close()
        assert store.add_score("old", "alice", 1, key="key")["score"] == 7  # still remembered


def test_documents_from_before_players_data_show_what_they_did(
    new_database: Callable[[str], str],
) -> None:
    with store_at(new_database("rethinkdb")) as store:
        store.ensure()
        db = store.db
        db.run(db.boards.insert({"id": "old", "name": "Old", "size": 3, "season": 2}))
        player = {"board": "old", "player": "alice", "name": "Alice", "season": 2}
        document = {"id": row_id("old", "alice"), **player, "score": 7, "reached_at": 1}
        db.run(db.players.insert(document))
        past = {"board": "old", "number": 1, "ended_at": "2026-01-01T00:00:00Z", "final": True}
        kept = {"settings": OLD_SETTINGS, "players": [OLD_PLAYER]}
        db.run(db.seasons.insert({"id": row_id("old", "1"), **past, **kept}))
        store.ensure()
        assert_has_no_data_yet(store)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_past_season_from_before_has_its_top_with_the_right_ranks(
    new_database: Callable[[str], str], kind: str
) -> None:
    tied = [{**OLD_PLAYER, "id": id, "data": {"k": 1}} for id in ("bob", "carl", "dora")]
    with store_of_version(new_database(kind), BEFORE_ARCHIVE) as store:
        with connection.cursor() as cursor:
            # The board is in its third season, and nobody is carried over into it yet.
            cursor.execute("UPDATE board SET season = 3, ranking = 'ordinal'")
            cursor.execute("UPDATE player SET season = 2")
            cursor.execute(BLOCK)
            cursor.execute(SEASON, [json.dumps(OLD_SETTINGS), json.dumps([OLD_PLAYER, *tied])])
        store.ensure()
        top = read_season(store, "old", 1)
        assert [(row["id"], row["rank"]) for row in top] == [
            ("alice", 1),
            ("bob", 2),
            ("carl", 3),
            ("dora", 4),
        ]
        assert top[1]["data"] == {"k": 1}
        window = store.get_ranking_window("old", 1, around="carl", season=1)
        assert (window.of, window.before) == (None, 2)
        assert store.get_player("old", "alice")["not_carried_over"] is False
        assert store.list_player_seasons("old", "alice", None, 9)[1][0].row["rank"] == 1
        while store.run_maintenance("old"):
            pass
        store.add_score("old", "alice", 4)
        assert store.get_ranking_window("old", 1, around="alice").of == 1
        store.delete_player("old", "alice")
        assert [(row["id"], row["rank"]) for row in read_season(store, "old", 1)] == [
            ("bob", 2),
            ("carl", 3),
            ("dora", 4),
        ]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_board_with_more_past_seasons_than_are_kept_by_default_keeps_all(
    new_database: Callable[[str], str], kind: str
) -> None:
    with store_of_version(new_database(kind), BEFORE_ARCHIVE) as store:
        with connection.cursor() as cursor:
            for number in range(1, 15):
                values = [json.dumps(OLD_SETTINGS), "[]"]
                cursor.execute(SEASON.replace("'old', 1,", f"'old', {number},"), values)
            cursor.execute("UPDATE board SET season = 15")
            cursor.execute("INSERT INTO board (id, name, size) VALUES ('few', '', 3)")
        store.ensure()
        store.start_next_season("old", 15, "2026-02-01T00:00:00Z")
        assert len(store.list_seasons("old", None, 99)[1]) == 15
        assert store.get_board("few")["keep_seasons"] == 12


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_version_before_can_go_on_with_the_database(
    new_database: Callable[[str], str], kind: str
) -> None:
    with store_at(new_database(kind)) as store:
        store.ensure()
        store.create_board({"id": "old"})
        store.create_board({"id": "x" * 64, "windows": ["day"], "schedule": SCHEDULE})
        store.create_player("x" * 64, {"id": "bob", "name": "Bob"})
        store.add_score("x" * 64, "bob", 1)
        store.create_player("old", {"id": "alice", "name": "Alice", "score": 7})
        store.start_next_season("old", 1, "2026-02-01T00:00:00Z")
        call_command("migrate", "store", BEFORE_ARCHIVE, verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE player SET score = 9 WHERE board_id = 'old'")
            cursor.execute("SELECT score, season FROM player WHERE board_id = 'old'")
            assert cursor.fetchall() == [(9, 2)]
        store.ensure()
        assert [row["id"] for row in read_season(store, "old", 1)] == ["alice"]
        store.update_board("x" * 64, {"windows": ["day", "week"]})
        assert [row["score"] for row in read_page(store, "x" * 64, 9)] == [1]
        assert [row["id"] for row in store.list_boards("", 9, private=True)] == ["old", "x" * 64]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_board_from_before_schedules_of_a_zone_keeps_its_own_and_takes_one(
    new_database: Callable[[str], str], kind: str
) -> None:
    with store_of_version(new_database(kind), BEFORE_SCHEDULES) as store:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE board SET schedule = 'monthly', ends_at = '2026-12-01T00:00:00Z'"
            )
        store.ensure()
        assert store.get_board("old")["schedule"] == "monthly"
        feed = store.open_feed()
        try:
            assert_notices(feed, lambda: store.update_board("old", {"schedule": SCHEDULE}))
        finally:
            feed.close()
        board = store.get_board("old")
        assert (board["schedule"], board["ends_at"]) == (SCHEDULE, "2026-12-01T00:00:00Z")


def find_ids(store: Store, board: str, text: str, hidden: bool = False) -> list[str]:
    page = store.search_players(board, fold(text), 9, SearchPosition(), hidden)
    return [row["id"] for row in choose_matches(page, fold(text))]


def assert_finds_all(store: Store, monkeypatch: pytest.MonkeyPatch, search: Any) -> None:
    """Assert that players whom another program has created are found after `ensure`, and are found
    by the names that they have by now."""
    monkeypatch.setattr(search, "FILLED_AT_ONCE", 2)
    store.ensure()
    assert find_ids(store, "old", "ÉVA") == ["p0", "p1", "p2"]
    assert find_ids(store, "old", "p", hidden=True) == ["p3"]
    store.update_player("old", "p1", {"name": "Zoe"})
    store.ensure()
    assert (find_ids(store, "old", "é"), find_ids(store, "old", "z")) == (["p0", "p2"], ["p1"])
    assert find_ids(store, "old~day", "é") == []
    for order in ORDERS:
        listed = store.find_boards(order, "", 9, None, private=True).rows
        assert [row["id"] for row in listed] == ["old"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_players_from_before_searches_are_found(
    new_database: Callable[[str], str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store_of_version(new_database(kind), BEFORE_SEARCH) as store:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO board (id, name, size, since) VALUES ('old~day', '', 5, '')"
            )
            for board in ("old", "old~day"):
                for number in range(4):
                    values = [board, f"p{number}", f"Éva {number}", number == 3]
                    cursor.execute(
                        """INSERT INTO player
                        (board_id, player, name, hidden, score, reached_at, keys)
                        VALUES (%s, %s, %s, %s, 1, 1, '[]')""",
                        values,
                    )
        assert_finds_all(store, monkeypatch, sql_search)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_statement_looks_through_more_than_a_piece_of_a_table(
    new_database: Callable[[str], str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL had no answer in time about four million players."""
    ends = list[tuple[str, str]]()

    def spy(sql: str, values: Any) -> list[Any]:
        rows = read(sql, values)
        if "is_unknown" in sql:
            assert len(rows) <= 1
            ends.extend(row[:2] for row in rows)
        return rows

    with store_at(new_database(kind)) as store:
        store.ensure()
        for board in ("a", "b", "c"):
            store.create_board({"id": board, "name": board})
            store.create_player(board, {"id": "p", "name": "P", "score": 0})
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM search")
        monkeypatch.setattr(sql_search, "FILLED_AT_ONCE", 1)
        monkeypatch.setattr(sql_search, "read", spy)
        store.ensure()
    assert ends == [("", "a"), ("", "b"), ("", "c"), ("a", "p"), ("b", "p"), ("c", "p")]


def test_documents_from_before_searches_are_found(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with store_at(new_database("rethinkdb")) as store:
        store.ensure()
        db = store.db
        db.run(db.boards.insert([{"id": "old"}, {"id": "old~day", "since": "x"}]))
        for board in ("old", "old~day"):
            for number in range(4):
                player = {"board": board, "player": f"p{number}", "name": f"Éva {number}"}
                own = {"hidden": number == 3, "score": 1, "reached_at": 1}
                db.run(db.players.insert({"id": row_id(board, f"p{number}"), **player, **own}))
        db.run(db.players.insert({"id": "remnant", "board": "old", "unarchived": []}))
        assert_finds_all(store, monkeypatch, rethink_search)
