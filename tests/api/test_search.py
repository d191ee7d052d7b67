"""Players are found by the beginning of a name or an id. tests/stores/contract/test_search.py has
what each store must find."""

from urllib.parse import quote

import pytest

from leaderboardapp.web.requests import encode_cursor
from tests.api.conftest import Send, assert_problem


@pytest.fixture
def some(send: Send, board: str) -> str:
    """The path of players, one of them hidden."""
    for id, name in {"p1": "Ada", "p2": "adam", "p3": "Bea", "p4": "Adele"}.items():
        assert send("POST", f"{board}players/", {"id": id, "name": name}).status_code == 201
        assert send("POST", f"{board}players/{id}/score-add/", {"amount": 3}).status_code == 200
    assert send("PATCH", f"{board}players/p4/", {"hidden": True}).status_code == 200
    return f"{board}players/"


def test_pages_of_those_who_are_found_come_with_rank_and_cursor(send: Send, some: str) -> None:
    first = send("GET", f"{some}?search=AD&limit=1").json()
    assert first["players"] == [{"id": "p1", "name": "Ada", "score": 3, "rank": 1}]
    second = send("GET", f"{some}?search=AD&limit=1&cursor={first['next']}").json()
    assert second == {
        "players": [{"id": "p2", "name": "adam", "score": 3, "rank": 2}],
        "next": None,
    }
    assert send("GET", f"{some}?search=dam").json() == {"players": [], "next": None}


def test_hidden_players_are_found_among_themselves(send: Send, some: str) -> None:
    found = send("GET", f"{some}?search=ad&hidden=true").json()["players"]
    assert found == [{"id": "p4", "name": "Adele", "score": 3, "rank": None}]


def test_who_has_no_score_on_an_ascending_board_is_found_without_a_rank(
    send: Send, board: str, some: str
) -> None:
    send("PATCH", board, {"order": "asc"})
    send("POST", some, {"id": "new", "name": "Newcomer"})
    [new] = send("GET", f"{some}?search=new").json()["players"]
    assert (new["id"], new["rank"]) == ("new", None)


@pytest.mark.parametrize("text", ["", " ", "a\0", "\u202ea", "a" * 101, "\ufffd\n"])
def test_what_no_name_can_begin_with_is_refused(send: Send, some: str, text: str) -> None:
    answer = send("GET", f"{some}?search={quote(text)}")
    assert_problem(answer, 422, "search: must be text of 1 to 100 characters, not blank")


@pytest.mark.parametrize("other", ["from_rank=2", "window=day"])
def test_it_goes_neither_with_a_rank_nor_with_a_window(
    send: Send, board: str, some: str, other: str
) -> None:
    send("PATCH", board, {"windows": ["day"]})
    answer = send("GET", f"{some}?search=a&{other}")
    assert_problem(answer, 422, f"must not be there together with {other.split('=')[0]}")


@pytest.mark.parametrize(
    "parts", [["ada"], ["ada", "?"], ["a\0", "p1"], ["a" * 101, "p1"], [1, "p"]]
)
def test_a_cursor_that_no_page_gave_is_refused(send: Send, some: str, parts: list[object]) -> None:
    answer = send("GET", f"{some}?search=a&cursor={encode_cursor(*parts)}")
    assert_problem(answer, 422, "cursor: must be the next of an earlier answer.")
