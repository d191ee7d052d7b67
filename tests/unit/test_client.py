"""leaderboard_client, in front of a server that answers as told."""

import httpx
import pytest

from leaderboard_client import Leaderboard, LeaderboardError, Player


def player(*statuses: int) -> tuple[Player, list[httpx.Request]]:
    """A player, and the requests made for it, which have these answers one after the other."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(statuses[len(requests) - 1], json={"score": 5, "detail": "no"})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    return Leaderboard("http://localhost", http=http).board("b").player("p"), requests


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard_client.time.sleep", lambda seconds: None)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_increment_is_sent_again_with_its_key_after_a_passing_failure(status: int) -> None:
    alice, requests = player(status, status, 200)
    assert alice.add(5) == 5
    assert len({request.headers["Idempotency-Key"] for request in requests}) == 1
    assert len(requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_refusal_is_not_asked_again(status: int) -> None:
    alice, requests = player(status)
    with pytest.raises(LeaderboardError) as raised:
        alice.add(5)
    assert raised.value.status == status and len(requests) == 1
