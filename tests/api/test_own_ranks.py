"""A player's own rank as a stream and a WebSocket: what the proxy is asked to hold."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings
from gripcontrol import WebSocketEvent

from leaderboardapp.realtime.hold_channels import parse_hold
from leaderboardapp.web.auth import create_token
from tests.api.conftest import Response, Send, SendEvents, assert_problem, decode_events

OPEN = WebSocketEvent("OPEN")
STREAM = "text/event-stream"


def publish_over(scheme: str) -> list[dict[str, object]]:
    """Return proxies that are published to at an address of this scheme."""
    uri = {"control_uri": f"{scheme}://localhost:5561"}
    return [{**proxy, **uri} for proxy in settings.GRIP_PROXIES]


@pytest.fixture
def live() -> Iterator[None]:
    """Publish over ZeroMQ, where proxies tell whom they hold."""
    with override_settings(GRIP_PROXIES=publish_over("tcp")):
        yield


def stream(send: Send, path: str, grip_sig: str, **headers: str) -> Response:
    return send("GET", path, accept=STREAM, grip_sig=grip_sig, **headers)


def read_update(response: Response) -> tuple[str, Any]:
    """Return the id and the data of the stream's first event."""
    match = re.search(r"event: update\nid: (.*)\ndata: (.*)\n\n", response.content.decode())
    assert match, response.content
    return match[1], json.loads(match[2])


def test_a_stream_begins_with_the_own_rank_and_is_held_for_the_player(
    send: Send, live: None, board: str, board_id: str, alice: str, grip_sig: str
) -> None:
    send("POST", f"{board}players/", {"id": "bob", "name": "Bob"})
    send("POST", f"{board}players/bob/score-add/", {"amount": 3})
    response = stream(send, alice, grip_sig)
    assert response.status_code == 200
    assert (response["Content-Type"], response["Grip-Hold"]) == (STREAM, "stream")
    id, data = read_update(response)
    assert data == {
        "id": "alice",
        "name": "Alice",
        "score": 0,
        "rank": 2,
        "of": 2,
        "around": [
            {"id": "bob", "name": "Bob", "score": 3, "rank": 1},
            {"id": "alice", "name": "Alice", "score": 0, "rank": 2},
        ],
    }
    own, alone = response["Grip-Channel"].split(", ")
    assert own == f"player-{board_id}.alice"
    assert parse_hold(alone) == (alone, board_id, False, id, "alice")
    known = stream(send, alice, grip_sig, last_event_id=id)
    assert known["Grip-Hold"] == "stream"
    assert b"event: update" not in known.content


def test_a_hidden_player_has_no_rank_and_nobody_around(
    send: Send, live: None, board: str, alice: str, grip_sig: str
) -> None:
    send("POST", f"{board}players/", {"id": "bob", "name": "Bob"})
    send("PATCH", alice, {"hidden": True})
    _, data = read_update(stream(send, alice, grip_sig))
    assert (data["rank"], data["of"], data["around"]) == (None, 1, [])


def test_who_is_missing_is_not_found_before_anything_is_held(
    send: Send, send_events: SendEvents, live: None, board: str, grip_sig: str
) -> None:
    for path in (f"{board}players/nobody/", "/boards/none/players/alice/"):
        assert_problem(stream(send, path, grip_sig), 404, "no")
        assert (4404).to_bytes(2) in dict(decode_events(send_events(f"{path}ws/", OPEN))).values()


def test_a_stream_of_a_window_is_of_its_scores(
    send: Send, live: None, board: str, board_id: str, alice: str, grip_sig: str
) -> None:
    send("POST", f"{alice}score-add/", {"amount": 5})
    send("PATCH", board, {"windows": ["week"]})
    assert_problem(stream(send, f"{alice}?window=week", grip_sig), 404, "player")
    send("POST", f"{alice}score-add/", {"amount": 2})
    response = stream(send, f"{alice}?window=week", grip_sig)
    assert read_update(response)[1]["score"] == 2
    assert response["Grip-Channel"].startswith(f"player-{board_id}~week.alice, ")
    assert_problem(stream(send, f"{alice}?window=day", grip_sig), 404, "window")


@pytest.mark.stores("sqlite")
def test_a_websocket_is_sent_the_same(
    send: Send, send_events: SendEvents, live: None, alice: str, grip_sig: str
) -> None:
    events = decode_events(send_events(f"{alice}ws/", OPEN))
    assert [kind for kind, _ in events] == ["OPEN", "TEXT", "TEXT", "TEXT", "TEXT"]
    id, data = read_update(stream(send, alice, grip_sig))
    sent = json.loads(events[-1][1].removeprefix(b"m:"))
    assert sent == {"event": "update", "id": id, "data": data}
    ping = WebSocketEvent("TEXT", b'{"event":"ping"}')
    answer = ("TEXT", b'm:{"event":"pong"}')
    assert decode_events(send_events(f"{alice}ws/", ping)) == [answer]
    refused = decode_events(send_events(f"{alice}ws/?x=1", OPEN))
    assert refused[-1] == ("CLOSE", (4422).to_bytes(2))


@pytest.mark.stores("sqlite")
def test_a_private_board_asks_for_a_token_whoever_is_missing(
    send: Send, live: None, board: str, board_id: str, alice: str, grip_sig: str
) -> None:
    send("PATCH", board, {"private": True})
    for path in (alice, f"{board}players/nobody/"):
        assert_problem(stream(send, path, grip_sig), 401, "token")
    token = create_token(["read"], [board_id], 60)
    response = stream(send, alice, grip_sig, authorization=f"Bearer {token}")
    own, alone, end = response["Grip-Channel"].split(", ")
    assert own == f"player-{board_id}.alice.private"
    hold = parse_hold(alone)
    assert hold and (hold.board, hold.private, hold.player) == (board_id, True, "alice")
    assert end.startswith("expires-")
    assert "private" in response["Cache-Control"]


@pytest.mark.stores("sqlite")
def test_over_http_ranks_are_not_live_but_polled(
    client: Client, send: Send, send_events: SendEvents, alice: str, grip_sig: str
) -> None:
    with override_settings(GRIP_PROXIES=[*publish_over("tcp"), *publish_over("http")]):
        problem = assert_problem(stream(send, alice, grip_sig), 501, "ETag")
        closed = decode_events(send_events(f"{alice}ws/", OPEN))
    assert problem["type"].endswith("#no-live-ranks")
    assert closed[-1] == ("CLOSE", (4501).to_bytes(2))
    answer = client.get(alice)
    assert "Accept" in answer["Vary"]
    again = client.get(alice, headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304


@pytest.mark.stores("sqlite")
def test_a_stream_is_for_those_alone_who_prefer_one(
    client: Client, send: Send, live: None, alice: str
) -> None:
    for accept in ("application/json, text/event-stream", "text/html, */*", "*/*"):
        answer = client.get(alice, headers={"Accept": accept})
        assert answer["Content-Type"] == "application/json", accept
    assert_problem(send("GET", alice, accept=STREAM), 501, "proxy")
