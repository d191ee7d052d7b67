"""Joining with an email address, where a board asks for one."""

import pytest

from tests.api.conftest import Send, assert_problem
from tests.api.test_auth import bearer


@pytest.fixture
def asking(send: Send, board: str) -> str:
    """A board that asks for an address."""
    assert send("PATCH", board, {"ask_email": True}).status_code == 200
    return board


def test_nobody_joins_without_an_address(send: Send, asking: str) -> None:
    assert_problem(send("POST", f"{asking}players/", {"name": "Alice"}), 422, "email: missing")
    body = {"name": "Alice", "email": "alice@example.com"}
    assert send("POST", f"{asking}players/", body).status_code == 201


def test_a_blank_name_is_named_as_the_fault(send: Send, asking: str) -> None:
    body = {"name": "\u3164", "email": "alice@example.com"}
    assert_problem(send("POST", f"{asking}players/", body), 422, "name: must be text")


def test_each_address_joins_once_however_it_is_written(send: Send, asking: str) -> None:
    for email, status in (("A@Example.com", 201), ("a@example.COM", 409), ("b@example.com", 201)):
        response = send("POST", f"{asking}players/", {"name": "A player", "email": email})
        assert response.status_code == status
    assert len(send("GET", asking).json()["players"]) == 2


@pytest.mark.parametrize(
    "email",
    ["", "a", "a@b", "a@b c.de", "a@example.com\n", 7, None, [], f"{'a' * 250}@example.com"],
)
def test_what_is_no_address_is_refused(send: Send, asking: str, email: object) -> None:
    body = {"name": "Alice", "email": email}
    response = send("POST", f"{asking}players/", body)
    assert_problem(response, 422, "email: must be an email address of at most 254 characters")
    assert send("GET", asking).json()["players"] == []


def test_a_board_that_does_not_ask_takes_none(send: Send, board: str) -> None:
    body = {"name": "Alice", "email": "alice@example.com"}
    assert_problem(send("POST", f"{board}players/", body), 422, "email", "ask_email")


def test_an_address_is_in_no_public_answer(send: Send, asking: str) -> None:
    body = {"id": "alice", "name": "Alice", "email": "alice@example.com"}
    alice = f"{asking}players/alice/"
    answers = [
        send("POST", f"{asking}players/", body),
        send("GET", asking),
        send("GET", asking, Accept="text/html"),
        send("GET", f"{asking}players/"),
        send("GET", alice),
        send("GET", f"{alice}around/"),
        send("PATCH", alice, {"name": "Alicia"}),
        send("POST", f"{alice}score-add/"),
        send("POST", f"{asking}reset/"),
        send("GET", f"{asking}seasons/1/"),
        send("GET", "/boards/"),
    ]
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert not any(b"example.com" in answer.content for answer in answers)


def test_addresses_are_in_answers_to_a_write_token(send: Send, asking: str) -> None:
    body = {"id": "alice", "name": "Alice", "email": "alice@example.com"}
    send("POST", f"{asking}players/", body)
    for scope, emails in (("write", {"alice@example.com"}), ("read", {None})):
        listed = send("GET", f"{asking}players/", **bearer(scope=scope)).json()["players"]
        one = send("GET", f"{asking}players/alice/", **bearer(scope=scope)).json()
        assert {listed[0].get("email"), one.get("email")} == emails
    other = bearer(scope="write", boards=["another"])
    assert "email" not in send("GET", f"{asking}players/alice/", **other).json()
