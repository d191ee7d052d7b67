"""Tickets, and the end of what a token has opened, with the real Pushpin."""

import itertools
import json
import threading
import time
from contextlib import suppress
from typing import Any

import jwt
import pytest
from django.conf import settings
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from leaderboard_client import Leaderboard, LeaderboardError
from leaderboardapp.realtime.expiry import JITTER_SECONDS, STEP_SECONDS
from leaderboardapp.web.tickets import CLOCK_DIFFERENCE_SECONDS
from tests.e2e.test_websockets import closing_code, message, watch
from tests.e2e.viewers import Answer, Api, Viewer
from tests.support.programs import START_SECONDS, wait_until
from tests.support.stack import Stack

# From a token's end to that of what it opened, at most. The listener looks twice a step, perhaps.
END_SECONDS = CLOCK_DIFFERENCE_SECONDS + JITTER_SECONDS + 3 * STEP_SECONDS
PAUSE_SECONDS = 0.05  # between two changes


def sign(seconds: int, **claims: Any) -> str:
    """Return a token that reads every board, for so many seconds."""
    key = next(key for algorithm, key in settings.TOKEN_KEYS if algorithm == "HS256")
    claims = {"scope": "read", "exp": int(time.time()) + seconds, **claims}
    return jwt.encode(claims, key, algorithm="HS256")


def make_ticket(api: Api, board: str, seconds: int = 60) -> str:
    headers = {"Authorization": f"Bearer {sign(seconds)}"}
    answer = api("POST", f"{board}ticket/", headers=headers)
    assert answer.status == 200, answer
    assert answer.headers["Cache-Control"] == "private, no-store"
    return str(answer.json["ticket"])


@pytest.fixture
def private(api: Api, board: str) -> str:
    assert api("PATCH", board, {"private": True}).status == 200
    return board


def kind_of(answer: Answer) -> tuple[int, str]:
    return answer.status, str(answer.json["type"]).partition("#")[2]


def test_a_ticket_opens_one_stream(api: Api, stack: Stack, private: str) -> None:
    ticket = make_ticket(api, private)
    path = f"{private}?ticket={ticket}"
    with Viewer(stack.port, path) as viewer:
        wait_until(lambda: viewer.events, "the snapshot")
        answer = api("GET", path, headers={"Accept": "text/event-stream"})
        assert kind_of(answer) == (401, "invalid-ticket")
        api("POST", f"{private}players/bob/score-add/", {"amount": 3})
        viewer.wait_for(lambda event: event.data["players"][0]["score"] == 3, "the change")
        assert not viewer.closed.is_set()


def test_a_ticket_opens_one_websocket_and_is_not_looked_at_again(
    api: Api, stack: Stack, private: str
) -> None:
    query = f"?ticket={make_ticket(api, private)}"
    with watch(stack, private, query) as socket:
        assert message(socket)["event"] == "update"
        for _ in range(3):
            socket.send('{"event": "ping"}')
            wait_until(lambda: message(socket) == {"event": "pong"}, "the pong")
        with watch(stack, private, query) as another:
            assert closing_code(another) == 4401
        api("POST", f"{private}players/bob/score-add/", {"amount": 3})
        wait_until(lambda: message(socket)["event"] == "update", "the change")


@pytest.mark.stores("sqlite")  # none has a part in it
def test_a_poll_with_a_ticket_is_answered_at_once(api: Api, private: str) -> None:
    # Pushpin asks again for the first request that it holds for a board.
    etag = api("GET", private, headers={"Authorization": f"Bearer {sign(60)}"}).headers["ETag"]
    path = f"{private}?ticket={make_ticket(api, private)}"
    answer = api("GET", path, headers={"If-None-Match": etag, "Prefer": "wait=5"})
    assert answer.status == 304
    assert "Preference-Applied" not in answer.headers


@pytest.mark.stores("sqlite")
def test_what_a_token_opened_ends_after_the_token_and_says_why(
    api: Api, stack: Stack, private: str
) -> None:
    expiring, lasting = sign(2), sign(600)
    began = time.monotonic()
    with (
        Viewer(stack.port, f"{private}?token={expiring}") as viewer,
        Viewer(stack.port, f"{private}?token={lasting}") as other,
        watch(stack, private, f"?token={expiring}") as socket,
        watch(stack, private, f"?token={lasting}") as other_socket,
    ):
        wait_until(viewer.closed.is_set, "the stream's end", END_SECONDS + 2)
        assert time.monotonic() - began > 2 + CLOCK_DIFFERENCE_SECONDS - 1
        assert viewer.others[-1] == ("token expired", {})
        wait_until(lambda: not is_open(socket), "the WebSocket's end", END_SECONDS)
        assert (socket.close_code, socket.close_reason) == (4401, "the token has expired")
        assert not other.closed.is_set() and not other.heard("token expired")
        assert is_open(other_socket)


@pytest.mark.stores("sqlite")
def test_a_client_with_fresh_tokens_misses_nothing(
    api: Api, stack: Stack, private: str, board_id: str
) -> None:
    tokens, shown = 0, [0]

    def create() -> str:
        nonlocal tokens
        tokens += 1
        return sign(-6)  # accepted for some more seconds

    def watch_board() -> None:
        url = f"http://localhost:{stack.port}"
        with suppress(LeaderboardError), Leaderboard(url, create) as leaderboard:
            for snapshot in leaderboard.board(board_id).watch():
                shown.append(snapshot["players"][0]["score"])

    def add() -> int:
        thread.join(PAUSE_SECONDS)
        return int(api("POST", f"{private}players/bob/score-add/").json["score"])

    thread = threading.Thread(target=watch_board, daemon=True)
    thread.start()
    try:
        wait_until(lambda: add() and tokens > 2, "the end of two tokens", 3 * END_SECONDS)
        written = add()
        wait_until(lambda: shown[-1] == written, "the last score")
        # Just after a stream was opened, a snapshot that was on its way may follow a newer one.
        steps_back = sum(after < before for before, after in itertools.pairwise(shown))
        assert steps_back <= tokens, "one for each stream at most"
    finally:
        api("DELETE", private)
        thread.join(10)
    assert not thread.is_alive(), "the watch ends with the board"


@pytest.mark.stores("sqlite")
def test_what_expired_while_no_listener_ran_ends_when_one_runs(
    api: Api, stack: Stack, private: str
) -> None:
    stack.listener.stop()
    over = 4  # for so many seconds, and still accepted
    try:
        with (
            Viewer(stack.port, f"{private}?token={sign(-over)}") as viewer,
            watch(stack, private, f"?token={sign(-over)}") as socket,
        ):
            assert not viewer.closed.wait(END_SECONDS - over)
            assert is_open(socket)
            stack.listener.restart()
            wait_until(stack.listens, "the listener", START_SECONDS)
            wait_until(viewer.closed.is_set, "the stream's end", 2 * STEP_SECONDS)
            assert viewer.heard("token expired") == [{}]
            assert closing_code(socket) == 4401
    finally:
        stack.repair()


def is_open(socket: ClientConnection) -> bool:
    try:
        while True:
            json.loads(socket.recv(timeout=0.2))
    except TimeoutError:
        return True
    except ConnectionClosed:
        return False
