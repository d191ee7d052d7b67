"""A player's own rank, live, through the real Pushpin."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.test_websockets import closing_code, message, watch
from tests.e2e.viewers import Api, Viewer, token
from tests.support.programs import wait_until
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def stack(
    stack: Stack, new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The other tests' stack; a new one if that is published to over HTTP."""
    if stack.env["GRIP_URL"].startswith("tcp:"):
        yield stack
        return
    folder = tmp_path_factory.mktemp("stack")
    with Stack(new_database("postgresql"), folder, websockets=True) as own:
        yield own


def newest(viewer: Viewer) -> Any:
    return viewer.events[-1].data if viewer.events else {}


def standing(viewer: Viewer) -> tuple[int, int | None, int]:
    data = newest(viewer)
    return data.get("score"), data.get("rank"), data.get("of")


def test_the_own_rank_moves_with_every_write_of_the_board(
    stack: Stack, api: Api, board: str
) -> None:
    bob = f"{board}players/bob/"
    with Viewer(stack.port, bob) as viewer, watch(stack, bob) as socket:
        wait_until(lambda: standing(viewer) == (0, 2, 2), "the first rank")
        first = viewer.events[0]
        assert message(socket) == {"event": "update", "id": first.id, "data": first.data}
        api("POST", f"{board}players/bob/score-add/", {"amount": 3})
        wait_until(lambda: standing(viewer) == (3, 1, 2), "the own score")
        wait_until(lambda: message(socket)["data"] == newest(viewer), "the same on the WebSocket")
        api("POST", f"{board}players/alice/score-add/", {"amount": 7})
        wait_until(lambda: standing(viewer) == (3, 2, 2), "that somebody has passed")
        assert newest(viewer)["around"] == [
            {"id": "alice", "name": "Alice", "score": 7, "rank": 1},
            {"id": "bob", "name": "Bob", "score": 3, "rank": 2},
        ]
        api("POST", f"{board}players/", {"id": "carol", "name": "Carol"})
        wait_until(lambda: standing(viewer) == (3, 2, 3), "that somebody has joined")
        last = viewer.events[-1].id
    with Viewer(stack.port, bob, last_event_id=last) as viewer:
        api("POST", f"{board}players/bob/score-add/")
        assert viewer.wait_for(lambda event: True, "the change").data["score"] == 4


def test_updates_of_a_player_are_a_second_apart_and_end_with_the_last(
    stack: Stack, api: Api, board: str
) -> None:
    with Viewer(stack.port, f"{board}players/bob/") as viewer:
        wait_until(lambda: viewer.events, "the first rank")
        began = time.monotonic()
        for _ in range(30):
            api("POST", f"{board}players/bob/score-add/")
            time.sleep(0.05)
        wait_until(lambda: standing(viewer) == (30, 1, 2), "the last score")
        took = time.monotonic() - began
        assert len({event.id for event in viewer.events}) <= took + 3


def test_who_hides_loses_the_rank_and_who_is_deleted_the_stream(
    stack: Stack, api: Api, board: str
) -> None:
    bob = f"{board}players/bob/"
    with Viewer(stack.port, bob) as viewer, watch(stack, bob) as socket:
        wait_until(lambda: standing(viewer) == (0, 2, 2), "the first rank")
        api("PATCH", bob, {"hidden": True})
        wait_until(lambda: standing(viewer) == (0, None, 1), "that there is no rank")
        assert newest(viewer)["around"] == []
        api("PATCH", bob, {"hidden": False})
        wait_until(lambda: standing(viewer) == (0, 2, 2), "the rank again")
        api("DELETE", bob)
        wait_until(viewer.closed.is_set, "the end of the stream")
        assert closing_code(socket) == 4404
    with Viewer(stack.port, bob) as late:
        assert late.response.status == 404
    with Viewer(stack.port, f"{board}players/alice/") as viewer:
        wait_until(lambda: viewer.events, "the first rank")
        api("DELETE", board)
        wait_until(viewer.closed.is_set, "the end of the stream of a deleted board")


def test_on_a_private_board_it_is_for_those_with_a_token(
    stack: Stack, api: Api, board: str, board_id: str
) -> None:
    bob = f"{board}players/bob/"
    with Viewer(stack.port, bob) as viewer:
        wait_until(lambda: viewer.events, "the first rank")
        api("PATCH", board, {"private": True})
        wait_until(viewer.closed.is_set, "the end of the public stream")
    with Viewer(stack.port, bob) as late:
        assert late.response.status == 401
    query = f"?token={token('read', board_id)}"
    with Viewer(stack.port, f"{bob}{query}") as viewer, watch(stack, bob, query) as socket:
        wait_until(lambda: viewer.events, "the first rank")
        api("POST", f"{board}players/bob/score-add/", {"amount": 3})
        wait_until(lambda: standing(viewer) == (3, 1, 2), "the change")
        wait_until(lambda: message(socket)["data"]["score"] == 3, "the change")
        api("PATCH", board, {"private": False})
        wait_until(viewer.closed.is_set, "the end of the private stream")
        assert closing_code(socket) == 1013


def test_in_a_window_it_is_the_rank_there(stack: Stack, api: Api, board: str) -> None:
    api("POST", f"{board}players/alice/score-add/", {"amount": 5})
    api("PATCH", board, {"windows": ["week"]})
    api("POST", f"{board}players/bob/score-add/", {"amount": 2})
    path = f"{board}players/bob/?window=week"
    with Viewer(stack.port, path) as week, Viewer(stack.port, f"{board}players/bob/") as own:
        wait_until(lambda: standing(week) == (2, 1, 1), "the rank in the window")
        wait_until(lambda: standing(own) == (2, 2, 2), "that of the board")
        api("POST", f"{board}players/alice/score-add/", {"amount": 3})
        wait_until(lambda: standing(week) == (2, 2, 2), "that somebody has passed there")


def test_another_listener_shows_what_has_changed_meanwhile(
    stack: Stack, api: Api, board: str
) -> None:
    with Viewer(stack.port, f"{board}players/bob/") as viewer:
        wait_until(lambda: viewer.events, "the first rank")
        stack.listener.stop()
        try:
            api("POST", f"{board}players/bob/score-add/", {"amount": 3})
        finally:
            stack.repair()
        wait_until(lambda: standing(viewer) == (3, 1, 2), "the change")
        assert not viewer.closed.is_set()
