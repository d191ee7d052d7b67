"""One stream of several boards, through the real Pushpin."""

import uuid
from collections.abc import Iterable
from typing import Any

import pytest

from leaderboardapp.domain.fields import MAX_BOARDS
from tests.e2e.test_tickets import END_SECONDS, sign
from tests.e2e.viewers import Api, Event, Viewer, settle, token
from tests.support.programs import wait_until
from tests.support.stack import Stack


@pytest.fixture
def ids(api: Api) -> list[str]:
    return create(api, (f"board-{uuid.uuid4().hex[:12]}" for _ in range(3)))


def create(api: Api, ids: Iterable[str], **settings: Any) -> list[str]:
    created = [*ids]
    for id in created:
        assert api("POST", "/boards/", {"id": id, "name": "A board", **settings}).status == 201
    return created


def path_of(ids: Iterable[str], query: str = "") -> str:
    return f"/boards/?ids={','.join(ids)}{query}"


def of(viewer: Viewer, id: str) -> list[Event]:
    """Return the updates of one board."""
    return [event for event in [*viewer.events] if event.data["id"] == id]


def scores(viewer: Viewer, id: str) -> list[int]:
    """Return the scores in the newest update of one board."""
    return [row["score"] for event in of(viewer, id)[-1:] for row in event.data["players"]]


def add(api: Api, id: str, amount: int = 1) -> None:
    path = f"/boards/{id}/players/bob/score-add/"
    assert api("POST", path, {"amount": amount, "name": "Bob"}).status in (200, 201)


def test_a_stream_shows_each_board_at_once_and_every_change(
    stack: Stack, api: Api, ids: list[str]
) -> None:
    with Viewer(stack.port, path_of(ids)) as viewer:
        wait_until(lambda: len(viewer.events) >= 3, "the snapshots")
        assert [event.data["id"] for event in viewer.events[:3]] == ids
        # From here on it is sent what all are: of what happens before that it may not hear.
        for id in ids:
            api("PATCH", f"/boards/{id}/", {"name": f"Renamed {id}"})
            renamed = f"Renamed {id}"
            wait_until(lambda: of(viewer, id)[-1].data["name"] == renamed, "the name")  # noqa: B023
        for number, id in enumerate(ids, 1):
            add(api, id, number)
            wait_until(lambda: scores(viewer, id) == [number], "the score")  # noqa: B023
            tag = api("GET", f"/boards/{id}/").headers["ETag"]
            assert f'"{of(viewer, id)[-1].id}"' == tag
        assert [scores(viewer, id) for id in ids] == [[1], [2], [3]]
        api("POST", f"/boards/{ids[1]}/reset/")
        wait_until(lambda: viewer.heard("season ended"), "the end of the season")
        assert viewer.heard("season ended") == [{"season": 1, "board": ids[1]}]
        joined = [data["board"] for data in viewer.heard("joined")]
        assert sorted(joined) == sorted(ids)


def test_a_deleted_board_is_told_and_the_others_go_on(
    stack: Stack, api: Api, ids: list[str]
) -> None:
    with Viewer(stack.port, path_of(ids)) as viewer, Viewer(stack.port, path_of(ids[:1])) as one:
        wait_until(lambda: len(viewer.events) >= 3 and one.events, "the snapshots")
        for id in ids:
            add(api, id)
        # From here on they are sent what all are, and nothing more as those who have just joined.
        wait_until(lambda: all(scores(viewer, id) == [1] for id in ids), "the scores")
        wait_until(lambda: scores(one, ids[0]) == [1], "the score")
        for number in (1, 0):
            api("DELETE", f"/boards/{ids[number]}/")
            told = {"id": ids[number]}
            wait_until(lambda: told in viewer.heard("deleted"), "the deletion")  # noqa: B023
            add(api, ids[2])
            wait_until(lambda: scores(viewer, ids[2]) == [3 - number], "the others")  # noqa: B023
        create(api, ids[:1], size=7)
        add(api, ids[0], 5)
        for each in (viewer, one):
            wait_until(lambda: scores(each, ids[0]) == [5], "the board of that id")  # noqa: B023
            assert not each.closed.is_set()
        deleted = [data["id"] for data in viewer.heard("deleted")]
        assert {*deleted} == {*ids[:2]}
        assert len(deleted) <= 2 * (1 + stack.repeats)


def test_boards_that_are_missing_are_told_and_shown_once_they_are_created(
    stack: Stack, api: Api, ids: list[str]
) -> None:
    late = f"board-{uuid.uuid4().hex[:12]}"
    with Viewer(stack.port, path_of([late, ids[0]])) as viewer:
        wait_until(lambda: viewer.events, "the snapshot")
        assert viewer.others[0] == ("deleted", {"id": late})
        create(api, [late])
        wait_until(lambda: of(viewer, late), "the new board")
        api("PATCH", f"/boards/{late}/", {"private": True})
        wait_until(viewer.closed.is_set, "the end, because it needs a token now")
    with Viewer(stack.port, path_of([late, ids[0]])) as viewer:
        assert viewer.response.status == 401
    with Viewer(stack.port, path_of(["nowhere", "anywhere"])) as viewer:
        assert viewer.response.status == 404


def test_a_missing_board_that_is_created_as_a_private_one_is_not_shown(
    stack: Stack, api: Api, ids: list[str]
) -> None:
    late = f"board-{uuid.uuid4().hex[:12]}"
    with Viewer(stack.port, path_of([late, ids[0]])) as viewer:
        wait_until(lambda: viewer.events, "the snapshot")
        create(api, [late], private=True)
        add(api, late, 5)
        wait_until(viewer.closed.is_set, "the end, because it needs a token")
        assert not of(viewer, late)


def test_private_boards_are_for_a_token_of_all(stack: Stack, api: Api, ids: list[str]) -> None:
    for id in ids[:2]:
        api("PATCH", f"/boards/{id}/", {"private": True})
    allowed = f"&token={token('read', *ids[:2])}"
    with Viewer(stack.port, path_of(ids, f"&token={token('read', ids[0])}")) as viewer:
        assert viewer.response.status == 403
    with Viewer(stack.port, path_of(ids, allowed)) as viewer:
        wait_until(lambda: len(viewer.events) >= 3, "the snapshots")
        add(api, ids[1], 5)
        wait_until(lambda: scores(viewer, ids[1]) == [5], "the private score")
        api("DELETE", f"/boards/{ids[1]}/")
        wait_until(lambda: viewer.heard("deleted"), "the deletion")
        add(api, ids[0], 6)
        wait_until(lambda: scores(viewer, ids[0]) == [6], "the other private score")
        assert not viewer.closed.is_set()


@pytest.mark.stores("sqlite")  # none has a part in it
def test_a_stream_with_a_private_board_ends_after_its_token(
    stack: Stack, api: Api, ids: list[str]
) -> None:
    api("PATCH", f"/boards/{ids[1]}/", {"private": True})
    with (
        Viewer(stack.port, path_of(ids, f"&token={sign(-5)}")) as viewer,
        Viewer(stack.port, path_of(ids, f"&token={sign(600)}")) as other,
    ):
        wait_until(viewer.closed.is_set, "the stream's end", END_SECONDS)
        assert viewer.others[-1] == ("token expired", {})
        add(api, ids[0], 5)
        wait_until(lambda: scores(other, ids[0]) == [5], "that the other goes on")


def test_windows_of_boards_are_told_apart(stack: Stack, api: Api, ids: list[str]) -> None:
    for id in ids[:2]:
        api("PATCH", f"/boards/{id}/", {"windows": ["week"]})
    with Viewer(stack.port, path_of(ids, "&window=week")) as viewer:
        wait_until(lambda: len(viewer.events) >= 2, "the snapshots")
        wait_until(lambda: viewer.heard("deleted"), "the board without a window")
        assert viewer.heard("deleted") == [{"id": ids[2], "window": "week"}]
        add(api, ids[0], 3)
        wait_until(lambda: scores(viewer, ids[0]) == [3], "the score of the week")
        assert {event.data["window"] for event in viewer.events} == {"week"}
        api("PATCH", f"/boards/{ids[1]}/", {"windows": []})
        gone = {"id": ids[1], "window": "week"}
        wait_until(lambda: gone in viewer.heard("deleted"), "that the window is gone")
        add(api, ids[0], 3)
        wait_until(lambda: scores(viewer, ids[0]) == [6], "the other window")


def test_who_comes_back_is_not_sent_again_what_was_seen_last(
    stack: Stack, api: Api, ids: list[str]
) -> None:
    settle(stack, f"/boards/{ids[1]}/")
    last = api("GET", f"/boards/{ids[1]}/").headers["ETag"].strip('"')
    with Viewer(stack.port, path_of(ids), last_event_id=last) as viewer:
        wait_until(lambda: len(viewer.events) >= 2, "the snapshots")
        add(api, ids[2])
        wait_until(lambda: scores(viewer, ids[2]) == [1], "the score")
        shown = [event.data["id"] for event in viewer.events[:2]]
        assert shown == [ids[0], ids[2]]
        assert not of(viewer, ids[1])


def test_as_many_boards_as_are_allowed_with_the_longest_ids(stack: Stack, api: Api) -> None:
    """Private windows: no ids, paths and GRIP channels are longer."""
    beginning = uuid.uuid4().hex
    ids = [f"{beginning}{number:032}" for number in range(MAX_BOARDS)]
    create(api, ids, private=True, windows=["month"])
    path = path_of(ids, f"&window=month&token={token('read', f'{beginning}*')}")
    path = path.replace(",", "%2C")  # as URLSearchParams writes it
    assert 3_500 < len(path) < 4_000
    with Viewer(stack.port, path) as viewer:
        assert viewer.response.status == 200
        wait_until(lambda: len(viewer.events) >= MAX_BOARDS, "the snapshots")
        for id in ids:
            add(api, id)
        wait_until(lambda: all(scores(viewer, id) == [1] for id in ids), "all scores")
        assert not viewer.closed.is_set()
    for id in ids:
        api("DELETE", f"/boards/{id}/")
