"""Events of a board, which the listener forwards to viewers."""

from typing import Any

import pytest

from tests.e2e.test_websockets import message, watch
from tests.e2e.viewers import Api, Viewer, settle, token
from tests.support.programs import wait_until
from tests.support.stack import Stack


def player(board: str, id: str, name: str, score: int) -> dict[str, Any]:
    return {"player": {"id": id, "name": name, "score": score}, "board": board}


@pytest.fixture
def alice_leads(stack: Stack, api: Api, board: str) -> None:
    """Alice leads, and all viewers have been sent that."""
    with Viewer(stack.port, board) as viewer:
        viewer.wait_for(lambda event: True, "the snapshot")
        api("POST", f"{board}players/alice/score-add/", {"amount": 5})
        wait_until(lambda: viewer.heard("new leader"), "that she leads")
    settle(stack, board)


@pytest.mark.usefixtures("alice_leads")
def test_viewers_are_sent_new_leaders_leavers_and_ends_of_seasons(
    stack: Stack, api: Api, board: str, board_id: str
) -> None:
    with Viewer(stack.port, board) as viewer, watch(stack, board) as socket:
        viewer.wait_for(lambda event: True, "the snapshot")
        assert message(socket)["event"] == "update"
        api("POST", f"{board}players/bob/score-add/", {"amount": 6})
        wait_until(lambda: viewer.heard("new leader"), "the leader")
        api("DELETE", f"{board}players/alice/")
        wait_until(lambda: viewer.heard("left"), "who left")
        api("POST", f"{board}reset/")
        wait_until(lambda: viewer.heard("season ended"), "the end of the season")
        ended = {"event": "season ended", "data": {"season": 1, "board": board_id}}
        wait_until(lambda: message(socket) == ended, "the same over the WebSocket")
        assert viewer.heard("new leader") == [player(board_id, "bob", "Bob", 6)]
        assert viewer.heard("left") == [player(board_id, "alice", "Alice", 5)]
        assert viewer.heard("season ended") == [{"season": 1, "board": board_id}]


@pytest.mark.usefixtures("alice_leads")
def test_the_events_of_a_private_board_are_for_those_who_may_see_it(
    stack: Stack, api: Api, board: str, board_id: str
) -> None:
    with Viewer(stack.port, board) as viewer:
        viewer.wait_for(lambda event: True, "the snapshot")
        api("PATCH", board, {"private": True})
        with watch(stack, board, f"?token={token('read', board_id)}") as socket:
            assert message(socket)["event"] == "update"
            api("DELETE", f"{board}players/alice/")
            wait_until(lambda: message(socket)["event"] == "left", "the event, with a token")
        wait_until(viewer.closed.is_set, "the stream to end")
    assert viewer.heard("left") == []
