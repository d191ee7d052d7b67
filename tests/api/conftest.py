import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.test import Client
from django.test.client import ClientHandler
from gripcontrol import WebSocketEvent, decode_websocket_events, encode_websocket_events

from leaderboardapp.stores.base import Store
from tests.support.store import unreachable_store

Response = Any  # the test client adds json() to HttpResponse
Send = Callable[..., Response]
SendEvents = Callable[..., Response]


@pytest.fixture(scope="session")
def handler() -> ClientHandler:
    """What answers all requests. Each new one would read all static files once more."""
    return ClientHandler(enforce_csrf_checks=False)


@pytest.fixture
def client(store: Store, handler: ClientHandler) -> Client:
    """Requests to the views, on each store in turn."""
    client = Client(raise_request_exception=False)
    client.handler = handler
    return client


@pytest.fixture
def send(client: Client) -> Send:
    """send("POST", "/boards/", {...}, header="value"): a request with a JSON body, if any."""

    def send(method: str, path: str, body: Any = None, **headers: str) -> Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        data = b"" if body is None else json.dumps(body).encode()
        return client.generic(method, path, data, "application/json" if data else "", headers=names)

    return send


@pytest.fixture
def board(send: Send, board_id: str) -> str:
    """The path of a new board."""
    assert send("POST", "/boards/", {"id": board_id, "name": "A board"}).status_code == 201
    return f"/boards/{board_id}/"


@pytest.fixture
def alice(send: Send, board: str) -> str:
    """The path of a new player."""
    body = {"id": "alice", "name": "Alice"}
    assert send("POST", f"{board}players/", body).status_code == 201
    return f"{board}players/alice/"


@pytest.fixture
def grip_sig() -> str:
    """What the proxy puts in Grip-Sig."""
    claim = {"iss": "pushpin", "exp": int(time.time()) + 60}
    return jwt.encode(claim, str(settings.GRIP_PROXIES[0]["key"]), algorithm="HS256")


@pytest.fixture
def send_events(client: Client, grip_sig: str) -> SendEvents:
    """send_events(path, event, …): a request of the proxy."""

    def send_events(path: str, *events: WebSocketEvent, signature: str = grip_sig) -> Response:
        body = encode_websocket_events(list(events))
        headers = {"Connection-Id": "a-connection", "Grip-Sig": signature}
        return client.post(path, body, "application/websocket-events", headers=headers)

    return send_events


def decode_events(response: Response) -> list[tuple[str, Any]]:
    assert response.status_code == 200
    events = decode_websocket_events(response.content)
    return [(event.type, event.content) for event in events]


def assert_problem(response: Response, status: int, *mentioned: str) -> dict[str, Any]:
    """Assert that the answer is such a problem, whose detail has these texts; return it."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    more = {"limits"} if problem["type"].endswith("#score-out-of-range") else set()
    assert set(problem) == {"type", "title", "status", "detail", *more}
    assert problem["status"] == status
    for text in mentioned:
        assert text in problem["detail"]
    return problem


@pytest.fixture
def no_store() -> Iterator[None]:
    """A store that cannot be reached."""
    with unreachable_store():
        yield
