"""What the proxy is asked to hold for a long-poll; tests/e2e sees it held."""

import pytest

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
    ],
)
def test_who_has_the_newest_snapshot_may_wait_for_the_next(
    send: Send, board: str, board_id: str, grip_sig: str, prefer: str, seconds: int
) -> None:
    response = wait(send, board, prefer, grip_sig)
    assert response["Grip-Status"].startswith("304")
    assert response["Grip-Hold"] == "response"
    assert response["Grip-Channel"] == f"board-{board_id}"
    assert response["Grip-Timeout"] == str(seconds)
    assert response["Preference-Applied"] == f"wait={seconds}"
    assert "Prefer" in response["Vary"]


@pytest.mark.parametrize("prefer", ["", "wait", "wait=", "wait=x", "await=5", "wait=-5"])
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


def test_without_a_proxy_nobody_waits(send: Send, board: str) -> None:
    response = wait(send, board, "wait=30")
    assert response.status_code == 304
    assert "Grip-Hold" not in response and "Preference-Applied" not in response
