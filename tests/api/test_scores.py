"""Setting scores, and many increments in one request."""

from typing import Any

import pytest

from tests.api.conftest import Send, assert_problem


def test_a_score_is_set(send: Send, alice: str) -> None:
    response = send("PUT", f"{alice}score/", {"score": -7})
    assert response.status_code == 200
    outcome = {"previous": None, "changed": True, "repeated": False}
    assert response.json() == {"id": "alice", "name": "Alice", "score": -7, **outcome}
    assert send("PUT", f"{alice}score/", {"score": -9, "mode": "set"}).json()["score"] == -9


@pytest.mark.parametrize(("order", "better", "worse"), [("desc", 8, 6), ("asc", 6, 8)])
def test_best_keeps_the_better_score(
    send: Send, board: str, order: str, better: int, worse: int
) -> None:
    send("PATCH", board, {"order": order})
    send("POST", f"{board}players/", {"id": "bob", "name": "Bob"})
    path = f"{board}players/bob/score/"
    for score, expected in ((7, 7), (worse, 7), (better, better), (7, better)):
        response = send("PUT", path, {"score": score, "mode": "best"})
        assert response.status_code == 200
        assert response.json()["score"] == expected


def test_a_player_of_an_ascending_board_is_ranked_from_the_first_score_on(
    send: Send, board: str
) -> None:
    send("PATCH", board, {"order": "asc"})
    for player, score in (("slow", 60), ("fast", 50), ("new", None)):
        send("POST", f"{board}players/", {"id": player, "name": player})
        if score:
            send("PUT", f"{board}players/{player}/score/", {"score": score, "mode": "best"})
    assert [row["id"] for row in send("GET", board).json()["players"]] == ["fast", "slow"]
    new = send("GET", f"{board}players/new/").json()
    assert new == {
        "id": "new",
        "name": "new",
        "score": 0,
        "rank": None,
        "of": 2,
        "percentile": None,
    }
    send("POST", f"{board}players/new/score-add/", {"amount": 0})
    assert send("GET", f"{board}players/new/").json()["rank"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "score"), ({"score": "1"}, "score"), ({"score": 1, "mode": "max"}, "set, best")],
)
def test_a_score_must_be_as_accepted(
    send: Send, alice: str, body: dict[str, Any], field: str
) -> None:
    assert_problem(send("PUT", f"{alice}score/", body), 422, field)


def test_many_increments_are_answered_row_by_row(send: Send, board: str, alice: str) -> None:
    send("PATCH", board, {"max": 10})
    rows = [
        {"player": "alice", "amount": 4},
        {"player": "nobody", "amount": 4},
        {"player": "alice"},
        {"player": "alice", "amount": 6},
    ]
    response = send("POST", f"{board}scores/", rows)
    assert response.status_code == 200
    results = response.json()["results"]
    assert [row["player"] for row in results] == ["alice", "nobody", "alice", "alice"]
    assert [row["status"] for row in results] == [200, 404, 200, 422]
    assert [row.get("score") for row in results] == [4, None, 5, None]
    assert "nobody" in results[1]["detail"] and "10" in results[3]["detail"]
    assert send("GET", alice).json()["score"] == 5


def test_many_increments_with_a_key_count_once(send: Send, board: str, alice: str) -> None:
    send("POST", f"{board}players/", {"id": "bob", "name": "Bob"})
    rows = [{"player": "alice", "amount": 2}, {"player": "bob"}]
    for _ in range(2):
        response = send("POST", f"{board}scores/", rows, idempotency_key="k")
        assert [row["score"] for row in response.json()["results"]] == [2, 1]
    again = send("POST", f"{board}scores/", [*rows, rows[0]], idempotency_key="another")
    assert_problem(again, 422, "Row 2", "alice", "key")
    assert send("GET", alice).json()["score"] == 2


def test_a_thousand_increments_fit_in_one_request(send: Send, board: str, alice: str) -> None:
    rows = [{"player": "alice", "amount": 1}] * 1000
    results = send("POST", f"{board}scores/", rows).json()["results"]
    assert [row["score"] for row in results] == [*range(1, 1001)]
    assert_problem(send("POST", f"{board}scores/", [*rows, rows[0]]), 422, "1 to 1000")


@pytest.mark.parametrize(
    ("body", "mentioned"),
    [
        ([], "1 to 1000"),
        ({"player": "alice"}, "list"),
        ([{"player": "alice"}, 1], "Row 1"),
        ([{"amount": 1}], "Row 0: player: missing"),
        ([{"player": "alice"}, {"player": "a b"}], "Row 1: player"),
        ([{"player": "alice", "amount": "1"}], "Row 0: amount"),
        ([{"player": "alice", "score": 1}], "Row 0: score"),
    ],
)
def test_a_row_that_is_not_as_accepted_is_named_and_nothing_is_counted(
    send: Send, board: str, alice: str, body: Any, mentioned: str
) -> None:
    assert_problem(send("POST", f"{board}scores/", body), 422, mentioned)
    assert send("GET", alice).json()["score"] == 0


def test_many_increments_on_no_board_are_not_found(send: Send) -> None:
    assert_problem(send("POST", "/boards/nowhere/scores/", [{"player": "a"}]), 404)


def test_a_first_score_with_a_name_creates_its_player(send: Send, board: str) -> None:
    path, body = f"{board}players/dora/", {"amount": 3, "name": "Dora"}
    assert_problem(send("POST", f"{path}score-add/", {"amount": 3}), 404, "dora")
    assert_problem(send("POST", f"{path}score-add/", {"amount": 3, "name": " "}), 422, "name")
    headers = {"idempotency_key": "first"}
    first = send("POST", f"{path}score-add/", body, **headers)
    assert (first.status_code, first["Location"]) == (201, path)
    outcome: Any = {"previous": None, "changed": True, "repeated": False}
    assert first.json() == {"id": "dora", "name": "Dora", "score": 3, **outcome}
    again = send("POST", f"{path}score-add/", body, **headers)
    outcome = {"previous": 3, "changed": False, "repeated": True}
    assert (again.status_code, again.json()) == (200, {**first.json(), **outcome})
    assert "Location" not in again
    put = send("PUT", f"{board}players/eve/score/", {"score": 2, "mode": "best", "name": "Eve"})
    assert (put.status_code, put.json()["score"]) == (201, 2)
    rows = [
        {"player": "finn", "amount": 4, "name": "Finn"},
        {"player": "dora", "name": "Another"},
        {"player": "gus"},
    ]
    results = send("POST", f"{board}scores/", rows).json()["results"]
    scores = [(row["status"], row.get("score"), row.get("previous")) for row in results]
    assert scores == [(201, 4, None), (200, 4, 3), (404, None, None)]
    players = send("GET", f"{board}players/").json()["players"]
    names = [(player["id"], player["name"]) for player in players]
    assert names == [("finn", "Finn"), ("dora", "Dora"), ("eve", "Eve")]


def test_nobody_joins_by_a_score_without_the_email_address_that_the_board_asks_for(
    send: Send, board: str
) -> None:
    send("PATCH", board, {"ask_email": True})
    body: Any = {"name": "Dora"}
    assert_problem(send("POST", f"{board}players/dora/score-add/", body), 422, "email")
    body = {"score": 1, "name": "Dora"}
    assert_problem(send("PUT", f"{board}players/dora/score/", body), 422, "email")
    [row] = send("POST", f"{board}scores/", [{"player": "dora", "name": "D"}]).json()["results"]
    assert (row["status"], row["detail"]) == (422, "email: missing.")
    assert_problem(send("GET", f"{board}players/dora/"), 404)


def test_a_write_answers_the_rank_if_it_is_asked_for(send: Send, board: str, alice: str) -> None:
    send("POST", f"{board}players/", {"id": "bob", "name": "Bob"})
    added = send("POST", f"{alice}score-add/?rank=true", {"amount": 3}).json()
    outcome = {"previous": None, "changed": True, "repeated": False}
    standing = {"rank": 1, "of": 2, "percentile": 100}
    assert added == {"id": "alice", "name": "Alice", "score": 3, **outcome, **standing}
    put = send("PUT", f"{alice}score/?rank=true", {"score": -1}).json()
    assert (put["previous"], put["rank"], put["percentile"]) == (3, 2, 50)
    rows = [{"player": "bob", "amount": 2}, {"player": "carol", "name": "Carol"}, {"player": "x"}]
    bob, carol, nobody = send("POST", f"{board}scores/?rank=true", rows).json()["results"]
    assert (bob["rank"], bob["of"], carol["rank"], carol["status"]) == (1, 3, 2, 201)
    assert "rank" not in nobody
    for method, path in [("POST", "score-add/"), ("PUT", "score/")]:
        refused = send(method, f"{alice}{path}?rank=yes", {"score": 1} if method == "PUT" else {})
        assert_problem(refused, 422, "rank: must be true or false")
    assert_problem(send("POST", f"{board}scores/?rank=", rows), 422, "rank")
    twice = [{"player": "alice"}, {"player": "alice"}]
    assert_problem(send("POST", f"{board}scores/?rank=true", twice), 422, "Row 1: player: alice")
    assert send("GET", alice).json()["score"] == -1
