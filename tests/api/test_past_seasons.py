"""Past seasons: all their players, a player's own history, files."""

import csv
import io
import json

import pytest

from leaderboardapp.api import exports
from leaderboardapp.domain.csv_rows import read_rows, unguard
from tests.api.conftest import Response, Send, assert_problem

SCORES = {"alice": 9, "bob": 7, "carl": 7, "dora": 3}


@pytest.fixture
def past(send: Send, board: str) -> str:
    """The path of a past season of a board, whose players have other scores since."""
    for player, score in SCORES.items():
        body = {"name": player.title(), "score": score}
        assert send("PUT", f"{board}players/{player}/score/", body).status_code == 201
    send("PATCH", f"{board}players/bob/", {"data": {"level": 3}})
    send("PATCH", board, {"ranking": "competition", "size": 1})
    assert send("POST", f"{board}reset/").status_code == 200
    send("PUT", f"{board}players/dora/score/", {"score": 99})
    send("PATCH", f"{board}players/bob/", {"name": "Robert", "data": {}})
    send("PATCH", board, {"ranking": "dense", "order": "asc"})
    return f"{board}seasons/1/"


def ids(response: Response) -> list[str]:
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["players"]]


def test_all_players_of_a_past_season_are_listed_page_by_page(send: Send, past: str) -> None:
    first = send("GET", f"{past}players/?limit=2").json()
    assert first["players"] == [
        {"id": "alice", "name": "Alice", "score": 9, "rank": 1},
        {"id": "bob", "name": "Bob", "score": 7, "rank": 2, "data": {"level": 3}},
    ]
    second = send("GET", f"{past}players/?limit=2&cursor={first['next']}").json()
    assert [(row["id"], row["rank"]) for row in second["players"]] == [("carl", 2), ("dora", 4)]
    assert second["next"] is None
    assert ids(send("GET", f"{past}players/?from_rank=3")) == ["dora"]


def test_one_player_of_a_past_season_has_the_rank_of_then(send: Send, past: str) -> None:
    answer = send("GET", f"{past}players/carl/").json()
    standing = {"rank": 2, "of": 4, "percentile": 75.0}
    assert answer == {"id": "carl", "name": "Carl", "score": 7, **standing}


def test_a_window_of_a_past_season_is_full_at_its_ends(send: Send, past: str) -> None:
    assert ids(send("GET", f"{past}players/dora/around/?limit=3")) == ["bob", "carl", "dora"]
    assert ids(send("GET", f"{past}players/alice/around/?limit=3")) == ["alice", "bob", "carl"]


def test_a_deleted_player_is_in_no_past_season_and_no_rank_changes(
    send: Send, board: str, past: str
) -> None:
    assert send("DELETE", f"{board}players/alice/").status_code == 204
    rows = send("GET", f"{past}players/").json()["players"]
    assert [(row["id"], row["rank"]) for row in rows] == [("bob", 2), ("carl", 2), ("dora", 4)]
    assert send("GET", past).json()["players"] == []
    problem = assert_problem(send("GET", f"{past}players/alice/"), 404, "season 1", "alice")
    assert problem["type"] == "/docs/problems/#player-not-found"


def test_what_was_not_in_a_past_season_is_not_found(send: Send, board: str, past: str) -> None:
    send("POST", f"{board}players/", {"id": "eve", "name": "Eve"})
    for path in ("players/eve/", "players/eve/around/"):
        assert_problem(send("GET", past + path), 404, "season 1", "eve")
    for path in ("players/", "players/alice/", "players/alice/around/", "export/"):
        for season in ("2", "0", "999999999999"):
            problem = assert_problem(send("GET", f"{board}seasons/{season}/{path}"), 404, season)
            assert problem["type"] == "/docs/problems/#season-not-found"
        assert_problem(send("GET", f"/boards/nowhere/seasons/1/{path}"), 404, "nowhere")


def test_past_seasons_of_a_private_board_need_a_token(send: Send, board: str, past: str) -> None:
    send("PATCH", board, {"private": True})
    paths = ["players/", "players/alice/", "players/nobody/", "players/alice/around/", "export/"]
    for path in [*(past + path for path in paths), f"{board}players/alice/seasons/"]:
        assert_problem(send("GET", path), 401)
    assert_problem(send("GET", f"{board}players/nobody/seasons/"), 401)
    assert_problem(send("GET", f"{board}seasons/9/players/"), 401)


@pytest.mark.parametrize(
    ("query", "mentioned"),
    [
        ("players/?limit=0", "limit"),
        ("players/?cursor=x", "cursor"),
        ("players/?from_rank=0", "from_rank"),
        ("players/?hidden=true", "hidden"),
        ("players/alice/around/?limit=101", "limit"),
        ("export/?format=xlsx", "csv or jsonl"),
    ],
)
def test_a_query_that_is_not_accepted_is_refused(
    send: Send, past: str, query: str, mentioned: str
) -> None:
    assert_problem(send("GET", past + query), 422, mentioned)


def test_a_players_own_history_is_listed_page_by_page(send: Send, board: str, past: str) -> None:
    send("PATCH", board, {"format": {"type": "time"}})
    send("PUT", f"{board}players/alice/score/", {"score": 5})
    send("POST", f"{board}reset/")
    first = send("GET", f"{board}players/alice/seasons/?limit=1").json()
    [season] = first["seasons"]
    assert season.pop("ended_at")[-1] == "Z"
    standing = {"rank": 1, "of": 2, "percentile": 100}
    alice = {"id": "alice", "name": "Alice"}
    assert season == {"season": 2, "format": {"type": "time"}, **alice, "score": 5, **standing}
    second = send("GET", f"{board}players/alice/seasons/?cursor={first['next']}").json()
    assert second["next"] is None
    [season] = second["seasons"]
    assert [season[name] for name in ("season", "score", "rank", "of")] == [1, 9, 1, 4]
    assert_problem(send("GET", f"{board}players/nobody/seasons/"), 404, "nobody")


def read_file(response: Response) -> str:
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()


@pytest.mark.parametrize("pages", [1, 2, 1000])
def test_a_past_season_is_a_file_of_either_form(
    send: Send, past: str, board_id: str, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    monkeypatch.setattr(exports, "PLAYERS_AT_ONCE", pages)
    response = send("GET", f"{past}export/", accept="text/csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="{board_id}-1.csv"'
    assert read_file(response) == (
        "\ufeffid,name,score,rank,data\r\n"
        "alice,Alice,9,1,\r\n"
        'bob,Bob,7,2,"{""level"":3}"\r\n'
        "carl,Carl,7,2,\r\n"
        "dora,Dora,3,4,\r\n"
    )
    for response in (
        send("GET", f"{past}export/?format=jsonl"),
        send("GET", f"{past}export/", accept="application/x-ndjson"),
    ):
        assert response["Content-Type"] == "application/x-ndjson"
        rows = [json.loads(line) for line in read_file(response).splitlines()]
        assert rows == send("GET", f"{past}players/").json()["players"]


def test_no_name_in_a_file_is_run_as_a_formula(send: Send, board: str) -> None:
    names = ["=1+1", '"quoted", =2', " padded ", "@x", "'+1", "Zoë", "-", "｜＝1"]
    for number, name in enumerate(names):
        body = {"name": name, "score": -number}
        assert send("PUT", f"{board}players/-p{number}/score/", body).status_code == 201
    send("POST", f"{board}reset/")
    text = read_file(send("GET", f"{board}seasons/1/export/?format=csv"))
    rows = [*csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))][1:]
    assert {cell[0] for row in rows for cell in row[:2] if cell} & set("=+-@") == set()
    own = [row.cells for row in read_rows(text.removeprefix("\ufeff").splitlines(keepends=True))]
    assert [unguard(row[1]) for row in own[1:]] == names
    assert [unguard(row[0]) for row in own[1:]] == [f"-p{number}" for number in range(len(names))]


def test_a_head_of_a_file_reads_no_players(send: Send, past: str) -> None:
    response = send("HEAD", f"{past}export/")
    assert response.status_code == 200 and response.content == b""
    assert response["Content-Type"] == "text/csv; charset=utf-8"


def test_how_many_seasons_are_kept_is_a_setting(send: Send, board: str) -> None:
    assert send("PATCH", board, {}).json()["keep_seasons"] == 12
    for value in (0, -1, 1.5, "all", True, 2**31):
        problem = assert_problem(send("PATCH", board, {"keep_seasons": value}), 422, "keep_seasons")
        assert "null or an integer from 1" in problem["detail"]
    assert send("PATCH", board, {"keep_seasons": 1}).json()["keep_seasons"] == 1
    for _ in range(3):
        send("POST", f"{board}reset/")
    assert [row["season"] for row in send("GET", f"{board}seasons/").json()["past"]] == [3]
    assert send("PATCH", board, {"keep_seasons": None}).json()["keep_seasons"] is None
