"""A person: the players with one id on all boards."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from leaderboardapp.api import people
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.models import Player
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.schema import TABLES
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from leaderboardapp.stores.sql.search import BOARDS_OF
from leaderboardapp.web.auth import create_token
from tests.api.conftest import Response, Send, assert_problem

ENDED_AT = "2026-11-30T00:00:00Z"


def bearer(*scopes: str, boards: list[str] | None = None) -> dict[str, str]:
    return {"authorization": f"Bearer {create_token(scopes, boards, 60)}"}


@pytest.fixture
def person() -> str:
    """An id that no other test uses."""
    return f"person-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def boards(store: Store, person: str, board_id: str) -> Iterator[list[str]]:
    """Boards on which the person plays: one with a window and a past season, one that is private
    and has an address; and a third one, on which only somebody else plays."""
    boards = [f"{board_id}-{letter}" for letter in "abc"]
    store.create_board({"id": boards[0], "windows": ["week"]})
    store.create_board({"id": boards[1], "private": True, "ask_email": True})
    store.create_board({"id": boards[2]})
    for board in boards:
        email = {"email": "bob@example.com"} if board == boards[1] else {}
        store.create_player(board, {"id": "bob", "name": "Bob", **email})
    store.create_player(boards[0], {"id": person, "name": "Pat", "data": {"car": 1}})
    store.create_player(boards[1], {"id": person, "name": "P", "email": "pat@example.com"})
    store.update_player(boards[1], person, {"hidden": True})
    store.add_score(boards[0], person, 7)
    store.add_score(boards[0], "bob", 9)
    store.start_next_season(boards[0], 1, ENDED_AT)
    store.add_score(boards[0], person, 3)
    yield boards
    for board in boards:
        store.delete_board(board)


def read(response: Response) -> list[dict[str, object]]:
    assert response.status_code == 200, response.getvalue()
    players: list[dict[str, object]] = json.loads(response.getvalue())["players"]
    return players


@pytest.mark.parametrize("at_once", [1, 100])
def test_all_that_is_known_of_a_person_is_one_json(
    send: Send, boards: list[str], person: str, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(people, "BOARDS_AT_ONCE", at_once)
    monkeypatch.setattr(people, "SEASONS_AT_ONCE", at_once)
    first, second = read(send("GET", f"/players/{person}/", **bearer("admin")))
    rank = {"id": person, "name": "Pat", "rank": 1, "percentile": 100.0, "data": {"car": 1}}
    past = {**rank, "season": 1, "ended_at": ENDED_AT, "score": 7, "rank": 2, "percentile": 50.0}
    assert first == {
        **{**rank, "board": boards[0], "score": 3, "of": 2, "email": None, "hidden": False},
        "seasons": [{**past, "of": 2}],
        "windows": {
            "week": {**rank, "score": 10, "rank": 1, "of": 2, "hidden": False}
            | {"percentile": 100.0, "seasons": []}
        },
    }
    assert (second["email"], second["hidden"], second["rank"]) == ("pat@example.com", True, None)


def test_who_is_erased_is_on_no_board_and_in_no_past_season(
    send: Send, store: Store, boards: list[str], person: str
) -> None:
    assert send("DELETE", f"/players/{person}/", **bearer("admin")).status_code == 204
    assert_problem(send("GET", f"/players/{person}/", **bearer("admin")), 404, "No board has")
    for board in (*boards, f"{boards[0]}~week"):
        window = store.get_ranking_window(board, 10, with_emails=True)
        assert [row["id"] for row in window.rows] in ([], ["bob"])
        assert store.list_hidden(board, "", 10).rows == []
    past = store.get_ranking_window(boards[0], 10, season=1).rows
    assert [(row["score"], row["name"]) for row in past] == [(9, "Bob"), (7, "")]
    assert person not in str(past)
    store.create_player(boards[1], {"id": "new", "name": "N", "email": "pat@example.com"})
    other = send("GET", "/players/bob/", **bearer("admin"))
    assert {player["board"] for player in read(other)} >= {*boards}


def read_database(store: Any) -> str:
    """Return all that is in the tables, but for messages of the last minutes."""
    if isinstance(store, RethinkStore):
        names = TABLES.keys() - {"topics"}
        return str([store.db.run(r.table(name).coerce_to("array")) for name in names])
    rows = []
    for name in {*connection.introspection.table_names()} - {"message"}:
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{name}"')
            rows += cursor.fetchall()
    return str(rows)


def test_nothing_of_who_is_erased_is_left_in_the_database(
    send: Send, store: Store, boards: list[str], person: str
) -> None:
    store.update_player(boards[0], person, {"name": f"Name of {person}"})
    store.add_score(boards[0], person, 1, key=f"key of {person}")
    store.create_board({"id": f"{boards[0]}-gone"})
    store.create_player(f"{boards[0]}-gone", {"id": person, "name": "Pat"})
    store.delete_board(f"{boards[0]}-gone")
    assert read_database(store).count(person) > 5
    send("DELETE", f"/players/{person}/", **bearer("admin"))
    assert person not in read_database(store)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_nobody_is_not_found(send: Send, method: str, person: str) -> None:
    response = send(method, f"/players/{person}/", **bearer("admin"))
    assert_problem(response, 404, f"No board has a player {person}.")


@pytest.mark.stores("sqlite")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_only_an_admin_of_all_boards_may(
    send: Send, store: Store, boards: list[str], person: str, method: str
) -> None:
    with override_settings(ALLOW_ANONYMOUS_WRITES=False):
        assert_problem(send(method, f"/players/{person}/"), 401, "scope admin")
        for token in (bearer("write"), bearer("admin", boards=[boards[0]]), bearer("read")):
            response = send(method, f"/players/{person}/", **token)
            assert_problem(response, 403, "does not allow admin")
    assert store.get_player(boards[0], person)["score"] == 3


@pytest.mark.stores("sqlite")
def test_a_token_is_needed_where_anybody_may_write(
    send: Send, boards: list[str], person: str
) -> None:
    for method in ("GET", "DELETE"):
        assert_problem(send(method, f"/players/{person}/"), 401, "scope admin")


@pytest.mark.stores("sqlite")
def test_an_erasure_that_fails_in_between_is_repeated(
    send: Send, boards: list[str], person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete: Callable[[Player], None] = Player.delete

    def fail_on_second(player: Player) -> None:
        if player.board.id == boards[1]:
            raise StoreUnavailable("gone")
        delete(player)

    with monkeypatch.context() as patch:
        patch.setattr(Player, "delete", fail_on_second)
        assert send("DELETE", f"/players/{person}/", **bearer("admin")).status_code == 503
    assert len(read(send("GET", f"/players/{person}/", **bearer("admin")))) == 1
    assert send("DELETE", f"/players/{person}/", **bearer("admin")).status_code == 204


@pytest.mark.stores("sqlite", "postgresql")
def test_boards_of_a_person_are_found_by_an_index(store: Store) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")  # as with many players
        explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        cursor.execute(f"{explain} {BOARDS_OF}", ["p", "", 10])
        assert "search_player" in str(cursor.fetchall())
