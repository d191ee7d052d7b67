"""Test leaderboard_client against a server that gives prepared answers."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from leaderboard_client import Board, Leaderboard, LeaderboardError

PROBLEM = {"Content-Type": "application/problem+json"}
EVENT = "event: update\nid: 1\ndata: {}\n\n"


def board(*answers: httpx.Response) -> tuple[Board, list[httpx.Request]]:
    """Return a board, and the list of its requests. They get these answers, one after the other."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answers[len(requests) - 1]

    http = httpx.Client(transport=httpx.MockTransport(answer))
    return Leaderboard("http://localhost", http=http).board("b"), requests


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard_client.retry.time.sleep", lambda seconds: None)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_increment_is_retried_with_its_key_after_a_transient_failure(status: int) -> None:
    failure = httpx.Response(status, text="no")
    a_board, requests = board(failure, failure, httpx.Response(200, json={"score": 5}))
    assert a_board.player("p").add(5) == 5
    assert len({request.headers["Idempotency-Key"] for request in requests}) == 1
    assert len(requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500])
@pytest.mark.parametrize(
    "call", [lambda board: board.player("p").add(5), lambda board: next(board.watch())]
)
def test_a_refused_request_is_not_retried(call: Callable[[Board], object], status: int) -> None:
    a_board, requests = board(httpx.Response(status, headers=PROBLEM, json={"detail": "never"}))
    with pytest.raises(LeaderboardError, match="never") as raised:
        call(a_board)
    assert raised.value.status == status and len(requests) == 1


@pytest.mark.parametrize(
    ("answer", "type"),
    [
        (
            {"json": {"detail": "no", "type": "/docs/problems/#id-taken"}},
            "/docs/problems/#id-taken",
        ),
        ({"json": {"detail": "no"}}, "about:blank"),
        ({"json": ["no"]}, "about:blank"),
        ({"text": "no"}, "about:blank"),
    ],
)
def test_an_error_has_the_type_of_the_problem(answer: dict[str, Any], type: str) -> None:
    a_board, _ = board(httpx.Response(409, headers=PROBLEM, **answer))
    with pytest.raises(LeaderboardError, match="no") as raised:
        a_board.delete()
    assert raised.value.type == type


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_watch_is_retried_after_a_transient_failure(status: int) -> None:
    stream = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, text=EVENT)
    a_board, requests = board(httpx.Response(status, text="no"), stream)
    assert next(a_board.watch()) == {}
    assert len(requests) == 2
