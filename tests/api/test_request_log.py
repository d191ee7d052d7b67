"""The log has one line for each request, with an id that is in others about it, and no secret."""

import json
import logging
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from django.conf import settings
from django.test import override_settings
from django.test.client import ClientHandler

from leaderboardapp.domain.log_lines import make_formatter
from tests.api.conftest import Send
from tests.support.store import unreachable_store

pytestmark = pytest.mark.stores("sqlite")

MIDDLEWARE = "leaderboardapp.web.request_log.RequestLogMiddleware"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzY29wZSI6InJlYWQifQ.c2lnbmF0dXJl"
EMAIL, KEY, WORD = "bob@example.com", "an-idempotency-key", "a-word-of-the-body"
FRONT_ID = "0123456789abcdef-front"


@pytest.fixture
def handler() -> Iterator[ClientHandler]:
    """What answers requests with REQUEST_LOG on, behind a front proxy and a GRIP proxy."""
    with override_settings(MIDDLEWARE=[MIDDLEWARE, *settings.MIDDLEWARE]):
        yield ClientHandler(enforce_csrf_checks=False)


@pytest.fixture(params=["text", "json"])
def log(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """All lines of the service's log, as they are written."""
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    lines_handler = Lines()
    lines_handler.setFormatter(make_formatter(as_json=request.param == "json"))
    root = logging.getLogger()
    root.addHandler(lines_handler)
    yield lines
    root.removeHandler(lines_handler)


def test_a_request_is_one_line(send: Send, board: str, log: list[str]) -> None:
    answer = send("GET", board)
    [line] = log
    id = answer["X-Request-ID"]
    if line.startswith("{"):
        document = json.loads(line)
        assert document["path"] == board and document["status"] == 200 and document["request"] == id
    else:
        assert line.startswith("INFO leaderboardapp.web.request_log: answered method=GET ")
        assert f" path={board}" in line and " status=200 " in line and line.endswith(id)


def test_a_failure_of_the_store_names_the_request(send: Send, log: list[str]) -> None:
    with unreachable_store():
        answer = send("GET", "/boards/b/")
    assert answer.status_code == 503
    failure, line = log[:2]
    assert "store unavailable" in failure and "answered" in line
    for each in (failure, line):
        assert answer["X-Request-ID"] in each


@pytest.mark.parametrize(
    "path",
    [
        f"/boards/b/?token={TOKEN}",
        f"/nowhere/{TOKEN}/",
        f"/boards/b/players/{EMAIL}/",
        f"/boards/{TOKEN}/",
        f"/boards/b/{WORD}\nINFO forged",
        f"/static/{EMAIL}",
    ],
)
def test_the_line_has_no_secret(send: Send, path: str, log: list[str]) -> None:
    body = {"id": "p", "name": WORD, "email": EMAIL}
    send("POST", path, body, Idempotency_Key=KEY, Authorization=f"Bearer {TOKEN}", Referer=WORD)
    line = log[-1]
    assert "request" in line
    for secret in (TOKEN, EMAIL, KEY, WORD, "forged"):
        assert secret not in line


@pytest.mark.parametrize("method", ["BREW", "a" * 1000])
def test_a_method_that_a_client_has_made_up_is_not_repeated(
    send: Send, method: str, log: list[str]
) -> None:
    send(method, "/boards/")
    assert method not in log[-1] and "other" in log[-1]


@pytest.mark.parametrize(
    ("hops", "is_signed", "id", "is_accepted"),
    [
        ("203.0.113.9, 127.0.0.1", True, FRONT_ID, True),
        ("127.0.0.1", True, FRONT_ID, True),
        ("127.0.0.1, 203.0.113.9", True, FRONT_ID, False),
        ("", True, FRONT_ID, False),
        ("127.0.0.1", False, FRONT_ID, False),
        ("127.0.0.1", True, "short", False),
        ("127.0.0.1", True, "a" * 65, False),
        ("127.0.0.1", True, EMAIL, False),
        ("127.0.0.1", True, "with a space and more", False),
        ("127.0.0.1", True, f"{FRONT_ID}, {FRONT_ID}", False),
    ],
)
def test_an_id_counts_only_if_a_front_proxy_gives_it(
    send: Send, grip_sig: str, hops: str, is_signed: bool, id: str, is_accepted: bool
) -> None:
    headers = {"X_Forwarded_For": hops, "X_Request_ID": id}
    if is_signed:
        headers["Grip_Sig"] = grip_sig
    with override_settings(TRUSTED_PROXIES=[ip_network("127.0.0.1")]):
        answer = send("GET", "/healthz", **headers)
    assert (answer["X-Request-ID"] == id) == is_accepted


def test_a_stream_says_that_it_is_held(
    send: Send, board: str, grip_sig: str, log: list[str]
) -> None:
    send("GET", board, Accept="text/event-stream", Grip_Sig=grip_sig)
    assert "stream" in log[-1].replace("request", "")
