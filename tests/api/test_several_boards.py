"""Several boards in one answer: their snapshots, or one stream, which tests/e2e sees held."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain.fields import MAX_BOARDS, board_ids_field
from leaderboardapp.domain.types import ID_PATTERN
from leaderboardapp.realtime.hold_channels import parse_hold
from leaderboardapp.web.auth import create_token
from tests.api.conftest import Response, Send, assert_problem
from tests.api.test_openapi_examples import events

Stream = Callable[..., Response]


@pytest.fixture
def stream(send: Send, grip_sig: str) -> Stream:
    """stream("ids=a,b", header="value"): a request for a stream of several boards."""

    def stream(query: str, **headers: str) -> Response:
        accept = {"accept": "text/event-stream", "grip_sig": grip_sig}
        return send("GET", f"/boards/?{query}", **accept, **headers)

    return stream


@pytest.fixture
def ids(send: Send) -> list[str]:
    """The ids of three new boards."""
    ids = [f"board-{uuid.uuid4().hex[:12]}" for _ in range(3)]
    for id in ids:
        assert send("POST", "/boards/", {"id": id, "name": "A board"}).status_code == 201
    return ids


def told(response: Response) -> list[tuple[str, Any]]:
    """Return name and data of each event."""
    assert response.status_code == 200, response.content
    return [(each["event"], json.loads(each["data"])) for each in events(text(response))[1:]]


def text(response: Response) -> str:
    content: bytes = response.content
    return content.decode()


def grip_channels(response: Response) -> list[str]:
    channels: str = response["Grip-Channel"]
    return channels.split(", ")


def bearer(*boards: str, **others: Any) -> dict[str, str]:
    token = create_token(["read"], boards, **{"seconds": 600, **others})
    return {"authorization": f"Bearer {token}"}


def test_the_snapshots_come_in_the_order_of_the_ids(send: Send, ids: list[str]) -> None:
    response = send("GET", f"/boards/?ids={','.join([ids[2], 'nowhere', ids[0]])}")
    snapshots = [send("GET", f"/boards/{id}/").json() for id in (ids[2], ids[0])]
    assert response.json() == {"boards": snapshots, "missing": ["nowhere"]}
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-cache"
    assert "Accept" in response["Vary"].split(", ")


def test_snapshots_that_are_known_are_not_sent_again(send: Send, ids: list[str]) -> None:
    path = f"/boards/?ids={','.join(ids)}"
    known = send("GET", path)["ETag"]
    assert send("GET", path, if_none_match=known).status_code == 304
    send("PATCH", f"/boards/{ids[1]}/", {"name": "Renamed"})
    assert send("GET", path, if_none_match=known).status_code == 200


def test_a_stream_begins_with_each_board_and_is_held_for_all(
    stream: Stream, send: Send, ids: list[str]
) -> None:
    response = stream(f"ids={ids[0]},nowhere,{ids[1]}")
    assert response["Content-Type"] == "text/event-stream"
    assert response["Grip-Hold"] == "stream"
    assert response["Grip-Set-Meta"] == 'user="several-boards"'
    channels = [f"board-{id}; filter=skip-users" for id in (ids[0], "nowhere", ids[1])]
    assert grip_channels(response) == channels
    first, second = (send("GET", f"/boards/{id}/").json() for id in ids[:2])
    expected = [("update", first), ("deleted", {"id": "nowhere"}), ("update", second)]
    assert told(response) == expected


def test_each_board_has_a_hold_that_names_what_the_viewer_has(
    stream: Stream, send: Send, ids: list[str]
) -> None:
    tag = send("GET", f"/boards/{ids[0]}/")["ETag"].strip('"')
    proxy = {**settings.GRIP_PROXIES[0], "control_uri": "tcp://localhost:5561"}
    with override_settings(GRIP_PROXIES=[proxy]):
        channels = grip_channels(stream(f"ids={ids[0]},nowhere"))
    holds = [parse_hold(channel.removesuffix("; filter=skip-users")) for channel in channels[2:]]
    assert [hold and (hold.board, hold.private, hold.fingerprint) for hold in holds] == [
        (ids[0], False, tag),
        ("nowhere", False, "deleted"),
    ]


def test_what_the_client_saw_last_is_not_sent_again(
    stream: Stream, send: Send, ids: list[str]
) -> None:
    last = send("GET", f"/boards/{ids[1]}/")["ETag"].strip('"')
    shown = [data["id"] for _, data in told(stream(f"ids={','.join(ids)}", last_event_id=last))]
    assert shown == [ids[0], ids[2]]


def test_a_window_is_read_of_each_board(stream: Stream, send: Send, ids: list[str]) -> None:
    for id in ids[:2]:
        send("PATCH", f"/boards/{id}/", {"windows": ["week"]})
    query = f"ids={','.join(ids)}&window=week"
    response = send("GET", f"/boards/?{query}").json()
    assert [board["window"] for board in response["boards"]] == ["week", "week"]
    assert response["missing"] == [ids[2]]
    events = told(stream(query))
    assert [data["window"] for _, data in events] == ["week"] * 3
    assert events[2] == ("deleted", {"id": ids[2], "window": "week"})
    assert_problem(send("GET", f"/boards/?ids={ids[2]}&window=week"), 404)


def test_without_any_of_the_boards_nothing_is_held(stream: Stream, send: Send) -> None:
    for response in (stream("ids=nowhere,anywhere"), send("GET", "/boards/?ids=nowhere")):
        problem = assert_problem(response, 404, "none of these boards")
        assert problem["type"] == "/docs/problems/#board-not-found"
        assert "Grip-Hold" not in response


def test_a_private_board_among_them_needs_a_token_for_all_private_ones(
    stream: Stream, send: Send, ids: list[str]
) -> None:
    for id in ids[:2]:
        send("PATCH", f"/boards/{id}/", {"private": True})
    query = f"ids={','.join(ids)}"

    def read_json(query: str, **headers: str) -> Response:
        return send("GET", f"/boards/?{query}", **headers)

    for read in (stream, read_json):
        assert_problem(read(query), 401, f"{ids[0]}: This needs a token")
        assert_problem(read(query, **bearer(ids[0])), 403, f"{ids[1]}: The token does not allow")
        allowed = read(query, **bearer(*ids[:2]))
        assert allowed.status_code == 200
        assert "private" in allowed["Cache-Control"]
    *channels, end = grip_channels(stream(query, **bearer(*ids[:2])))
    names = [channel.partition(";")[0] for channel in channels]
    assert names == [f"board-{ids[0]}.private", f"board-{ids[1]}.private", f"board-{ids[2]}"]
    assert re.match(r"expires-\d+", end)


def test_a_ticket_opens_a_stream_with_its_own_private_board_only(
    stream: Stream, send: Send, ids: list[str]
) -> None:
    def ticket() -> str:
        response = send("POST", f"/boards/{ids[0]}/ticket/", **bearer(ids[0]))
        return str(response.json()["ticket"])

    send("PATCH", f"/boards/{ids[0]}/", {"private": True})
    query = f"ids={','.join(ids)}"
    assert stream(f"{query}&ticket={ticket()}")["Grip-Hold"] == "stream"
    send("PATCH", f"/boards/{ids[1]}/", {"private": True})
    assert_problem(stream(f"{query}&ticket={ticket()}"), 401, f"{ids[1]}: ", "another board")


def test_a_stream_needs_the_proxy(send: Send, ids: list[str]) -> None:
    assert_problem(send("GET", f"/boards/?ids={ids[0]}", accept="text/event-stream"), 501)


@pytest.mark.usefixtures("no_store")
def test_a_passing_failure_has_the_client_come_again(grip_sig: str) -> None:
    headers = {"Accept": "text/event-stream", "Grip-Sig": grip_sig}
    response = Client().get("/boards/?ids=a,b", headers=headers)
    assert response.status_code == 200 and "Grip-Hold" not in response
    assert re.fullmatch(r"retry: (\d{4})\n\n", text(response))
    assert_problem(Client().get("/boards/?ids=a,b"), 503)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("ids=", "ids: must be ids with commas in between, each 1 to 64 of"),
        ("ids=a,,b", "ids: must be ids with commas in between, each 1 to 64 of"),
        ("ids=a,b~week", "ids: must be ids with commas in between, each 1 to 64 of"),
        ("ids=a,b,a", "ids: must be 1 to 50 different ids with commas in between."),
        (f"ids={','.join(map(str, range(51)))}", "ids: must be 1 to 50 different ids with commas"),
        ("ids=a&ids=b", "ids: is there 2 times; it must be there once."),
        ("ids=a&limit=5", "limit: must not be there together with ids."),
        ("ids=a&cursor=x", "cursor: must not be there together with ids."),
        ("ids=a&window=year", "window: must be one of day, week, month."),
        ("window=week", "window: must not be there without ids."),
    ],
)
def test_a_query_that_is_not_accepted_says_what_is(
    stream: Stream, send: Send, query: str, detail: str
) -> None:
    for response in (stream(query), send("GET", f"/boards/?{query}")):
        problem = assert_problem(response, 422, detail)
        assert problem["type"] == "/docs/problems/#invalid-parameter"


IDS = st.from_regex(ID_PATTERN, fullmatch=True)


@given(st.lists(IDS, min_size=1, max_size=MAX_BOARDS, unique=True))
def test_different_ids_are_read_in_their_order(ids: list[str]) -> None:
    assert board_ids_field(",".join(ids)) == ids


@given(st.lists(st.one_of(IDS, st.text(max_size=5)), max_size=MAX_BOARDS + 5))
def test_whatever_is_accepted_is_different_ids(parts: list[str]) -> None:
    text = ",".join(parts)
    ids = text.split(",")
    is_valid = all(re.fullmatch(ID_PATTERN, id) for id in ids)
    try:
        assert board_ids_field(text) == ids
        assert is_valid and len({*ids}) == len(ids) <= MAX_BOARDS
    except ValueError:
        assert not is_valid or len({*ids}) < len(ids) or len(ids) > MAX_BOARDS
