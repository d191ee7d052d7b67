"""Query parameters: each is known, is there once, and is what an earlier answer gave."""

from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client, RequestFactory
from gripcontrol import WebSocketEvent
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain.fields import RANK_POSITION_FIELDS
from leaderboardapp.web.requests import encode_cursor, read_cursor
from tests.api.conftest import Send, SendEvents, assert_problem, decode_events
from tests.api.test_reference import API, METHODS

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
TAKE_ANY_QUERY = ("/healthz", "/readyz")
INVALID = "/docs/problems/#invalid-parameter"
OPERATIONS = [
    (method, path, operation)
    for path, item in API["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]


def described_parameters(operation: dict[str, Any]) -> set[str]:
    """Return the names of the operation's query parameters."""
    parameters = [
        API["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
        if "$ref" in parameter
        else parameter
        for parameter in operation.get("parameters", [])
    ]
    return {parameter["name"] for parameter in parameters if parameter["in"] == "query"}


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_an_operation_takes_the_parameters_that_are_described_and_no_other(
    send: Send, method: str, path: str, operation: dict[str, Any]
) -> None:
    path = path.format(board="b", player="p", person="p", season=1, channel="c")
    names = described_parameters(operation)
    websocket = {"Upgrade": "websocket"} if path.endswith("/ws/") else {}
    takes_any = bool(websocket) or path in TAKE_ANY_QUERY
    of_reads = () if method == "get" else ("token", "ticket")
    for name in ("limit", "cursor", "hidden", "amount", "Limit", "", *of_reads):
        if name not in names and not takes_any:
            problem = assert_problem(send(method.upper(), f"{path}?{name}=1"), 422, f"{name}: not")
            assert problem["type"] == INVALID
    for name in names:
        response = send(method.upper(), f"{path}?{name}=1")
        assert b"not known here as a query parameter" not in response.content


def test_every_read_of_a_board_takes_a_token_and_a_ticket_as_described() -> None:
    for method, path, operation in OPERATIONS:
        if method == "get" and path.startswith("/boards/{board}/"):
            assert described_parameters(operation) >= {"token", "ticket"}, path


@pytest.mark.parametrize(
    "query",
    [
        "limit=1&limit=2",
        "limit=1&limit=1",
        "hidden=true&hidden=false",
        "cursor=x&cursor=x",
        "token=&token=x",
        "lim%69t=1&limit=1",
    ],
)
def test_a_parameter_that_is_there_twice_is_refused(send: Send, board: str, query: str) -> None:
    problem = assert_problem(send("GET", f"{board}players/?{query}"), 422, "2 times")
    assert problem["type"] == INVALID


def test_a_write_that_has_its_field_in_the_query_changes_nothing(send: Send, alice: str) -> None:
    detail = "amount: not known here as a query parameter; accepted are rank."
    assert_problem(send("POST", f"{alice}score-add/?amount=5"), 422, detail)
    assert send("GET", alice).json()["score"] == 0


def test_a_health_check_and_the_description_take_any_parameter(client: Client) -> None:
    for path in (*TAKE_ANY_QUERY, "/openapi.yaml"):
        assert client.get(f"{path}?v=2&v=3&token=x").status_code == 200


def test_a_page_takes_any_parameter_because_other_sites_append_theirs(
    client: Client, send: Send, board: str
) -> None:
    assert send("PATCH", board, {"private": True}).status_code == 200
    for path in ("/", f"{board}manage/", "/docs", "/docs/problems/"):
        assert client.get(f"{path}?utm_source=x&utm_source=y", headers=BROWSER).status_code == 200
    assert client.get(f"{board}?utm_source=x", headers=BROWSER).status_code == 401
    assert client.get(f"{board}?token=x&token=y", headers=BROWSER).status_code == 422
    assert client.get(f"{board}?utm_source=x").status_code == 422


def test_a_websocket_with_an_unknown_parameter_is_closed_for_good(
    send_events: SendEvents, board: str
) -> None:
    for query in ("?limit=1", "?token=a&token=b"):
        events = decode_events(send_events(f"{board}ws/{query}", WebSocketEvent("OPEN")))
        assert events == [("OPEN", None), ("CLOSE", (4422).to_bytes(2))]


def encode(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        encode('[1.0,2,"alice"]'),
        encode('[1, 2, "alice"]'),
        encode('[1,2,"\\u0061lice"]'),
        encode('[0.9999999999999999999,2,"alice"]'),
        encode('[1,-1,"alice"]'),
        encode("[1,2]"),
        encode('[1,2,"alice",4]'),
        encode('{"a":1,"a":2}'),
        encode("[" * 5000),
        encode('[1,2,"alice"]') + "\n",
        encode('[1,2,"bob"]').rstrip("="),
    ],
)
def test_a_cursor_that_no_answer_gave_is_refused(send: Send, board: str, cursor: str) -> None:
    response = send("GET", f"{board}players/?cursor={quote(cursor)}")
    assert_problem(response, 422, "cursor: must be the next of an earlier answer.")


@given(
    st.integers(-(2**53) + 1, 2**53 - 1), st.integers(0, 2**53 - 1), st.text("aZ0_-", min_size=1)
)
def test_a_cursor_is_read_as_it_was_given(score: int, reached_at: int, player: str) -> None:
    given_parts = [score, reached_at, player[:64]]
    request = RequestFactory().get("/", {"cursor": encode_cursor(*given_parts)})
    assert read_cursor(request, *RANK_POSITION_FIELDS) == given_parts
