"""No log has a token or a ticket: those of the service, of Pushpin, and of the front proxies."""

import asyncio
import itertools
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import jwt
import pytest
from websockets.exceptions import WebSocketException

from tests.api.test_auth import SECRET
from tests.e2e.front_clients import EVENT_STREAM, client, websocket
from tests.e2e.test_websockets import message, watch
from tests.e2e.viewers import Api, Viewer
from tests.support.fronts import FILES, Front
from tests.support.programs import free_ports, wait_until
from tests.support.stack import Stack

# The signature of a token, and a ticket, by which they are looked for.
TOKEN = jwt.encode({"scope": "read", "exp": int(time.time()) + 3600}, SECRET, "HS256")
SIGNATURE = TOKEN.rpartition(".")[2]
TICKET = "a-ticket-that-nobody-has-made"
QUERIES = [f"?token={TOKEN}", f"?ticket={TICKET}"]
# Requests that gunicorn refuses by itself, and quotes in its log.
UNREADABLE = [
    f"GET /boards/b/?token={TOKEN} HTTP/1.1 HTTP/1.1\r\n\r\n",
    f"GET /boards/b/?ticket={TICKET} HTTP/7.7\r\n\r\n",
    f"GET /boards/b/ HTTP/1.1\r\nHost: x\r\nno header, but {TOKEN}\r\n\r\n",
    f"GÉT /boards/b/?token={TOKEN} HTTP/1.1\r\nHost: x\r\n\r\n",
]


@pytest.fixture
def stack(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The service with gunicorn's access log."""
    folder = tmp_path_factory.mktemp("stack")
    options = "--access-logfile - --log-level debug"
    with Stack(new_database("sqlite"), folder, websockets=True, GUNICORN_CMD_ARGS=options) as stack:
        yield stack


def read_logs(*folders: Path) -> str:
    """Return all that was logged in the folders, and assert that no secret is among it."""
    logs = {
        path: path.read_text(errors="replace")
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and ("log" in path.suffix or "log" in path.parts)
    }
    assert len(logs) > 1 or "log" in "".join(map(str, logs)), logs
    for path, text in logs.items():
        for secret in (SIGNATURE, TICKET):
            lines = [line for line in text.splitlines() if secret in line]
            assert not lines, f"{path}: {lines[0][:300]}"
    return "\n".join(logs.values())


def test_the_service_and_pushpin_log_no_secret(stack: Stack, board: str) -> None:
    api = Api(stack.port)
    assert api("PATCH", board, {"private": True}).status == 200
    with (
        Viewer(stack.port, f"{board}{QUERIES[0]}") as viewer,
        watch(stack, board, QUERIES[0]) as opened,
    ):
        wait_until(lambda: viewer.events, "the snapshot")
        assert message(opened)["event"] == "update"
        opened.send('{"event": "ping"}')
        wait_until(lambda: message(opened) == {"event": "pong"}, "the answer to the ping")
    for query in QUERIES:
        referrer = {"Referer": f"http://localhost/{query}"}
        for path in (f"{board}{query}", f"/nowhere/{query}", f"{board}{query}&unknown=1"):
            answer = api("GET", path, headers=referrer)
            assert SIGNATURE not in answer.text and TICKET not in answer.text
    for request in UNREADABLE:
        refusal = send_raw(stack.web_port, request)
        assert " 400 " in refusal.partition("\r\n")[0]
        assert SIGNATURE not in refusal and TICKET not in refusal
    stack.web.stop()  # Pushpin reaches nobody
    for query in QUERIES:
        for headers in ({}, EVENT_STREAM):
            assert api("GET", f"{board}{query}", headers=headers).status == 502
    logs = read_logs(stack.folder, stack.run_dir)
    assert f'"GET {board}" 200' in logs, "gunicorn's access log"
    assert logs.count("Invalid request") >= 3, "what gunicorn could not read"


def send_raw(port: int, request: str) -> str:
    with socket.create_connection(("localhost", port), timeout=30) as connection:
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer.decode()


async def open_websocket(front: Front, path: str) -> None:
    async with websocket(front, path):
        pass


@pytest.mark.parametrize("name", FILES)
def test_a_front_logs_no_secret_even_if_nobody_is_behind_it(name: str, tmp_path: Path) -> None:
    def ask(http2: bool, query: str, is_stream: bool) -> int:
        headers = {"Referer": f"https://localhost/{query}", **(EVENT_STREAM if is_stream else {})}
        with client(front, http2) as user:
            return user.get(f"/boards/b/{query}", headers=headers).status_code

    with Front(name, tmp_path, *free_ports(2)) as front:
        # At the same time: HAProxy tries for seconds to reach somebody.
        with ThreadPoolExecutor() as pool:
            requests = [*itertools.product((False, True), QUERIES, (False, True))]
            statuses = pool.map(ask, *zip(*requests, strict=True))
        assert [*statuses] == [200 if is_stream else 503 for *_, is_stream in requests]
        for query in QUERIES:
            with suppress(WebSocketException):
                asyncio.run(open_websocket(front, f"/boards/b/ws/{query}#"))
            url = f"http://localhost:{front.plain_port}/boards/b/{query}"
            assert httpx.get(url, trust_env=False).status_code == 308
    logs = read_logs(tmp_path)
    assert "/boards/b/" in logs, "the requests are logged"
