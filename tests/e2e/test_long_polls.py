"""Long-polls, held by the real Pushpin."""

import threading
import time
from collections.abc import Callable

import pytest

from tests.e2e.test_websockets import message, watch
from tests.e2e.viewers import Answer, Api, settle
from tests.support.programs import wait_until
from tests.support.stack import Stack

Poll = Callable[[int], tuple[threading.Thread, list[Answer]]]


@pytest.fixture
def poll(stack: Stack, api: Api, board: str) -> Poll:
    """poll(seconds): wait in a thread for the next snapshot of a quiet board.

    It returns the thread, and the list that the answer will be in."""

    def ask(seconds: int) -> tuple[threading.Thread, list[Answer]]:
        headers = ask_to_wait(stack, api, board, seconds)
        answers: list[Answer] = []

        def run() -> None:
            answers.append(api("GET", board, headers=headers))

        thread = threading.Thread(target=run)
        thread.start()
        return thread, answers

    return ask


def ask_to_wait(stack: Stack, api: Api, board: str, seconds: int) -> dict[str, str]:
    """Wait until the board is quiet; return the headers of a poll that waits for a change."""
    settle(stack, board)
    return {"If-None-Match": api("GET", board).headers["ETag"], "Prefer": f"wait={seconds}"}


def test_a_long_poll_is_answered_with_the_next_snapshot(api: Api, board: str, poll: Poll) -> None:
    thread, answers = poll(20)
    thread.join(0.5)
    assert thread.is_alive(), "it is held"
    api("POST", f"{board}players/bob/score-add/", {"amount": 3})
    wait_until(lambda: answers, "the answer")
    thread.join()
    polled = api("GET", board)
    assert answers[0].status == 200
    assert answers[0].json == polled.json
    for name in ("ETag", "Content-Type", "Cache-Control"):
        assert answers[0].headers[name] == polled.headers[name]
    assert answers[0].headers["Vary"] == "Accept, Prefer"


@pytest.mark.stores("sqlite")  # the proxy waits by itself
def test_a_long_poll_of_a_quiet_board_ends_with_304(stack: Stack, api: Api, board: str) -> None:
    headers = ask_to_wait(stack, api, board, 5)
    started = time.monotonic()
    answer = api("GET", board, headers=headers)
    assert answer.status == 304
    assert answer.text == ""
    assert answer.headers["Preference-Applied"] == "wait=5"
    assert 4.5 < time.monotonic() - started < 15


def test_a_long_poll_of_a_deleted_board_is_not_found(api: Api, board: str, poll: Poll) -> None:
    thread, answers = poll(20)
    thread.join(0.5)
    assert thread.is_alive(), "it is held"
    api("DELETE", board)
    thread.join()
    assert answers[0].status == 404
    assert answers[0].json["status"] == 404
    assert answers[0].headers["Content-Type"] == "application/problem+json"
    for name in ("ETag", "Preference-Applied", "Grip-Expose-Headers"):
        assert name not in answers[0].headers


def test_a_long_poll_waits_on_while_its_snapshot_stays_the_same(
    api: Api, board: str, poll: Poll, stack: Stack
) -> None:
    """The same snapshot is published once more, because of a change that nobody sees."""
    api("PATCH", board, {"size": 1})
    api("POST", f"{board}players/alice/score-add/", {"amount": 9})
    thread, answers = poll(20)
    with watch(stack, board) as socket:
        shown = message(socket)["id"]
        api("POST", f"{board}players/bob/score-add/")  # is not shown
        wait_until(lambda: message(socket).get("id") == shown, "the repeat")
        thread.join(0.5)
        assert thread.is_alive(), "it is held"
        api("POST", f"{board}players/alice/score-add/")
        wait_until(lambda: answers, "the answer")
    thread.join()
    assert answers[0].status == 200
    assert answers[0].json["players"][0]["score"] == 10
