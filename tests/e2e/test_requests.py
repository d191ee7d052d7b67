"""Requests as they come through the real Pushpin to the real gunicorn."""

import json
import socket

import pytest

from tests.e2e.viewers import Api
from tests.support.stack import Stack


def send_raw(port: int, *lines: str) -> tuple[int, dict[str, str], bytes]:
    """Send a request of these lines; return the answer's status, headers and body."""
    with socket.create_connection(("localhost", port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        answer = connection.makefile("rb").read()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in headers), body


@pytest.mark.parametrize(
    "header",
    [
        "SCRIPT_NAME: /boards",
        "Script-Name: /boards",
        "PATH_INFO: /readyz",
        "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off",
        "X-Forwarded-Protocol: ssl\r\nX-Forwarded-Proto: http",
        "Authorization: Bearer W1tb.e30.e30",
        "Host: web_1:8000",
    ],
)
def test_no_header_moves_a_path_or_fails(stack: Stack, board: str, header: str) -> None:
    host = [] if header.startswith("Host") else ["Host: localhost"]
    for port in (stack.port, stack.web_port):
        request = [f"GET {board} HTTP/1.1", *host, header, "Connection: close"]
        status, _, body = send_raw(port, *request)
        assert status == 200
        assert board.split("/")[2].encode() in body


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["GET /healthz HTTP/1.1", "Host: x", "Expect: nothing"], 417),
        (["GET /healthz HTTP/1.1", "Host: x", "Bad Name: x"], 400),
        (["GET /healthz HTTP/9.9", "Host: x"], 400),
        (["GET /healthz HTTP/1.1", "Host: x", f"X: {'x' * 17_000}"], 431),
        ([f"GET /{'x' * 5000} HTTP/1.1", "Host: x"], 414),
        (["POST /boards/ HTTP/1.1", "Host: x", "Content-Length: x"], 400),
        (["POST /boards/ HTTP/1.1", "Host: x", "Transfer-Encoding: x"], 501),
    ],
)
def test_what_the_web_server_refuses_is_a_problem_too(
    stack: Stack, lines: list[str], status: int
) -> None:
    answered, headers, body = send_raw(stack.web_port, *lines)
    assert answered == status
    assert headers["content-type"] == "application/problem+json"
    assert headers["cache-control"] == "no-cache"
    problem = json.loads(body)
    assert problem["status"] == status and problem["title"] and problem["detail"]


def test_pages_of_other_origins_are_known_behind_the_proxy(api: Api, board: str) -> None:
    path = f"{board}players/bob/score-add/"
    here = f"http://localhost:{api.port}"
    assert api("POST", path, headers={"Origin": here}).status == 200
    for headers in ({"Origin": "https://other.example"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = api("POST", path, headers=headers)
        assert refused.status == 403
        assert refused.headers["Content-Type"] == "application/problem+json"


def test_preconditions_pass_the_proxy(api: Api, board: str) -> None:
    refused = api("DELETE", board, headers={"If-Match": '"an-older-one"'})
    assert refused.status == 412
    etag = api("GET", board).headers["ETag"]
    assert api("DELETE", board, headers={"If-Match": etag}).status == 204


def test_a_token_of_many_boards_fits_and_a_longer_one_is_answered(stack: Stack, board: str) -> None:
    request = [f"GET {board} HTTP/1.1", "Host: localhost", "Connection: close"]
    for length, expected in ((16_000, 200), (17_000, 431), (28_000, 431)):
        status, headers, _ = send_raw(stack.port, *request, f"Authorization: Bearer {'a' * length}")
        assert status == expected
        assert status == 200 or headers["content-type"] == "application/problem+json"
