"""Requests that Fastly Fanout signs: ES256, with a key that signs for all of its services."""

import time

import jwt
import pytest
from django.conf import settings

from leaderboard_project.proxy_urls import parse_proxy
from tests.api.conftest import Send, assert_problem
from tests.support.fastly import GRIP_URL, PEM, SOMEBODY, TOKEN, forge, make_claims, sign

pytestmark = pytest.mark.stores("sqlite")

FORGED = {
    "by another key": lambda: sign(SOMEBODY),
    "for another service": lambda: sign(iss="fastly:another"),
    "for nobody": lambda: sign(iss=None),
    "expired": lambda: sign(exp=int(time.time()) - 1),
    "for ever": lambda: sign(exp=None),
    "HS256 with the public key": lambda: forge("HS256", PEM),
    "HS256 with the public key, in one line": lambda: forge("HS256", PEM.replace(b"\n", b"")),
    "HS256 with the API token": lambda: forge("HS256", TOKEN.encode()),
    "none": lambda: forge("none"),
    "none, with a signature": lambda: forge("none", PEM),
    "ES256 over HMAC": lambda: forge("ES256", PEM),
    "nothing but brackets": lambda: ".".join(["W1tb" * 4_000] * 3),
}


@pytest.fixture(autouse=True)
def fastly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GRIP_PROXIES", [parse_proxy(GRIP_URL)])


def test_a_stream_that_fastly_signed_is_held(send: Send, board: str) -> None:
    response = send("GET", board, accept="text/event-stream", grip_sig=sign())
    assert response.status_code == 200
    assert response["Grip-Hold"] == "stream"


@pytest.mark.parametrize("how", FORGED)
def test_what_fastly_did_not_sign_for_this_service_is_refused(
    send: Send, board: str, how: str
) -> None:
    response = send("GET", board, accept="text/event-stream", grip_sig=FORGED[how]())
    assert_problem(response, 501, "GRIP")
    assert "Grip-Hold" not in response


def test_another_proxy_beside_fastly_signs_with_its_own_key(
    send: Send, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "the key of a Pushpin of our own, as text"
    pushpin = {"control_uri": "tcp://localhost:5561", "key": secret}
    monkeypatch.setattr(settings, "GRIP_PROXIES", [pushpin, parse_proxy(GRIP_URL)])
    by_pushpin = jwt.encode(make_claims(iss="pushpin"), secret, algorithm="HS256")
    for signature, status in [
        (sign(), 200),
        (by_pushpin, 200),
        (sign(SOMEBODY), 501),
    ]:
        response = send("GET", board, accept="text/event-stream", grip_sig=signature)
        assert response.status_code == status
