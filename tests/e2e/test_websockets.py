"""WebSockets, held by the real Pushpin."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.asyncio import client as asynchronous
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.viewers import Api, Viewer, open_files, token
from tests.support.programs import WAIT_SECONDS, wait_until
from tests.support.stack import Stack


@contextmanager
def watch(stack: Stack, path: str, query: str = "") -> Iterator[ClientConnection]:
    url = f"ws://localhost:{stack.ws_port}{path}ws/{query}"
    with connect(url, proxy=None, open_timeout=WAIT_SECONDS, max_queue=None) as socket:
        yield socket


def message(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(timeout=WAIT_SECONDS))


def closing_code(socket: ClientConnection) -> int | None:
    """Return the code with which it is closed, after any other messages."""
    with pytest.raises(ConnectionClosed):
        while True:
            socket.recv(timeout=WAIT_SECONDS)
    return socket.close_code


def test_it_begins_with_the_snapshot_and_shows_every_change(
    stack: Stack, api: Api, board: str
) -> None:
    with watch(stack, board) as socket:
        polled = api("GET", board)
        assert message(socket) == {
            "event": "update",
            "id": polled.headers["ETag"].strip('"'),
            "data": polled.json,
        }
        api("POST", f"{board}players/bob/score-add/", {"amount": 3})
        polled = api("GET", board)
        wait_until(lambda: message(socket)["data"] == polled.json, "the change")


def test_all_viewers_are_sent_who_joins(stack: Stack, api: Api, board: str, board_id: str) -> None:
    with watch(stack, board) as socket, Viewer(stack.port, board) as viewer:
        assert message(socket)["event"] == "update"
        api("POST", f"{board}players/", {"id": "carol", "name": "Carol"})
        payload = {"player": {"id": "carol", "name": "Carol", "score": 0}, "board": board_id}
        wait_until(lambda: message(socket) == {"event": "joined", "data": payload}, "the event")
        wait_until(lambda: payload in viewer.heard("joined"), "the event")
    assert viewer.heard("joined").count(payload) == 1  # beside alice and bob, who may be late


def test_pings_are_answered_and_unknown_messages_are_ignored(stack: Stack, board: str) -> None:
    with watch(stack, board) as socket:
        assert message(socket)["event"] == "update"
        assert socket.ping().wait(10), "the protocol's own"
        for unknown in ("", "hello", "[", "[[[[", '{"event": "launch"}', b"\x00\xff", "{}"):
            socket.send(unknown)
        socket.send('{"event": "ping"}')
        wait_until(lambda: message(socket) == {"event": "pong"}, "the pong")


def test_a_client_that_closes_it_is_answered(stack: Stack, board: str) -> None:
    with watch(stack, board) as socket:
        assert message(socket)["event"] == "update"
        socket.close(4000, "enough")
        assert socket.close_code == 1000, "not 1006, which is that of a lost connection"


@pytest.mark.stores("sqlite")  # none has a part in it
def test_a_thousand_at_once_are_all_accepted(stack: Stack, board: str) -> None:
    async def open_all() -> list[int]:
        async def open_one() -> int:
            url = f"ws://localhost:{stack.ws_port}{board}ws/"
            try:
                async with asynchronous.connect(url, proxy=None, open_timeout=90) as opened:
                    return 101 if json.loads(await opened.recv())["event"] == "update" else 0
            except InvalidStatus as error:
                return error.response.status_code

        return await asyncio.gather(*(open_one() for _ in range(1000)))

    with open_files(2000):
        assert set(asyncio.run(open_all())) == {101}


def test_no_board_no_websocket(stack: Stack) -> None:
    with watch(stack, "/boards/no-such-board/") as socket:
        assert closing_code(socket) == 4404


def test_a_deleted_board_closes_it(stack: Stack, api: Api, board: str) -> None:
    with watch(stack, board) as socket:
        assert message(socket)["event"] == "update"
        api("DELETE", board)
        assert closing_code(socket) == 4404


def test_a_private_board_needs_a_token(stack: Stack, api: Api, board: str, board_id: str) -> None:
    with watch(stack, board) as before:
        assert message(before)["event"] == "update"
        api("PATCH", board, {"private": True})
        assert closing_code(before) == 4401, "it became private"
    with watch(stack, board) as no_token:
        assert closing_code(no_token) == 4401
    with watch(stack, board, f"?token={token('read', 'another')}") as other_token:
        assert closing_code(other_token) == 4403
    with watch(stack, board, f"?token={token('read', board_id)}") as socket:
        assert message(socket)["event"] == "update"
        api("POST", f"{board}players/", {"id": "carol", "name": "Carol"})
        wait_until(lambda: message(socket)["event"] == "joined", "the event")


def test_neither_the_web_process_nor_the_pushpin_for_streams_holds_a_websocket(
    stack: Stack, board: str
) -> None:
    for port in (stack.web_port, stack.port):
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://localhost:{port}{board}ws/", proxy=None)
        assert refused.value.response.status_code == 501


def test_a_plain_request_is_told_to_upgrade(api: Api, board: str) -> None:
    answer = api("GET", f"{board}ws/")
    assert answer.status == 426
    assert answer.headers["Upgrade"] == "websocket"
