import uuid
from typing import Any

import pytest

from tests.api.conftest import Send, assert_problem


def test_a_player_is_created(send: Send, board: str) -> None:
    response = send("POST", f"{board}players/", {"id": "al", "name": "Al"})
    assert response.status_code == 201
    assert response["Location"] == f"{board}players/al/"
    assert response.json() == {"id": "al", "name": "Al", "score": 0}


def test_a_player_without_id_gets_a_uuid(send: Send, board: str) -> None:
    response = send("POST", f"{board}players/", {"name": "Al"})
    assert str(uuid.UUID(response.json()["id"])) == response.json()["id"]
    assert send("GET", response["Location"]).json()["rank"] == 1


def test_a_taken_id_is_a_conflict(send: Send, board: str, alice: str) -> None:
    assert_problem(send("POST", f"{board}players/", {"id": "alice", "name": "B"}), 409, "alice")
    assert send("GET", alice).json()["name"] == "Alice"


def test_a_player_is_read_with_its_rank(send: Send, board: str, alice: str) -> None:
    send("POST", f"{board}players/", {"id": "bob", "name": "Bob"})
    send("POST", f"{board}players/bob/score-add/")
    standing = {"rank": 2, "of": 2, "percentile": 50}
    assert send("GET", alice).json() == {"id": "alice", "name": "Alice", "score": 0, **standing}


def test_score_add_without_a_body_adds_one(send: Send, alice: str) -> None:
    response = send("POST", f"{alice}score-add/")
    outcome: Any = {"previous": None, "changed": True, "repeated": False}
    assert response.status_code == 200
    assert response.json() == {"id": "alice", "name": "Alice", "score": 1, **outcome}


@pytest.mark.parametrize("amount", [0, -3, 2.0, 2**53 - 1])
def test_score_add_adds_the_amount(send: Send, alice: str, amount: int) -> None:
    assert send("POST", f"{alice}score-add/", {"amount": amount}).json()["score"] == amount


def test_an_idempotency_key_counts_once(send: Send, alice: str) -> None:
    for _ in range(2):
        response = send("POST", f"{alice}score-add/", {"amount": 2}, idempotency_key="k-1")
        assert response.json()["score"] == 2


def test_a_sum_out_of_range_is_refused(send: Send, alice: str) -> None:
    send("POST", f"{alice}score-add/", {"amount": 2**53 - 1})
    assert_problem(send("POST", f"{alice}score-add/"), 422, "score", str(2**53 - 1))
    assert send("GET", alice).json()["score"] == 2**53 - 1


def test_a_player_is_renamed_and_keeps_the_score(send: Send, alice: str) -> None:
    send("POST", f"{alice}score-add/")
    response = send("PATCH", alice, {"name": "Ällice"})
    assert response.json() == {"id": "alice", "name": "Ällice", "score": 1, "hidden": False}


def test_a_deleted_player_is_gone(send: Send, board: str, alice: str) -> None:
    assert send("DELETE", alice).status_code == 204
    assert_problem(send("DELETE", alice), 404)
    assert send("GET", board).json()["players"] == []


def hide(send: Send, board: str, *players: str) -> None:
    for player in players:
        send("POST", f"{board}players/", {"id": player, "name": player.title()})
        send("POST", f"{board}players/{player}/score-add/", {"amount": 3})
        assert send("PATCH", f"{board}players/{player}/", {"hidden": True}).status_code == 200


def test_hidden_players_are_listed_by_id_a_page_at_a_time(
    send: Send, board: str, alice: str
) -> None:
    hide(send, board, "dora", "bob", "carl")
    path = f"{board}players/?hidden=true&limit=2"
    first = send("GET", path).json()
    assert first["players"] == [
        {"id": "bob", "name": "Bob", "score": 3, "rank": None},
        {"id": "carl", "name": "Carl", "score": 3, "rank": None},
    ]
    second = send("GET", f"{path}&cursor={first['next']}").json()
    assert [row["id"] for row in second["players"]] == ["dora"]
    assert second["next"] is None
    ranked = send("GET", f"{board}players/?hidden=false").json()
    assert [row["id"] for row in ranked["players"]] == ["alice"]


def test_a_place_in_the_ranking_is_none_among_hidden_players(
    send: Send, board: str, alice: str
) -> None:
    send("POST", f"{board}players/", {"id": "bob", "name": "Bob"})
    ranked = send("GET", f"{board}players/?limit=1").json()
    path = f"{board}players/?hidden=true&cursor={ranked['next']}"
    assert_problem(send("GET", path), 422, "cursor")
    assert_problem(send("GET", f"{board}players/?hidden=yes"), 422, "hidden", "true or false")


def test_hidden_players_of_a_missing_board_are_not_found(send: Send, board_id: str) -> None:
    assert_problem(send("GET", f"/boards/{board_id}/players/?hidden=true"), 404)
