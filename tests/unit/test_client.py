"""leaderboard_client, in front of a server that answers as told."""

from collections.abc import Callable

import httpx
import pytest

from leaderboard_client import Board, Leaderboard, LeaderboardError

PROBLEM = {"Content-Type": "application/problem+json"}
EVENT = "event: update\nid: 1\ndata: {}\n\n"


def board(*answers: httpx.Response) -> tuple[Board, list[httpx.Request]]:
    """A board, and the requests made for it, which have these answers one after the other."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answers[len(requests) - 1]

    http = httpx.Client(transport=httpx.MockTransport(answer))
    return Leaderboard("http://localhost", http=http).board("b"), requests


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard_client.time.sleep", lambda seconds: None)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_increment_is_sent_again_with_its_key_after_a_passing_failure(status: int) -> None:
    passing = httpx.Response(status, text="no")
    asked, requests = board(passing, passing, httpx.Response(200, json={"score": 5}))
    assert asked.player("p").add(5) == 5
    assert len({request.headers["Idempotency-Key"] for request in requests}) == 1
    assert len(requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500])
@pytest.mark.parametrize(
    "ask", [lambda board: board.player("p").add(5), lambda board: next(board.watch())]
)
def test_a_refusal_is_not_asked_again(ask: Callable[[Board], object], status: int) -> None:
    asked, requests = board(httpx.Response(status, headers=PROBLEM, json={"detail": "never"}))
    with pytest.raises(LeaderboardError, match="never") as raised:
        ask(asked)
    assert raised.value.status == status and len(requests) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_watch_goes_on_after_a_passing_failure(status: int) -> None:
    stream = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, text=EVENT)
    asked, requests = board(httpx.Response(status, text="no"), stream)
    assert next(asked.watch()) == {}
    assert len(requests) == 2
