import uuid

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
    assert send("GET", alice).json() == {"id": "alice", "name": "Alice", "score": 0, "rank": 2}


def test_score_add_without_a_body_adds_one(send: Send, alice: str) -> None:
    response = send("POST", f"{alice}score-add/")
    assert response.status_code == 200
    assert response.json() == {"id": "alice", "name": "Alice", "score": 1}


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
