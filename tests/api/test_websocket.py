"""Events of a WebSocket that the proxy sends, and their answers (WebSocket-over-HTTP)."""

import json

import pytest
from django.test import Client
from gripcontrol import WebSocketEvent

from tests.api.conftest import Send, SendEvents, assert_problem, decode_events

OPEN = WebSocketEvent("OPEN")


def test_a_websocket_is_opened_subscribed_and_sent_the_board(
    send_events: SendEvents, send: Send, board: str
) -> None:
    events = decode_events(send_events(f"{board}ws/", OPEN))
    assert [kind for kind, _ in events] == ["OPEN", "TEXT", "TEXT", "TEXT"]
    subscribe, keep_alive, update = (content for _, content in events[1:])
    assert subscribe.startswith(b"c:") and b'"subscribe"' in subscribe
    assert json.loads(keep_alive.removeprefix(b"c:")) == {
        "type": "keep-alive",
        "message-type": "text",
        "content": '{"event":"keep-alive","data":{}}',
        "mode": "interval",
        "timeout": 20,
    }
    assert update.startswith(b'm:{"event":"update"')
    assert send("GET", board)["ETag"].strip('"').encode() in update


def test_a_ping_is_answered_wherever_it_stands(send_events: SendEvents, board: str) -> None:
    events = [
        WebSocketEvent("PING", b"1"),
        WebSocketEvent("TEXT", b"x"),
        WebSocketEvent("PING", b"2"),
    ]
    assert decode_events(send_events(f"{board}ws/", *events)) == [("PONG", b"1"), ("PONG", b"2")]


def test_a_client_that_disconnects_is_no_failure(send_events: SendEvents, board: str) -> None:
    assert decode_events(send_events(f"{board}ws/", WebSocketEvent("DISCONNECT"))) == []


def test_a_text_that_is_not_utf8_closes_the_websocket(send_events: SendEvents, board: str) -> None:
    events = decode_events(send_events(f"{board}ws/", WebSocketEvent("TEXT", b"\xff")))
    assert events == [("CLOSE", (1007).to_bytes(2))]


@pytest.mark.parametrize("signature", ["", "forged"])
def test_only_a_proxy_is_believed_to_send_a_websockets_events(
    client: Client, send_events: SendEvents, board: str, alice: str, signature: str
) -> None:
    for path in (f"{board}ws/", board, f"{board}players/", f"{alice}score-add/", "/boards/"):
        assert_problem(send_events(path, OPEN, signature=signature), 501, "proxy")
    assert client.get(alice).json()["score"] == 0


def test_nothing_but_a_websocket_is_done_with_its_events(
    client: Client, send_events: SendEvents, board: str, alice: str
) -> None:
    for path in (board, f"{board}players/", alice, f"{alice}score-add/", "/boards/", "/healthz"):
        answer = send_events(path, OPEN)
        assert_problem(answer, 405)
        assert answer["Allow"] == client.options(path)["Allow"]
    assert client.get(alice).json()["score"] == 0
    assert_problem(send_events("/nothing/", OPEN), 404)


def test_without_the_store_the_opening_is_refused(send_events: SendEvents, no_store: None) -> None:
    response = send_events("/boards/b/ws/", OPEN)
    assert_problem(response, 503)
    assert "Retry-After" in response
