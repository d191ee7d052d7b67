"""Some players and their places, how many are ranked, pages from a rank, the rank of a score."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain.types import compute_percentile
from leaderboardapp.stores.base import Store
from leaderboardapp.web.rate_limit import get_limiter
from tests.api.conftest import Send, assert_problem

GAME = "https://game.example"


@pytest.fixture
def five(send: Send, store: Store, board_id: str) -> str:
    """The path of a board with the scores 9, 7, 7 and 3, and a hidden player."""
    store.create_board({"id": board_id, "ranking": "competition"})
    for player, score in (("a", 9), ("b", 7), ("c", 7), ("d", 3), ("h", 8)):
        store.create_player(board_id, {"id": player, "name": player.upper(), "score": score})
    store.update_player(board_id, "h", {"hidden": True})
    return f"/boards/{board_id}/"


def test_friends_have_their_ranks_and_their_places_among_themselves(send: Send, five: str) -> None:
    answer = send("POST", f"{five}players/select/", {"ids": ["d", "c", "nobody", "b", "d"]})
    assert answer.status_code == 200
    assert answer.json() == {
        "players": [
            {"id": "b", "name": "B", "score": 7, "rank": 2, "of": 4, "percentile": 75, "place": 1},
            {"id": "c", "name": "C", "score": 7, "rank": 2, "of": 4, "percentile": 75, "place": 1},
            {"id": "d", "name": "D", "score": 3, "rank": 4, "of": 4, "percentile": 25, "place": 3},
        ],
        "missing": ["nobody"],
    }


def test_a_hidden_friend_is_told_as_alone_without_a_place(send: Send, five: str) -> None:
    alone = send("GET", f"{five}players/h/").json()
    [first, second] = send("POST", f"{five}players/select/", {"ids": ["h", "a"]}).json()["players"]
    assert (first["id"], first["place"]) == ("a", 1)
    assert second == {**alone, "place": None} and second["rank"] is None


def test_a_selection_of_nobody_is_empty(send: Send, five: str) -> None:
    empty = send("POST", f"{five}players/select/", {"ids": []})
    assert empty.json() == {"players": [], "missing": []}


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        ({}, "ids: missing"),
        (None, "ids: missing"),
        ({"ids": "a"}, "ids: must be a list of at most 500 ids"),
        ({"ids": None}, "ids: must be a list"),
        ({"ids": {"a": 1}}, "ids: must be a list"),
        ({"ids": ["p"] * 501}, "at most 500"),
        ({"ids": [1]}, "ids: must be a list of ids, each 1 to 64 of the characters"),
        ({"ids": ["../a"]}, "ids: must be a list of ids, each"),
        ({"ids": ["a"], "limit": 3}, "limit: not known here; accepted are ids"),
        (["a"], "must be a JSON object"),
    ],
)
def test_what_is_selected_must_be_ids(send: Send, five: str, body: Any, accepted: str) -> None:
    assert_problem(send("POST", f"{five}players/select/", body), 422, accepted)


def test_five_hundred_ids_may_be_asked_for(send: Send, five: str) -> None:
    ids = [f"p{number}" for number in range(499)]
    answer = send("POST", f"{five}players/select/", {"ids": [*ids, "a"]}).json()
    assert [row["id"] for row in answer["players"]] == ["a"] and answer["missing"] == ids


@pytest.mark.stores("sqlite")
def test_a_player_may_be_named_select(send: Send, five: str) -> None:
    path = f"{five}players/select/"
    send("POST", f"{five}players/", {"id": "select", "name": "S"})
    assert send("POST", f"{path}score-add/", {"amount": 2}).json()["score"] == 2
    assert send("GET", path).json()["score"] == 2
    assert send("PATCH", path, {"name": "T"}).json()["name"] == "T"
    assert send("POST", path, {"ids": ["select"]}).json()["players"][0]["name"] == "T"
    assert send("DELETE", path).status_code == 204


@pytest.fixture
def one_write(tmp_path: Any) -> Iterator[None]:
    with override_settings(WRITE_RATE=0.1, LIMITS_FILE=tmp_path / "limits"):
        get_limiter.cache_clear()
        yield
        limiter = get_limiter()
        assert limiter
        limiter.close()
    get_limiter.cache_clear()


@pytest.mark.stores("sqlite")
@pytest.mark.usefixtures("one_write")
def test_a_selection_is_no_write(send: Send, five: str) -> None:
    with override_settings(ALLOW_ANONYMOUS_WRITES=False):
        for _ in range(3):
            answer = send("POST", f"{five}players/select/", {"ids": ["a"]})
            assert answer.status_code == 200
            assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.stores("sqlite")
def test_a_page_of_an_allowed_origin_may_select(send: Send, five: str) -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=[GAME]):
        answer = send("POST", f"{five}players/select/", {"ids": ["a"]}, origin=GAME)
        assert answer.status_code == 200
        assert answer["Access-Control-Allow-Origin"] == GAME


@pytest.mark.parametrize(
    ("player", "standing"),
    [("a", (1, 4, 100)), ("b", (2, 4, 75)), ("d", (4, 4, 25)), ("h", (None, 4, None))],
)
def test_how_many_and_how_good_stand_beside_the_rank(
    send: Send, five: str, player: str, standing: Any
) -> None:
    row = send("GET", f"{five}players/{player}/").json()
    assert (row["rank"], row["of"], row["percentile"]) == standing
    for around in send("GET", f"{five}players/{player}/around/?limit=9").json()["players"]:
        assert around == send("GET", f"{five}players/{around['id']}/").json()


def test_the_only_player_has_100(send: Send, alice: str) -> None:
    row = send("GET", alice).json()
    assert (row["rank"], row["of"], row["percentile"]) == (1, 1, 100)


@given(st.integers(1, 10**9).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of))))
def test_only_the_first_has_100_and_nobody_less_than_0(standing: tuple[int, int]) -> None:
    rank, of = standing
    percentile = compute_percentile(rank, of)
    assert percentile is not None and 0 <= percentile <= 100
    assert (percentile == 100) == (rank == 1)


@pytest.mark.parametrize(
    ("rank", "expected"), [(1, "abcd"), (2, "bcd"), (3, "d"), (4, "d"), (5, "")]
)
def test_a_page_begins_with_the_rank_and_goes_on_with_a_cursor(
    send: Send, five: str, rank: int, expected: str
) -> None:
    path, found = f"{five}players/?limit=1&from_rank={rank}", ""
    page = send("GET", path).json()
    found = "".join(row["id"] for row in page["players"])
    while page["next"]:
        page = send("GET", f"{five}players/?limit=1&cursor={page['next']}").json()
        found += page["players"][0]["id"]
    assert found == expected


@pytest.mark.parametrize("rank", ["0", "-1", "x", "", "1.5", "9" * 20, "9007199254740992", "٣"])
def test_a_rank_must_be_an_integer_from_1(send: Send, five: str, rank: str) -> None:
    answer = send("GET", f"{five}players/?from_rank={rank}")
    assert_problem(answer, 422, "from_rank: must be an integer from 1 to 9007199254740991")


def test_a_rank_goes_with_no_cursor_and_no_hidden_players(send: Send, five: str) -> None:
    cursor = send("GET", f"{five}players/?limit=1").json()["next"]
    for query in (f"from_rank=2&cursor={cursor}", "from_rank=2&cursor=", "hidden=true&from_rank=2"):
        answer = send("GET", f"{five}players/?{query}")
        assert_problem(answer, 422, "from_rank: must not be there together with a cursor")


@pytest.mark.parametrize(
    ("ranking", "score", "expected"),
    [
        ("ordinal", 7, (4, 5, 40)),
        ("competition", 7, (2, 5, 80)),
        ("dense", 7, (2, 3, 66.66)),
        ("dense", 8, (2, 4, 75)),
        ("ordinal", 10, (1, 5, 100)),
        ("ordinal", -5, (5, 5, 20)),
    ],
)
def test_a_score_has_the_rank_of_a_new_player(
    send: Send, five: str, ranking: str, score: int, expected: Any
) -> None:
    send("PATCH", five, {"ranking": ranking})
    answer = send("GET", f"{five}rank/?score={score}").json()
    assert answer["score"] == score
    assert (answer["rank"], answer["of"], answer["percentile"]) == expected
    send("PUT", f"{five}players/new/score/", {"score": score, "name": "New"})
    new = send("GET", f"{five}players/new/").json()
    assert (new["rank"], new["of"], new["percentile"]) == expected


def test_on_an_empty_board_any_score_is_the_first(send: Send, board: str) -> None:
    answer = send("GET", f"{board}rank/?score=-3").json()
    assert answer == {"score": -3, "rank": 1, "of": 1, "percentile": 100}


@pytest.mark.parametrize(
    "query", ["", "?score=", "?score=x", "?score=1.5", "?score=9007199254740992"]
)
def test_a_score_must_be_an_integer(send: Send, five: str, query: str) -> None:
    assert_problem(send("GET", f"{five}rank/{query}"), 422, "score: must be an integer from -9007")
