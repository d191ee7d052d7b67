"""Pages of players and boards, and the window around a player."""

import base64
import uuid
from typing import Any

import pytest

from tests.api.conftest import Send, assert_problem


@pytest.fixture
def ten(send: Send, board: str) -> str:
    """The path of a board whose players p0 to p9 have the scores 0 to 9."""
    for number in range(10):
        send("POST", f"{board}players/", {"id": f"p{number}", "name": f"P{number}"})
    rows = [{"player": f"p{number}", "amount": number} for number in range(10)]
    assert send("POST", f"{board}scores/", rows).status_code == 200
    return board


def ids(rows: list[dict[str, Any]]) -> str:
    return " ".join(row["id"] for row in rows)


def read_pages(send: Send, path: str, what: str, limit: int) -> list[list[dict[str, Any]]]:
    pages, cursor = [], ""
    while cursor is not None:
        answer = send("GET", f"{path}?limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        pages.append(answer.json()[what])
        cursor = answer.json()["next"]
    return pages


def test_players_are_paged_by_rank(send: Send, ten: str) -> None:
    pages = read_pages(send, f"{ten}players/", "players", 4)
    assert [ids(page) for page in pages] == ["p9 p8 p7 p6", "p5 p4 p3 p2", "p1 p0"]
    assert [row["rank"] for page in pages for row in page] == [*range(1, 11)]
    assert pages[0][0] == {"id": "p9", "name": "P9", "score": 9, "rank": 1}


def test_a_page_goes_on_rightly_when_scores_have_changed(send: Send, ten: str) -> None:
    first = send("GET", f"{ten}players/?limit=3").json()
    send("POST", f"{ten}players/p0/score-add/", {"amount": 100})  # p0 overtakes everybody
    send("DELETE", f"{ten}players/p7/")  # the player that the cursor was made of
    second = send("GET", f"{ten}players/?limit=3&cursor={first['next']}").json()
    assert ids(second["players"]) == "p6 p5 p4"
    assert [row["rank"] for row in second["players"]] == [4, 5, 6]


def test_pages_of_a_board_without_players_are_empty(send: Send, board: str) -> None:
    assert send("GET", f"{board}players/").json() == {"players": [], "next": None}


@pytest.mark.parametrize(
    ("player", "limit", "expected"),
    [
        ("p5", "", "p7 p6 p5 p4 p3"),
        ("p5", "?limit=4", "p6 p5 p4 p3"),
        ("p9", "", "p9 p8 p7 p6 p5"),
        ("p8", "", "p9 p8 p7 p6 p5"),
        ("p0", "", "p4 p3 p2 p1 p0"),
        ("p1", "?limit=3", "p2 p1 p0"),
        ("p5", "?limit=1", "p5"),
        ("p5", "?limit=100", "p9 p8 p7 p6 p5 p4 p3 p2 p1 p0"),
    ],
)
def test_a_window_around_a_player_is_full_at_both_edges(
    send: Send, ten: str, player: str, limit: str, expected: str
) -> None:
    window = send("GET", f"{ten}players/{player}/around/{limit}").json()["players"]
    assert ids(window) == expected
    assert [row["rank"] for row in window] == [10 - row["score"] for row in window]


def test_a_window_around_nobody_is_not_found(send: Send, board: str) -> None:
    assert_problem(send("GET", f"{board}players/nobody/around/"), 404)
    assert_problem(send("GET", "/boards/nowhere/players/"), 404)


def test_boards_are_paged(send: Send) -> None:
    prefix = f"z{uuid.uuid4().hex}"
    for number in range(5):
        send("POST", "/boards/", {"id": f"{prefix}-{number}", "name": "B"})
    after = base64.urlsafe_b64encode(f'["{prefix}"]'.encode()).decode()
    first = send("GET", f"/boards/?limit=2&cursor={after}").json()
    assert ids(first["boards"]) == f"{prefix}-0 {prefix}-1"
    second = send("GET", f"/boards/?limit=100&cursor={first['next']}").json()
    assert ids(second["boards"]).startswith(f"{prefix}-2 {prefix}-3 {prefix}-4")
    assert first["boards"][0]["order"] == "desc"


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "9" * 20, "٣"])
@pytest.mark.parametrize("path", ["/boards/", "{board}players/", "{alice}around/"])
def test_a_limit_must_be_an_integer_in_range(
    send: Send, board: str, alice: str, path: str, limit: str
) -> None:
    response = send("GET", path.format(board=board, alice=alice) + f"?limit={limit}")
    assert_problem(response, 422, "limit", "1 to 100")


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        forged("[1]"),
        forged("1"),
        forged("{}"),
        forged('["a b"]'),
        forged('["\\ud800"]'),
        forged('["\\u0000"]'),
        forged('[1, 2, "a", 3]'),
        forged('[1, 2, "\\ud800"]'),
        forged('[1, -1, "a"]'),
        forged(f'[1{"0" * 400}, 2, "a"]'),
        forged('[1e999, 2, "a"]'),
    ],
)
@pytest.mark.parametrize("path", ["/boards/", "{board}players/"])
def test_a_cursor_must_be_one_that_was_given(
    send: Send, board: str, path: str, cursor: str
) -> None:
    response = send("GET", path.format(board=board) + f"?cursor={cursor}")
    assert_problem(response, 422, "cursor", "next")
