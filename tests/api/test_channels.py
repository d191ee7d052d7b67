"""Channels of notifications: which there are, and what the proxy is asked to hold."""

import re
from collections.abc import Iterator

import pytest
from django.test import override_settings
from gripcontrol import WebSocketEvent

from leaderboardapp.rabbitmq.notification_routes import parse
from tests.api.conftest import Send, SendEvents, assert_problem, decode_events

# No store changes what is shown here.
pytestmark = pytest.mark.stores("sqlite")

OPEN = WebSocketEvent("OPEN")


@pytest.fixture
def routes() -> Iterator[None]:
    texts = ("invoice.#=/events/invoices/", "paid.{who}=/events/for-{who}/", "a=/boards/board/")
    with override_settings(AMQP_ROUTES=[parse(text) for text in texts]):
        yield


@pytest.mark.usefixtures("routes", "no_store")
@pytest.mark.parametrize("accept", ["text/event-stream", "*/*", "application/json"])
@pytest.mark.parametrize("channel", ["invoices", "for-alice"])
def test_a_channel_is_a_stream_without_a_first_event(
    send: Send, grip_sig: str, channel: str, accept: str
) -> None:
    response = send("GET", f"/events/{channel}/", accept=accept, grip_sig=grip_sig)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/event-stream"
    assert response["Grip-Hold"] == "stream"
    assert response["Grip-Channel"] == f"events-{channel}"
    assert re.fullmatch(r"retry: \d{4}\n\n", response.content.decode())


@pytest.mark.usefixtures("routes")
def test_the_head_of_a_channel_is_not_held(send: Send, grip_sig: str) -> None:
    response = send("HEAD", "/events/invoices/", grip_sig=grip_sig)
    assert response.status_code == 200
    assert "Grip-Hold" not in response


@pytest.mark.usefixtures("routes")
@pytest.mark.parametrize("channel", ["board", "alice", "invoices2"])
def test_a_channel_to_which_no_route_leads_is_not_found(
    send: Send, send_events: SendEvents, grip_sig: str, channel: str
) -> None:
    assert_problem(send("GET", f"/events/{channel}/", grip_sig=grip_sig), 404)
    events = decode_events(send_events(f"/events/{channel}/ws/", OPEN))
    assert events[-1] == ("CLOSE", (4404).to_bytes(2))


def test_by_default_there_is_no_channel(send: Send, send_events: SendEvents, grip_sig: str) -> None:
    assert_problem(send("GET", "/events/invoices/", grip_sig=grip_sig), 404)
    assert decode_events(send_events("/events/invoices/ws/", OPEN))[-1][0] == "CLOSE"


@pytest.mark.usefixtures("routes")
def test_only_a_proxy_can_hold_a_channel(send: Send, send_events: SendEvents) -> None:
    assert_problem(send("GET", "/events/invoices/"), 501, "GRIP")
    assert_problem(send_events("/events/invoices/ws/", OPEN, signature="forged"), 501)
    assert_problem(send("GET", "/events/invoices/ws/"), 426, "ws://")


@pytest.mark.usefixtures("routes")
def test_a_channel_is_not_written_to(send: Send, grip_sig: str) -> None:
    response = send("POST", "/events/invoices/", {}, grip_sig=grip_sig)
    assert_problem(response, 405)
    assert response["Allow"] == "GET, HEAD"


@pytest.mark.usefixtures("routes")
def test_a_websocket_is_subscribed_to_its_channel(send_events: SendEvents) -> None:
    events = decode_events(send_events("/events/invoices/ws/", OPEN))
    assert [kind for kind, _ in events] == ["OPEN", "TEXT", "TEXT"]
    assert b'"subscribe"' in events[1][1] and b'"events-invoices"' in events[1][1]
    assert b'"keep-alive"' in events[2][1]
    ping = WebSocketEvent("TEXT", b'{"event": "ping"}')
    assert decode_events(send_events("/events/invoices/ws/", ping)) == [
        ("TEXT", b'm:{"event":"pong"}')
    ]
