import importlib
import uuid

import pytest
from django.db import connection
from django.test import override_settings

from leaderboardapp.domain.types import BOARD_DEFAULTS, Row
from tests.api.conftest import Send, assert_problem

DEFAULTS: Row = {**BOARD_DEFAULTS, "next_ends": []}
del DEFAULTS["since"]


def test_a_board_is_created_with_the_callers_id(send: Send, board_id: str) -> None:
    response = send("POST", "/boards/", {"id": board_id, "name": "World cup", "size": 3})
    assert response.status_code == 201
    assert response["Location"] == f"/boards/{board_id}/"
    assert response.json() == {**DEFAULTS, "id": board_id, "name": "World cup", "size": 3}


def test_a_board_without_id_gets_a_uuid(send: Send) -> None:
    response = send("POST", "/boards/")
    assert response.status_code == 201
    assert response.json() == {**DEFAULTS, "id": str(uuid.UUID(response.json()["id"]))}
    assert send("GET", response["Location"]).status_code == 200


def test_a_taken_id_is_a_conflict(send: Send, board: str, board_id: str) -> None:
    assert_problem(send("POST", "/boards/", {"id": board_id, "name": "B"}), 409, board_id)
    assert send("GET", board).json()["name"] == "A board"


def test_a_snapshot_shows_the_top_players_with_ranks(send: Send, board: str) -> None:
    for name in ("Alice", "Bob", "Carol"):
        send("POST", f"{board}players/", {"id": name, "name": name})
    send("POST", f"{board}players/Bob/score-add/", {"amount": 7})
    send("POST", f"{board}players/Carol/score-add/")
    send("PATCH", board, {"size": 2})
    assert send("GET", board).json() == {
        "id": board.split("/")[2],
        "name": "A board",
        "players": [
            {"id": "Bob", "name": "Bob", "score": 7, "rank": 1},
            {"id": "Carol", "name": "Carol", "score": 1, "rank": 2},
        ],
    }


def test_a_snapshot_is_one_line_whatever_the_names(send: Send, board: str) -> None:
    name = '<img src=x> \u2028 é \\ " 𝄞'
    send("POST", f"{board}players/", {"name": name})
    response = send("GET", board)
    assert response.json()["players"][0]["name"] == name
    assert b"\n" not in response.content and b"\r" not in response.content


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "image/png", "}"])
def test_whoever_asks_for_neither_stream_nor_page_gets_json(
    send: Send, board: str, accept: str | None
) -> None:
    response = send("GET", board, **({"accept": accept} if accept else {}))
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert "Accept" in response["Vary"]


def test_an_unchanged_board_is_answered_304(send: Send, board: str, alice: str) -> None:
    etag = send("GET", board)["ETag"]
    unchanged = send("GET", board, if_none_match=etag)
    assert unchanged.status_code == 304
    assert unchanged.content == b""
    assert unchanged["ETag"] == etag
    send("POST", f"{alice}score-add/")
    changed = send("GET", board, if_none_match=etag)
    assert changed.status_code == 200
    assert changed["ETag"] != etag


def test_equal_snapshots_have_equal_etags(send: Send, board: str, alice: str) -> None:
    etag = send("GET", board)["ETag"]
    send("POST", f"{alice}score-add/", {"amount": 5})
    send("POST", f"{alice}score-add/", {"amount": -5})
    assert send("GET", board)["ETag"] == etag


def test_a_board_is_renamed(send: Send, board: str, board_id: str) -> None:
    response = send("PATCH", board, {"name": "B"})
    assert response.status_code == 200
    assert response.json() == {**DEFAULTS, "id": board_id, "name": "B"}
    assert send("GET", board).json()["name"] == "B"


def test_a_deleted_board_is_gone(send: Send, board: str, alice: str) -> None:
    assert send("DELETE", board).status_code == 204
    for path in (board, alice):
        assert_problem(send("GET", path), 404)


def test_head_is_get_without_a_body(send: Send, board: str) -> None:
    response = send("HEAD", board, accept="text/event-stream")
    assert response.status_code == 200
    assert response["ETag"]
    assert response.content == b""


@pytest.mark.stores("sqlite")
def test_statements_are_not_kept_after_the_request(send: Send, board: str) -> None:
    """As Django keeps them with DEBUG, for each thread, up to 9,000 with all their values."""
    importlib.import_module("leaderboard_project.wsgi")
    with override_settings(DEBUG=True):
        kept = []
        for _ in range(3):
            assert send("GET", board).status_code == 200
            kept.append(len(connection.queries_log))
    assert kept[0] > 0, "or this would show nothing"
    assert kept[2] == kept[1]
