"""What a proxy tells of a WebSocket, and what it is answered (WebSocket-over-HTTP)."""

from gripcontrol import WebSocketEvent

from tests.api.conftest import Send, Tell, answered, assert_problem

OPEN = WebSocketEvent("OPEN")


def test_it_is_opened_subscribed_and_shown_the_board(tell: Tell, send: Send, board: str) -> None:
    events = answered(tell(f"{board}ws/", OPEN))
    assert [kind for kind, _ in events] == ["OPEN", "TEXT", "TEXT", "TEXT"]
    subscribe, keep_alive, update = (content for _, content in events[1:])
    assert subscribe.startswith(b"c:") and b'"subscribe"' in subscribe
    assert b'"ping"' in keep_alive
    assert update.startswith(b'm:{"event":"update"')
    assert send("GET", board)["ETag"].strip('"').encode() in update


def test_a_ping_is_answered_wherever_it_stands(tell: Tell, board: str) -> None:
    events = [
        WebSocketEvent("PING", b"1"),
        WebSocketEvent("TEXT", b"x"),
        WebSocketEvent("PING", b"2"),
    ]
    assert answered(tell(f"{board}ws/", *events)) == [("PONG", b"1"), ("PONG", b"2")]


def test_a_client_that_has_gone_is_no_failure(tell: Tell, board: str) -> None:
    assert answered(tell(f"{board}ws/", WebSocketEvent("DISCONNECT"))) == []


def test_what_claims_to_be_text_and_is_not_closes_it(tell: Tell, board: str) -> None:
    events = answered(tell(f"{board}ws/", WebSocketEvent("TEXT", b"\xff")))
    assert events == [("CLOSE", (1007).to_bytes(2))]


def test_unsigned_requests_are_refused(tell: Tell, board: str) -> None:
    assert_problem(tell(f"{board}ws/", OPEN, signature="forged"), 501, "proxy")


def test_it_is_no_way_to_write(tell: Tell, alice: str) -> None:
    response = tell(f"{alice}score-add/", OPEN)
    assert_problem(response, 405)
    assert response["Allow"] == "POST"


def test_without_the_store_the_opening_is_refused(tell: Tell, no_store: None) -> None:
    response = tell("/boards/b/ws/", OPEN)
    assert_problem(response, 503)
    assert "Retry-After" in response
