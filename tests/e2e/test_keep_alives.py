"""What the real Pushpin sends by itself, on each kind of connection that it holds."""

import json
import uuid
from contextlib import suppress
from typing import Any

import pytest

from leaderboardapp.realtime.formats import KEEP_ALIVE, KEEP_ALIVE_SECONDS
from tests.e2e.test_websockets import message, watch
from tests.e2e.viewers import Api, Viewer
from tests.support.programs import wait_until
from tests.support.stack import Stack

# The store has no part in it.
pytestmark = pytest.mark.stores("sqlite")


def test_scripts_see_keep_alives_on_a_busy_board_and_a_quiet_channel(
    stack: Stack, api: Api, board: str
) -> None:
    messages: list[Any] = []
    channel = f"/events/customer-{uuid.uuid4().hex}/"  # of nobody else
    with (
        Viewer(stack.port, board) as viewer,
        Viewer(stack.port, channel) as quiet,
        watch(stack, board) as socket,
        watch(stack, channel) as quiet_socket,
    ):

        def have_come() -> bool:
            assert api("POST", f"{board}players/bob/score-add/").status == 200
            with suppress(TimeoutError):
                while True:
                    messages.append(json.loads(socket.recv(timeout=1)))
            return {} in viewer.heard(KEEP_ALIVE) and {"event": KEEP_ALIVE, "data": {}} in messages

        wait_until(have_come, "keep-alives between the updates", 2 * KEEP_ALIVE_SECONDS)
        assert len(viewer.events) > 5
        wait_until(lambda: {} in quiet.heard(KEEP_ALIVE), "the channel's")
        assert message(quiet_socket) == {"event": KEEP_ALIVE, "data": {}}


def test_streams_say_that_nothing_may_hold_them_back(stack: Stack, api: Api, board: str) -> None:
    for path in (board, "/events/invoices/"):
        with Viewer(stack.port, path) as viewer:
            assert viewer.response.headers["X-Accel-Buffering"] == "no"
            assert viewer.response.headers["Cache-Control"] == "no-cache, no-transform"
            assert "Grip-Keep-Alive" not in viewer.response.headers
