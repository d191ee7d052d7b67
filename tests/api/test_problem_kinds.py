"""Each failure says of which kind it is, and each kind is explained where its `type` leads."""

import ast
import html
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from gripcontrol import WebSocketEvent

import leaderboardapp
from leaderboardapp.domain.types import MAX_SCORE
from leaderboardapp.pages.api_reference import DESCRIPTION
from leaderboardapp.stores.base import Store
from leaderboardapp.web.problem_kinds import PAGE_PATH, UNTYPED, ProblemKind
from tests.api.conftest import Send, SendEvents, assert_problem, decode_events

# No store changes what is shown here.
pytestmark = pytest.mark.stores("sqlite")

# Programs compare these. One that is renamed breaks them; a new one is added here.
SLUGS = {
    "malformed-request": 400,
    "malformed-json": 400,
    "duplicate-key": 400,
    "invalid-header": 400,
    "token-required": 401,
    "invalid-token": 401,
    "invalid-ticket": 401,
    "insufficient-scope": 403,
    "cross-site": 403,
    "path-not-found": 404,
    "board-not-found": 404,
    "window-not-found": 404,
    "player-not-found": 404,
    "season-not-found": 404,
    "channel-not-found": 404,
    "method-not-allowed": 405,
    "id-taken": 409,
    "email-taken": 409,
    "wrong-season": 409,
    "length-required": 411,
    "precondition-failed": 412,
    "body-too-large": 413,
    "unsupported-media-type": 415,
    "invalid-body": 422,
    "invalid-parameter": 422,
    "score-out-of-range": 422,
    "websocket-required": 426,
    "rate-limit-exceeded": 429,
    "proxy-required": 501,
    "no-live-ranks": 501,
    "no-pictures": 501,
    "busy": 503,
    "store-unavailable": 503,
    "outcome-unknown": 504,
}
PACKAGE = Path(leaderboardapp.__file__).parent
PROJECT = PACKAGE.parent


def type_of(slug: str) -> str:
    return f"/docs/problems/#{slug}"


def calls_of(name: str) -> list[ast.Call]:
    """Return all calls of a function of that name in the package."""
    return [
        node
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name
    ]


def test_kinds_keep_their_names_and_statuses() -> None:
    assert {kind.slug: kind.status.value for kind in ProblemKind} == SLUGS
    assert all(kind.type == type_of(kind.slug) for kind in ProblemKind)


def test_every_problem_of_the_code_has_a_kind_and_every_kind_is_one_of_the_code() -> None:
    calls = calls_of("Problem")
    used = {ast.unparse(call.args[0]) for call in calls}
    assert used == {f"ProblemKind.{kind.name}" for kind in ProblemKind}


def test_the_description_and_the_document_list_the_kinds() -> None:
    api = yaml.safe_load(DESCRIPTION.read_text())
    types = [UNTYPED, *(kind.type for kind in ProblemKind)]
    assert api["components"]["schemas"]["ProblemType"]["enum"] == types
    errors = (PROJECT / "docs/api.md").read_text().partition("\n## Errors\n")[2]
    rows = re.findall(r"^\| (\d{3}) \| `([\w-]+)` \| ", errors, re.MULTILINE)
    assert [(int(status), slug) for status, slug in rows] == [
        (kind.status.value, kind.slug) for kind in ProblemKind
    ]


def test_the_page_explains_each_kind_where_its_type_leads(client: Client) -> None:
    page = client.get(PAGE_PATH)
    assert page.status_code == 200 and page["Content-Type"].startswith("text/html")
    text = html.unescape(page.content.decode())
    sections = dict(re.findall(r'<section id="([\w-]+)">(.*?)</section>', text, re.S))
    assert sections.keys() == SLUGS.keys()
    for kind in ProblemKind:
        for text in (kind.slug, str(kind.status.value), kind.title, kind.meaning, kind.remedy):
            assert text in sections[kind.slug]


MISSING_BOARD = [
    ("GET", "", None),
    ("PATCH", "", {}),
    ("PATCH", "", {"size": 3}),
    ("DELETE", "", None),
    ("GET", "players/", None),
    ("GET", "players/?hidden=true", None),
    ("GET", "players/?search=a", None),
    ("POST", "players/", {"name": "Al"}),
    ("GET", "players/al/", None),
    ("GET", "players/al/around/", None),
    ("GET", "players/?from_rank=9", None),
    ("POST", "players/select/", {"ids": ["al"]}),
    ("GET", "rank/?score=1", None),
    ("PATCH", "players/al/", {}),
    ("PATCH", "players/al/", {"name": "Al"}),
    ("DELETE", "players/al/", None),
    ("POST", "players/al/score-add/", None),
    ("PUT", "players/al/score/", {"score": 1}),
    ("POST", "scores/", [{"player": "al"}]),
    ("POST", "reset/", None),
    ("GET", "seasons/", None),
    ("GET", "seasons/1/", None),
]


@pytest.mark.parametrize(("method", "path", "body"), MISSING_BOARD)
def test_it_is_the_board_that_is_missing(send: Send, method: str, path: str, body: Any) -> None:
    response = send(method, f"/boards/nowhere/{path}", body)
    problem = assert_problem(response, 404, "There is no board nowhere.")
    assert problem["type"] == type_of("board-not-found")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [step for step in MISSING_BOARD if step[1].startswith("players/al/")],
)
def test_it_is_the_player_that_is_missing(
    send: Send, board: str, board_id: str, method: str, path: str, body: Any
) -> None:
    response = send(method, f"{board}{path}", body)
    problem = assert_problem(response, 404, f"The board {board_id} has no player al.")
    assert problem["type"] == type_of("player-not-found")


def test_it_is_the_season_that_is_missing(send: Send, board: str, board_id: str) -> None:
    problem = assert_problem(send("GET", f"{board}seasons/1/"), 404, "has no past season 1.")
    assert problem["type"] == type_of("season-not-found")


def test_it_is_the_channel_that_is_missing(send: Send) -> None:
    problem = assert_problem(send("GET", "/events/nowhere/"), 404, "There is no channel nowhere.")
    assert problem["type"] == type_of("channel-not-found")


@pytest.mark.parametrize("path", ["/boards/nowhere/ws/", "/events/nowhere/ws/"])
def test_a_websocket_to_nowhere_is_closed_for_good(send_events: SendEvents, path: str) -> None:
    events = decode_events(send_events(path, WebSocketEvent("OPEN")))
    assert events == [("OPEN", None), ("CLOSE", (4404).to_bytes(2))]


def test_the_page_of_a_missing_board_says_so(client: Client) -> None:
    page = client.get("/boards/nowhere/", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "<h1>There is no such board</h1>" in page.content.decode()
    assert "It was deleted, or has never been." in page.content.decode()


@pytest.mark.parametrize(
    ("private", "path", "words"),
    [
        (True, "", "This board is private"),
        (True, "?token=e.e.e", "This link has ended"),
        (False, "?window=day", "There is no such ranking"),
        (False, "seasons/7/players/", "There is no such past season"),
    ],
)
def test_people_are_told_in_words_of_theirs(
    send: Send, board: str, client: Client, private: bool, path: str, words: str
) -> None:
    assert send("PATCH", board, {"private": private}).status_code == 200
    page = client.get(f"{board}{path}", headers={"Accept": "text/html"})
    _, heading, text = page.content.decode().partition(f"<h1>{words}</h1>")
    assert page.status_code == (401 if private else 404)
    assert heading and "token" not in text


def test_a_score_out_of_range_has_the_limits_as_numbers(send: Send, board: str, alice: str) -> None:
    for settings, limits in [
        ({"max": 10}, {"min": -MAX_SCORE, "max": 10}),
        ({"min": -2, "max_amount": 4}, {"min": -2, "max": 10, "max_amount": 4}),
    ]:
        assert send("PATCH", board, settings).status_code == 200
        refused = send("POST", f"{alice}score-add/", {"amount": 11})
        assert assert_problem(refused, 422)["limits"] == limits


def test_each_row_of_a_bulk_answer_says_why_as_a_single_answer_does(
    send: Send, board: str, alice: str
) -> None:
    assert send("PATCH", board, {"max": 10}).status_code == 200
    rows = [
        {"player": "nobody", "amount": 1},
        {"player": "alice", "amount": 11},
        {"player": "alice", "amount": 1, "season": 7},
    ]
    results = send("POST", f"{board}scores/", rows).json()["results"]
    assert [result["type"] for result in results] == [
        type_of("player-not-found"),
        type_of("score-out-of-range"),
        type_of("wrong-season"),
    ]
    for row, result in zip(rows, results, strict=True):
        player = row.pop("player")
        problem = send("POST", f"{board}players/{player}/score-add/", row).json()
        assert result == {
            "player": player,
            **{name: problem[name] for name in ("status", "type", "detail")},
        }


def test_a_failure_of_unknown_cause_has_only_its_status(
    send: Send, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(store, "list_boards", fail)
    problem = assert_problem(send("GET", "/boards/"), 500)
    assert problem["type"] == UNTYPED
    assert problem["title"] == HTTPStatus.INTERNAL_SERVER_ERROR.phrase
