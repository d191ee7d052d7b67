"""What the proxy is asked to hold for a long-poll; tests/e2e sees it held."""

import json

import pytest

from leaderboardapp.realtime.formats import SEVERAL_BOARDS
from leaderboardapp.realtime.items import LONG_POLLS, build_items
from leaderboardapp.snapshots import read_snapshots
from tests.api.conftest import Response, Send


def wait(send: Send, board: str, prefer: str, grip_sig: str = "", **headers: str) -> Response:
    headers.setdefault("if_none_match", send("GET", board)["ETag"])
    return send("GET", board, prefer=prefer, grip_sig=grip_sig, **headers)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=30", 30),
        ("respond-async, wait=30", 30),
        ('wait = "30"', 30),
        ("wait=1", 5),
        ("wait=9999999", 300),
        ("Wait=30", 30),
        ("foo, WAIT=30; bar, wait=9", 30),
        ('foo="wait=9, wait=8", wait=30', 30),
        ("wait=9999999999", 300),
        (f"wait={'9' * 5000}", 300),
        ("wait=00030", 30),
    ],
)
def test_who_has_the_newest_snapshot_may_wait_for_the_next(
    send: Send, board: str, board_id: str, grip_sig: str, prefer: str, seconds: int
) -> None:
    response = wait(send, board, prefer, grip_sig)
    assert response["Grip-Status"].startswith("304")
    assert response["Grip-Hold"] == "response"
    assert response["Grip-Channel"] == f"board-{board_id}; filter=skip-users"
    assert response["Grip-Set-Meta"] == f'user="{response["ETag"].strip(chr(34))}"'
    assert response["Grip-Timeout"] == str(seconds)
    assert response["Preference-Applied"] == f"wait={seconds}"
    assert "Prefer" in response["Vary"]


@pytest.mark.parametrize(
    "prefer",
    ["", "wait", "wait=", "wait=x", "await=5", "wait=-5", "wait=٣", 'x="wait=5"', "x wait=5"],
)
def test_who_does_not_ask_to_wait_is_answered_at_once(
    send: Send, board: str, grip_sig: str, prefer: str
) -> None:
    response = wait(send, board, prefer, grip_sig)
    assert response.status_code == 304
    assert "Grip-Hold" not in response and "Preference-Applied" not in response


def test_who_has_an_older_snapshot_gets_the_newest_at_once(
    send: Send, board: str, alice: str, grip_sig: str
) -> None:
    etag = send("GET", board)["ETag"]
    send("POST", f"{alice}score-add/")
    response = wait(send, board, "wait=30", grip_sig, if_none_match=etag)
    assert response.status_code == 200
    assert "Grip-Hold" not in response


@pytest.mark.parametrize("others", ["*", '{etag}, "an-older-one"', '"an-older-one", W/{etag}'])
def test_who_names_more_than_one_snapshot_is_answered_at_once(
    send: Send, board: str, grip_sig: str, others: str
) -> None:
    named = others.format(etag=send("GET", board)["ETag"])
    response = wait(send, board, "wait=30", grip_sig, if_none_match=named)
    assert response.status_code == 304
    assert "Grip-Hold" not in response and "Preference-Applied" not in response


def test_a_published_snapshot_is_not_for_those_who_have_it(
    send: Send, board: str, board_id: str
) -> None:
    snapshot = read_snapshots([board_id])[board_id]
    [item] = build_items(board_id, snapshot, visibility_changed=False)
    assert json.loads(item.json)["meta"] == {"skip_users": snapshot.fingerprint}
    for gone in build_items(board_id, None, visibility_changed=False, formats=LONG_POLLS):
        assert json.loads(gone.json)["meta"] == {"skip_users": SEVERAL_BOARDS}, "no fingerprint"


def test_without_a_proxy_nobody_waits(send: Send, board: str) -> None:
    response = wait(send, board, "wait=30")
    assert response.status_code == 304
    assert "Grip-Hold" not in response and "Preference-Applied" not in response
