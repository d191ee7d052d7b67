"""Every answer says how it may be cached."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, override_settings

from leaderboardapp.realtime.items import LONG_POLLS, build_items
from leaderboardapp.snapshots import read_snapshots
from tests.api.conftest import Response, Send
from tests.api.test_auth import bearer

PUBLIC = [
    "/",
    "/boards/",
    "{board}",
    "{board}players/",
    "{board}players/?hidden=maybe",
    "{board}players/alice/",
    "{board}players/alice/around/",
    "{board}rank/?score=1",
    "{board}seasons/",
    "{board}seasons/1/",
    "{board}ws/",
    "{board}manage/",
    "/boards/nowhere/",
    "/nowhere",
    "/events/nothing/",
    "/docs",
    "/openapi.yaml",
    "/healthz",
    "/readyz",
]
# What shows something of a board, or would if a token allowed it.
OF_A_BOARD = [
    path
    for path in PUBLIC
    if path.startswith("{board}") and not path.endswith(("ws/", "manage/", "maybe"))
]
PAGES = ("text/html", "application/json", "text/event-stream")


def cache_control(response: Response) -> str:
    """Return the header, of a stream without what it says to proxies in front: to pass on each
    event at once, and unchanged."""
    value: str = response["Cache-Control"]
    if response["Content-Type"] == "text/event-stream":
        assert response["X-Accel-Buffering"] == "no"
        assert value.endswith(", no-transform")
    return value.removesuffix(", no-transform")


@pytest.mark.parametrize("accept", PAGES)
def test_what_everybody_may_see_is_revalidated(
    send: Send, board: str, alice: str, grip_sig: str, accept: str
) -> None:
    for path, method in itertools.product(PUBLIC, ("GET", "HEAD")):
        response = send(method, path.format(board=board), accept=accept, grip_sig=grip_sig)
        assert cache_control(response) == "no-cache", (path, method, response)


@pytest.mark.parametrize("accept", PAGES)
def test_what_is_private_is_kept_by_nobody(
    send: Send, board: str, alice: str, grip_sig: str, accept: str
) -> None:
    send("PATCH", board, {"private": True})
    send("POST", f"{board}reset/")
    headers = {"accept": accept, "grip_sig": grip_sig, **bearer(scope="read")}
    for path, sent in itertools.product(OF_A_BOARD, (headers, {"accept": accept})):
        response = send("GET", path.format(board=board), **sent)
        assert cache_control(response) == "private, no-store", (path, response)


@pytest.mark.parametrize("path", ["/", "/boards/"])
def test_lists_with_private_boards_are_kept_by_nobody(send: Send, board: str, path: str) -> None:
    answer = send("GET", path, **bearer(scope="admin"))
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("path", ["{board}players/", "{board}players/alice/"])
def test_what_has_email_addresses_is_kept_by_nobody(
    send: Send, board: str, alice: str, path: str
) -> None:
    path = path.format(board=board)
    shown = send("GET", path, **bearer(scope="write"))
    assert "email" in shown.content.decode()
    assert shown["Cache-Control"] == "private, no-store"
    assert send("GET", path, **bearer(scope="read"))["Cache-Control"] == "no-cache"


def test_answers_to_writes_are_kept_by_nobody(send: Send, board: str, alice: str) -> None:
    for method, path, body in (
        ("POST", f"{alice}score-add/", None),
        ("PATCH", alice, {"colour": 1}),
        ("PUT", board, None),
        ("POST", "/nowhere/", None),
        ("DELETE", board, None),
    ):
        assert send(method, path, body)["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("is_private", [False, True])
def test_what_long_polls_are_answered_with_says_so_too(
    send: Send, board: str, board_id: str, is_private: bool
) -> None:
    send("PATCH", board, {"private": is_private})
    snapshot = read_snapshots([board_id])[board_id]
    expected = "private, no-store" if is_private else "no-cache"
    assert snapshot.headers()["Cache-Control"] == expected
    for item in (snapshot, None):
        items = [*build_items(board_id, item, visibility_changed=True, formats=LONG_POLLS)]
        assert len(items) == 2, "for viewers of a public board, and of a private one"
        assert all(b"Cache-Control" in built.json for built in items)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("leaderboardapp.snapshots.read_snapshot", fail)
    yield


@pytest.mark.usefixtures("broken")
def test_even_a_fault_of_ours_is_not_kept(send: Send, board: str) -> None:
    assert (answer := send("GET", board)).status_code == 500
    assert answer["Cache-Control"] == "no-cache"


@pytest.mark.usefixtures("no_store")
def test_without_the_store_nothing_is_kept() -> None:
    assert Client().get("/readyz")["Cache-Control"] == "no-cache"


def test_preflights_say_so_too(send: Send, board: str) -> None:
    with override_settings(CORS_ALLOW_ALL_ORIGINS=True):
        headers = {"origin": "https://game.example", "access_control_request_method": "POST"}
        assert send("OPTIONS", board, **headers)["Cache-Control"] == "no-cache"
