"""What the proxy is asked to hold; tests/e2e sees it held."""

import re
import time

import jwt
import pytest
from django.conf import settings
from django.test import Client

from tests.api.conftest import Response, Send, assert_problem
from tests.support.programs import wait_until

RETRY = r"retry: (\d{4})\n\n"


def stream(send: Send, path: str, grip_sig: str, **headers: str) -> Response:
    return send("GET", path, accept="text/event-stream", grip_sig=grip_sig, **headers)


def test_the_response_asks_for_a_hold_and_carries_the_snapshot(
    send: Send, board: str, board_id: str, grip_sig: str
) -> None:
    response = stream(send, board, grip_sig)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/event-stream"
    assert response["Grip-Hold"] == "stream"
    assert response["Grip-Channel"] == f"board-{board_id}"
    keep_alive = r"event: keep-alive\ndata: {}\n\n; format=cstring; mode=interval; timeout=20"
    assert response["Grip-Keep-Alive"] == keep_alive
    snapshot = send("GET", board)
    event = f"event: update\nid: {snapshot['ETag'][1:-1]}\ndata: {snapshot.content.decode()}\n\n"
    assert re.fullmatch(RETRY + re.escape(event), response.content.decode())


def test_a_client_that_is_up_to_date_is_sent_nothing(send: Send, board: str, grip_sig: str) -> None:
    last = send("GET", board)["ETag"][1:-1]
    response = stream(send, board, grip_sig, last_event_id=last)
    assert response["Grip-Hold"] == "stream"
    assert re.fullmatch(RETRY, response.content.decode())


@pytest.mark.parametrize("how", ["direct", "garbage", "another key", "expired"])
def test_a_request_that_no_proxy_signed_is_refused(
    send: Send, board: str, grip_sig: str, how: str
) -> None:
    forged = {
        "direct": "",
        "garbage": "x.y.z",
        "another key": jwt.encode({"exp": 2**40}, "k" * 40, algorithm="HS256"),
        "expired": jwt.encode({"exp": 1}, "a-key-of-32-bytes-or-more-for-the-tests"),
    }[how]
    response = stream(send, board, forged)
    assert_problem(response, 501, "GRIP")
    assert "Grip-Hold" not in response


def test_a_proxy_may_sign_with_another_key_than_it_is_published_to_with(
    send: Send, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {
        "key": "the key that it is published to with",
        "verify_key": "the key that it signs requests with",
    }
    proxy = {"control_uri": "https://edge.example", "verify_iss": "edge", **keys}
    monkeypatch.setattr(settings, "GRIP_PROXIES", [proxy])
    claim = {"iss": "edge", "exp": int(time.time()) + 60}
    signed = {name: jwt.encode(claim, key, algorithm="HS256") for name, key in keys.items()}
    assert stream(send, board, signed["verify_key"])["Grip-Hold"] == "stream"
    assert_problem(stream(send, board, signed["key"]), 501)


def test_a_signature_that_was_right_ends_when_it_expires(send: Send, board: str) -> None:
    claim = {"iss": "pushpin", "exp": int(time.time()) + 2}
    signature = jwt.encode(claim, str(settings.GRIP_PROXIES[0]["key"]), algorithm="HS256")
    assert stream(send, board, signature)["Grip-Hold"] == "stream"
    wait_until(lambda: stream(send, board, signature).status_code == 501, "the signature's end")


def test_the_stream_of_an_unknown_board_is_not_found(send: Send, grip_sig: str) -> None:
    response = stream(send, "/boards/nowhere/", grip_sig)
    assert_problem(response, 404)
    assert "Grip-Hold" not in response


@pytest.mark.usefixtures("no_store")
def test_a_passing_failure_has_the_client_come_again(grip_sig: str) -> None:
    headers = {"Accept": "text/event-stream", "Grip-Sig": grip_sig}
    response = Client().get("/boards/b/", headers=headers)
    assert response.status_code == 200
    assert "Grip-Hold" not in response
    assert re.fullmatch(RETRY, response.content.decode())


def test_retry_is_jittered(send: Send, board: str, grip_sig: str) -> None:
    bodies = [stream(send, board, grip_sig).content.decode() for _ in range(8)]
    assert len({body.split("\n")[0] for body in bodies}) > 1


def test_a_client_that_prefers_json_gets_json(send: Send, board: str, grip_sig: str) -> None:
    accept = "application/json, text/event-stream;q=0.5"
    response = send("GET", board, accept=accept, grip_sig=grip_sig)
    assert response["Content-Type"] == "application/json"
