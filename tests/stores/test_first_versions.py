"""Databases that the first version of each store has made, and what it answered from them.

`first_versions/` has them as that version left them: `sqlite3 .dump`, `pg_dump --inserts`, and for
RethinkDB the documents, with the functions of indexes as the server keeps them."""

import base64
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.test import Client

from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.web.auth import create_token
from tests.stores.contract.archive_model import read_season
from tests.support.programs import wait_until
from tests.support.store import store_at

FOLDER = Path(__file__).with_name("first_versions")
# What it answered; and a board, a player of it, and an idempotency key that was used.
WITHOUT_SEASONS = ("without_seasons.json", "plain", "p002", "key-2")
WITH_SEASONS = ("with_seasons.json", "lap", "p004", "key-3-4")


def restore_sqlite(url: str) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        database.executescript((FOLDER / "sqlite.sql").read_text())


def restore_postgresql(url: str) -> None:
    with psycopg.connect(url) as database:
        database.execute((FOLDER / "postgresql.sql").read_bytes())


def restore_rethinkdb(url: str) -> None:
    address = urlsplit(url)
    name = address.path.strip("/")
    with closing(r.connect(host=address.hostname, port=address.port, db=name)) as database:
        r.db_create(name).run(database)
        for table, content in json.loads((FOLDER / "rethinkdb.json").read_text()).items():
            r.table_create(table).run(database)
            r.table(table).insert(content["documents"]).run(database)
            for index, function in content["indexes"].items():
                stored = r.binary(base64.b64decode(function))
                r.table(table).index_create(index, stored).run(database)


def assert_answers(path: str, answer: Any, before: Any) -> None:
    """Assert that the answer has all that it had before. There may be more fields."""
    if isinstance(before, dict):
        for name, value in before.items():
            assert_answers(f"{path} {name}", answer[name], value)
    elif isinstance(before, list):
        assert len(answer) == len(before), path
        for number, value in enumerate(before):
            assert_answers(f"{path} {number}", answer[number], value)
    else:
        assert answer == before, path


def assert_goes_on(store: Store, board: str, player: str, key: str) -> None:
    """Assert that keys that were used count no more, and that scores, seasons and searches work."""
    score = store.get_player(board, player)["score"]
    assert store.add_score(board, player, 1, key=key)["score"] == score
    with closing(store.open_feed()) as feed:
        feed.poll(0)
        assert store.add_score(board, player, 1)["score"] == score + 1
        wait_until(lambda: board in feed.poll(0.1), "the change")
    ranked = read_season(store, board, None)
    season = store.get_board(board)["season"]
    store.start_next_season(board, season, "2026-12-01T00:00:00Z")
    while store.run_maintenance(board):
        pass
    assert read_season(store, board, season) == ranked
    assert store.get_import("plain", "scores.csv").digest == "abc"


@pytest.mark.parametrize(
    ("restore", "kind", "made"),
    [
        (restore_sqlite, "sqlite", WITHOUT_SEASONS),
        (restore_rethinkdb, "rethinkdb", WITHOUT_SEASONS),
        (restore_postgresql, "postgresql", WITH_SEASONS),
    ],
    ids=["sqlite", "rethinkdb", "postgresql"],
)
def test_a_database_of_the_first_version_answers_as_it_did_and_goes_on(
    new_database: Callable[[str], str],
    restore: Callable[[str], None],
    kind: str,
    made: tuple[str, str, str, str],
) -> None:
    answers, board, player, key = made
    url = new_database(kind)
    restore(url)
    client = Client(headers={"Authorization": f"Bearer {create_token(['admin'], None, 60)}"})
    with store_at(url) as store:
        store.ensure()
        for path, before in json.loads((FOLDER / answers).read_text()).items():
            assert_answers(path, client.get(path).json(), before)
        assert (
            client.get("/boards/plain/players/?search=FRESH").json()["players"][0]["id"] == "fresh"
        )
        assert_goes_on(store, board, player, key)
