"""A board's settings, each of which changes what is shown at once; and hidden players."""

from typing import Any

import pytest

from tests.api.conftest import Send, assert_problem


@pytest.fixture
def four(send: Send, board: str) -> str:
    """The path of a board with the scores 9, 7, 7 and 3."""
    for player, score in (("a", 9), ("b", 7), ("c", 7), ("d", 3)):
        send("POST", f"{board}players/", {"id": player, "name": player})
        send("PUT", f"{board}players/{player}/score/", {"score": score})
    return board


def top(send: Send, board: str) -> list[tuple[str, int]]:
    return [(row["id"], row["rank"]) for row in send("GET", board).json()["players"]]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"order": "desc"}, [("a", 1), ("b", 2), ("c", 3), ("d", 4)]),
        ({"order": "asc"}, [("d", 1), ("b", 2), ("c", 3), ("a", 4)]),
        ({"ranking": "competition"}, [("a", 1), ("b", 2), ("c", 2), ("d", 4)]),
        ({"ranking": "dense"}, [("a", 1), ("b", 2), ("c", 2), ("d", 3)]),
        ({"ranking": "dense", "order": "asc"}, [("d", 1), ("b", 2), ("c", 2), ("a", 3)]),
        ({"size": 2}, [("a", 1), ("b", 2)]),
    ],
)
def test_a_setting_changes_what_is_shown(
    send: Send, four: str, settings: dict[str, Any], expected: list[tuple[str, int]]
) -> None:
    etag = send("GET", four)["ETag"]
    assert settings.items() <= send("PATCH", four, settings).json().items()
    assert top(send, four) == expected
    assert (send("GET", four)["ETag"] == etag) == (settings == {"order": "desc"})
    for player, rank in expected:
        assert send("GET", f"{four}players/{player}/").json()["rank"] == rank


def test_scores_stay_within_the_boards_limits(send: Send, board: str, alice: str) -> None:
    send("PATCH", board, {"min": 0, "max": 10})
    assert send("POST", f"{alice}score-add/", {"amount": 10}).json()["score"] == 10
    assert_problem(send("POST", f"{alice}score-add/"), 422, "from 0 to 10")
    assert_problem(send("PUT", f"{alice}score/", {"score": -1}), 422, "from 0 to 10")
    assert_problem(send("PUT", f"{alice}score/", {"score": 11, "mode": "best"}), 422, "10")
    assert send("GET", alice).json()["score"] == 10
    send("PATCH", board, {"max": None})
    assert send("POST", f"{alice}score-add/").json()["score"] == 11


def test_one_increment_stays_within_the_boards_limit(send: Send, board: str, alice: str) -> None:
    send("PATCH", board, {"max_amount": 3})
    for amount in (3, -3):
        assert send("POST", f"{alice}score-add/", {"amount": amount}).status_code == 200
    for amount in (4, -4):
        assert_problem(send("POST", f"{alice}score-add/", {"amount": amount}), 422, "from -3 to 3")
    assert send("GET", alice).json()["score"] == 0


@pytest.mark.parametrize(
    ("field", "value", "accepted"),
    [
        ("order", "up", "desc, asc"),
        ("order", None, "desc, asc"),
        ("ranking", "olympic", "ordinal, competition, dense"),
        ("ranking", ["dense"], "ordinal, competition, dense"),
        ("min", 1, "null or an integer from -9007199254740991 to 0"),
        ("max", -1, "null or an integer from 0 to 9007199254740991"),
        ("max", True, "null or an integer"),
        ("max_amount", 0, "null or an integer from 1"),
    ],
)
def test_a_setting_must_be_as_accepted(
    send: Send, board: str, field: str, value: Any, accepted: str
) -> None:
    before = send("PATCH", board, {}).json()
    assert_problem(send("PATCH", board, {field: value}), 422, field, accepted)
    assert send("PATCH", board, {}).json() == before


def test_a_hidden_player_is_not_shown_not_ranked_and_kept(send: Send, four: str) -> None:
    answer = send("PATCH", f"{four}players/b/", {"hidden": True})
    assert answer.json() == {"id": "b", "name": "b", "score": 7, "hidden": True}
    assert top(send, four) == [("a", 1), ("c", 2), ("d", 3)]
    assert [row["id"] for row in send("GET", f"{four}players/").json()["players"]] == [*"acd"]
    assert send("POST", f"{four}players/b/score-add/").json()["score"] == 8
    hidden = send("GET", f"{four}players/b/").json()
    assert hidden == {"id": "b", "name": "b", "score": 8, "rank": None, "of": 3, "percentile": None}
    assert send("GET", f"{four}players/b/around/").json() == {"players": []}
    send("PATCH", f"{four}players/b/", {"hidden": False})
    assert top(send, four) == [("a", 1), ("b", 2), ("c", 3), ("d", 4)]


def test_hidden_must_be_true_or_false(send: Send, alice: str) -> None:
    assert_problem(send("PATCH", alice, {"hidden": 1}), 422, "hidden", "true or false")


def test_a_deleted_board_takes_its_hidden_players_along(send: Send, four: str) -> None:
    send("PATCH", f"{four}players/b/", {"hidden": True})
    send("DELETE", four)
    send("POST", "/boards/", {"id": four.split("/")[2]})
    assert_problem(send("GET", f"{four}players/b/"), 404)
