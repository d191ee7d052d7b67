"""Preconditions of reads and writes (RFC 9110, 13). A write whose precondition is false is not
done."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.test import override_settings

from leaderboardapp.domain.types import Row
from leaderboardapp.stores.base import Store
from tests.api.conftest import Send, assert_problem
from tests.api.test_auth import bearer

YESTERDAY = "Fri, 27 Nov 2026 12:00:00 GMT"
TOMORROW = "Sun, 29 Nov 2099 12:00:00 GMT"
OLDER = '"an-older-one"'
WRITES = [
    ("PATCH", "{board}", {"name": "B"}),
    ("DELETE", "{board}", None),
    ("PATCH", "{alice}", {"name": "B"}),
    ("DELETE", "{alice}", None),
]
OTHER_WRITES = [
    ("POST", "/boards/", {"id": "new"}),
    ("POST", "{board}players/", {"name": "Bob"}),
    ("POST", "{alice}score-add/", None),
    ("PUT", "{alice}score/", {"score": 5}),
    ("POST", "{board}scores/", [{"player": "alice"}]),
    ("POST", "{board}reset/", None),
]
FALSE = [
    {"if_match": OLDER},
    {"if_match": f'W/"x", {OLDER}'},
    {"if_match": "not-quoted"},
    {"if_match": ""},
    {"if_none_match": "*"},
    {"if_match": "*", "if_none_match": "*"},
]
needs_each_write = pytest.mark.parametrize(("method", "path", "body"), WRITES)


def state(send: Send, board: str) -> Any:
    return [send("PATCH", board, {}).json(), send("GET", f"{board}players/").json()]


@needs_each_write
def test_a_write_whose_precondition_is_false_is_not_done(
    send: Send, board: str, alice: str, method: str, path: str, body: Any
) -> None:
    before, path = state(send, board), path.format(board=board, alice=alice)
    for headers in FALSE:
        assert_problem(send(method, path, body, **headers), 412)
    assert state(send, board) == before


@needs_each_write
@pytest.mark.parametrize("header", ["if_match", "if_none_match"])
def test_a_write_is_held_to_the_tag_that_a_read_gave(
    send: Send, board: str, alice: str, method: str, path: str, body: Any, header: str
) -> None:
    path = path.format(board=board, alice=alice)
    tags = {"newest": send("GET", path)["ETag"], "older": OLDER}
    refused, accepted = ("older", "newest") if header == "if_match" else ("newest", "older")
    assert_problem(send(method, path, body, **{header: tags[refused]}), 412, "Nothing was changed")
    listed = f'{OLDER}, {tags[accepted]}, W/"z"'
    assert send(method, path, body, **{header: listed}).status_code < 300


@needs_each_write
def test_a_weak_tag_never_matches_a_write(
    send: Send, board: str, alice: str, method: str, path: str, body: Any
) -> None:
    path = path.format(board=board, alice=alice)
    weak = f"W/{send('GET', path)['ETag']}"
    assert_problem(send(method, path, body, if_match=weak), 412)
    assert_problem(send(method, path, body, if_none_match=weak), 412)


@needs_each_write
@pytest.mark.parametrize(
    "headers",
    [
        {"if_match": "*"},
        {"if_none_match": OLDER},
        {"if_unmodified_since": YESTERDAY},
        {"if_modified_since": TOMORROW},
        {"if_unmodified_since": "no date", "if_modified_since": "no date"},
    ],
)
def test_a_write_whose_precondition_is_true_or_of_dates_is_done(
    send: Send, board: str, alice: str, method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    path = path.format(board=board, alice=alice)
    assert send(method, path, body, **headers).status_code < 300


@pytest.mark.parametrize(("method", "path", "body"), OTHER_WRITES)
def test_what_has_no_tag_is_not_written_if_one_must_match(
    send: Send, board: str, alice: str, method: str, path: str, body: Any
) -> None:
    before, boards = state(send, board), send("GET", "/boards/?limit=100").content
    path = path.format(board=board, alice=alice)
    assert_problem(send(method, path, body, if_match=OLDER), 412)
    assert_problem(send(method, path, body, if_match=send("GET", board)["ETag"]), 412)
    assert state(send, board) == before and send("GET", "/boards/?limit=100").content == boards


@pytest.mark.parametrize("path", ["{board}", "{alice}"])
def test_reads_are_held_to_their_preconditions(
    send: Send, alice: str, board: str, path: str
) -> None:
    path = path.format(board=board, alice=alice)
    etag = send("GET", path)["ETag"]
    for method in ("GET", "HEAD"):
        for named in (etag, f"W/{etag}", f"{OLDER}, {etag}", "*"):
            unchanged = send(method, path, if_none_match=named)
            assert unchanged.status_code == 304
            assert unchanged["ETag"] == etag and unchanged["Cache-Control"] == "no-cache"
        assert send(method, path, if_match=f"{OLDER},{etag}").status_code == 200
        assert send(method, path, if_match=OLDER).status_code == 412
        assert send(method, path, if_match=OLDER, if_none_match=etag).status_code == 412
        assert send(method, path, if_modified_since=TOMORROW).status_code == 200
        assert send(method, path, if_unmodified_since=YESTERDAY).status_code == 200


def test_what_is_missing_is_404_whatever_the_precondition(send: Send, board: str) -> None:
    for path in ("/boards/nowhere/", f"{board}players/nobody/"):
        for method in ("GET", "PATCH", "DELETE"):
            assert_problem(send(method, path, if_match=OLDER), 404)


def test_settings_have_a_tag_of_their_own(send: Send, board: str, alice: str) -> None:
    first = send("PATCH", board, {"max_amount": 5})
    assert first["ETag"] == send("PATCH", board, {})["ETag"] != send("GET", board)["ETag"]
    send("POST", f"{alice}score-add/")  # changes the snapshot only
    second = send("PATCH", board, {"max_amount": 6}, if_match=first["ETag"])
    assert second.status_code == 200
    refused = send("PATCH", board, {"max_amount": 7}, if_match=first["ETag"])
    assert_problem(refused, 412)
    unchanged = send("PATCH", board, {}, if_match=first["ETag"])
    assert_problem(unchanged, 412)
    assert send("PATCH", board, {}, if_match=second["ETag"]).json()["max_amount"] == 6


def test_a_players_tag_changes_with_the_rank(send: Send, board: str, alice: str) -> None:
    etag = send("GET", alice)["ETag"]
    send("POST", f"{board}players/", {"id": "bob", "name": "Bob"})
    send("POST", f"{board}players/bob/score-add/")
    assert send("GET", alice)["ETag"] != etag
    assert_problem(send("PATCH", alice, {"name": "Al"}, if_match=etag), 412)


def test_a_players_tag_stays_when_others_join_and_leave(send: Send, board: str, alice: str) -> None:
    send("POST", f"{alice}score-add/")
    before = send("GET", alice)
    send("POST", f"{board}players/", {"id": "bob", "name": "Bob"})
    after = send("GET", alice)
    assert after.json() == {**before.json(), "of": 2}
    assert after["ETag"] == before["ETag"]
    assert send("PATCH", alice, {"data": {"k": 1}}, if_match=before["ETag"]).status_code == 200
    etag = send("GET", alice)["ETag"]
    assert etag != before["ETag"]
    send("DELETE", f"{board}players/bob/")
    assert send("DELETE", alice, if_match=etag).status_code == 204


def test_the_tag_of_a_player_with_an_email_address_tells_nobody_else_of_it(
    send: Send, board: str, alice: str
) -> None:
    send("PATCH", board, {"ask_email": True})
    send("POST", f"{board}players/", {"id": "bob", "name": "Bob", "email": "bob@example.com"})
    path, owner = f"{board}players/bob/", bearer(scope="write")
    shown, hidden = send("GET", path, **owner)["ETag"], send("GET", path)["ETag"]
    assert shown != hidden
    with override_settings(ALLOW_ANONYMOUS_WRITES=True):
        assert_problem(send("PATCH", path, {"name": "B"}, if_match=shown), 412)
    for tag in (shown, hidden):
        answer = send("PATCH", path, {"name": "Bob"}, if_match=tag, **owner)
        assert answer.status_code == 200


class Changed(Exception):
    pass


@pytest.mark.parametrize("write", ["update_board", "delete_board", "update_player"])
def test_a_write_is_decided_on_the_state_that_it_changes(
    send: Send, board: str, board_id: str, alice: str, store: Store, write: str
) -> None:
    """Somebody else writes between the precondition and its write, if the store lets them."""
    is_board = write.endswith("board")
    names = (board_id,) if is_board else (board_id, "alice")
    read: Callable[..., Row] = store.get_board if is_board else store.get_player
    rename: Callable[..., Row] = store.update_board if is_board else store.update_player
    fields = [] if write == "delete_board" else [{"size": 9} if is_board else {"hidden": True}]
    before = read(*names)
    others: list[threading.Thread] = []
    came_between = False

    def rename_by_another() -> None:
        with suppress(ObjectDoesNotExist):
            rename(*names, {"name": "Other"})
        store.close()

    def is_as_before() -> Row:
        nonlocal came_between
        row = read(*names)
        if row["name"] != before["name"]:
            raise Changed
        if not others:
            others.append(threading.Thread(target=rename_by_another))
            others[0].start()
            others[0].join(0.5)
            came_between = not others[0].is_alive()
        return row

    refused = False
    try:
        getattr(store, write)(*names, *fields, precondition=is_as_before)
    except Changed:
        refused = True
    others[0].join()
    assert refused == came_between
    if refused:
        assert read(*names) == {**before, "name": "Other"}
