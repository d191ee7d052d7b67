"""The recipes for games of docs/clients.md, as they stand there."""

import base64
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.test import RequestFactory

from leaderboardapp.realtime import formats
from tests.e2e.test_websockets import watch
from tests.e2e.viewers import Api, token
from tests.support.programs import PROJECT, WAIT_SECONDS
from tests.support.stack import Stack

TEXT = (PROJECT / "docs" / "clients.md").read_text()
BOARD = "/boards/demo/"
pytestmark = pytest.mark.stores("sqlite")


def code(heading: str, number: int = 0) -> str:
    """A block of code from the section with this heading."""
    section = TEXT.split(f"{heading}\n", 1)[1]
    blocks: list[str] = re.findall(r"```[^\n]*\n(.*?)```", section, re.DOTALL)
    return blocks[number]


def run(port: int, text: str, **env: str) -> str:
    """Run commands against the service; return what they print."""
    text = text.replace("localhost:7999", f"localhost:{port}")
    text = text.replace("curl ", "curl -s --fail-with-body --max-time 10 ")
    command = ["bash", "-c", text]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture
def game(api: Api) -> Iterator[Api]:
    """A service with the board of the recipes, set as they set it."""
    assert api("POST", "/boards/", {"id": "demo", "name": "A board"}).status == 201
    admin = token("admin", "demo")
    printed = run(api.port, code("## A game"), ADMIN_TOKEN=admin)
    assert json.loads(printed)["player_writes"] == "add"
    yield api
    assert api("DELETE", BOARD).status == 204


@pytest.fixture
def sign(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The view of the recipe for a Django server."""
    key = next(key for algorithm, key in settings.TOKEN_KEYS if algorithm == "HS256")
    monkeypatch.setenv("LEADERBOARD_SECRET", base64.b64encode(bytes(key)).decode())  # type: ignore[arg-type]
    module: dict[str, Any] = {}
    exec(code("### Tokens from a Django server"), module)
    return module["leaderboard_token"]


def test_the_token_that_the_server_signs_is_for_its_user(game: Api, sign: Any) -> None:
    request: Any = RequestFactory().get("/leaderboard-token/")
    request.user = SimpleNamespace(is_authenticated=False)
    assert sign(request).status_code == 401
    request.user = SimpleNamespace(is_authenticated=True, pk=7)
    answer = json.loads(sign(request).content)
    headers = {"Authorization": f"Bearer {answer['token']}"}
    path = f"{BOARD}players/{answer['player']}/score-add/"
    own = game("POST", path, {"amount": 5, "name": "Alice"}, headers)
    assert (own.status, own.json["score"]) == (201, 5)


def test_a_game_scores_and_watches_with_curl(game: Api) -> None:
    printed = run(
        game.port, code("### A game with curl"), TOKEN=token("play", "demo", player="user-7")
    )
    answer, end = json.JSONDecoder().raw_decode(printed)
    around, end = json.JSONDecoder().raw_decode(printed, end)
    assert (answer["score"], answer["rank"]) == (5, 1)
    assert [row["id"] for row in around["players"]] == ["user-7"]
    assert '"score":5' in printed[end:].split("event: update")[1]


def test_the_wire_has_what_the_recipe_shows(game: Api, stack: Stack) -> None:
    request, answer, stream, messages = (code("### On the wire", number) for number in range(4))
    with (
        closing(HTTPConnection("localhost", game.port, timeout=30)) as viewer,
        watch(stack, BOARD) as web_socket,
    ):
        viewer.request("GET", BOARD, headers={"Accept": "text/event-stream"})
        response = viewer.getresponse()
        text = read_until(response, r"data: .*\n\n")
        received = [str(web_socket.recv(WAIT_SECONDS))]
        assert_answered(game.port, request, answer)
        text += read_until(response, r"event: joined\n.*\n\n")
        while '"joined"' not in received[-1]:
            received.append(str(web_socket.recv(WAIT_SECONDS)))
    # How long to wait before a new attempt differs from viewer to viewer. Updates may come again,
    # and who leads since an earlier test may be announced late.
    events = unique(re.sub("retry: [0-9]+", "retry: 2908", text).split("\n\n")[:-1])
    events = [event for event in events if not event.startswith("event: new leader")]
    keep_alive = (formats.KEEP_ALIVE, formats.KEEP_ALIVE_DATA)
    assert "\n\n".join([*events, formats.stream_event(*keep_alive)]) == stream
    received = [text for text in received if '"new leader"' not in text]
    shown = [*unique(received), formats.websocket_message(*keep_alive)]
    assert shown == messages.splitlines()


def unique(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def assert_answered(port: int, request: str, answer: str) -> None:
    """Send the request as it stands there, and hold the answer's status, body and those headers
    that are shown to what stands there."""
    with socket.create_connection(("localhost", port), timeout=30) as connection:
        connection.sendall(request.removesuffix("\n").replace("\n", "\r\n").encode())
        response = HTTPResponse(connection)
        response.begin()
        head, body = answer.rstrip("\n").split("\n\n")
        status, *headers = head.split("\n")
        assert f"HTTP/1.1 {response.status} {response.reason}" == status
        assert {*headers} <= {f"{name}: {value}" for name, value in response.getheaders()}
        assert response.read().decode() == body


def read_until(response: HTTPResponse, pattern: str) -> str:
    """Read a stream until it has had what the pattern describes."""
    text = ""
    while not re.search(pattern, text):
        text += response.read1().decode()
    return text
