"""What every answer says of what a browser may do with it."""

import socket

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage

from leaderboardapp.web.bad_requests import write_problem
from tests.api.conftest import Response, Send
from tests.api.test_caching import PUBLIC

pytestmark = pytest.mark.stores("sqlite")

ANYWHERE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "strict-origin"}
NO_PAGE = {
    **ANYWHERE,
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def headers_of(response: Response) -> dict[str, str]:
    return dict(response.items())


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "PUT", "BREW"])
def test_answers_to_programs_are_in_no_frame_and_no_page_of_another_site(
    send: Send, board: str, alice: str, method: str
) -> None:
    for path in set(PUBLIC) - {"/", "/docs", "{board}manage/"}:
        response = send(method, path.format(board=board), accept="application/json")
        assert NO_PAGE.items() <= headers_of(response).items(), path


def test_the_preflight_of_another_origin_and_a_stream_say_the_same(
    send: Send, board: str, grip_sig: str
) -> None:
    asks = {"origin": "https://game.example", "access_control_request_method": "PUT"}
    assert NO_PAGE.items() <= headers_of(send("OPTIONS", board, **asks)).items()
    stream = send("GET", board, accept="text/event-stream", grip_sig=grip_sig)
    assert stream["Grip-Hold"] == "stream"
    assert NO_PAGE.items() <= headers_of(stream).items()


@pytest.mark.parametrize(
    ("path", "ancestors", "policy"),
    [
        ("{board}", "'none'", "same-origin"),
        ("{board}?embed", "*", "cross-origin"),
        ("{board}manage/?embed", "'none'", "same-origin"),
        ("/boards/nowhere/", "'none'", "same-origin"),
        ("/docs", "'none'", "same-origin"),
    ],
)
def test_pages_are_in_frames_of_other_sites_only_with_embed(
    send: Send, board: str, path: str, ancestors: str, policy: str
) -> None:
    page = send("GET", path.format(board=board), accept="text/html")
    assert page["Content-Type"].startswith("text/html")
    assert ANYWHERE.items() <= headers_of(page).items()
    assert page["Content-Security-Policy"].endswith(f"frame-ancestors {ancestors}")
    assert page["Cross-Origin-Resource-Policy"] == policy
    assert "camera=()" in page["Permissions-Policy"]


def test_the_picture_of_a_board_may_be_shown_by_pages_of_other_sites(
    send: Send, board: str
) -> None:
    picture = send("HEAD", f"{board}picture.png")
    assert ANYWHERE.items() <= headers_of(picture).items()
    assert picture["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_static_files_may_be_loaded_by_pages_of_other_sites(send: Send) -> None:
    file = send("HEAD", staticfiles_storage.url("leaderboardapp/icon.svg"))
    assert file.status_code == 200
    assert ANYWHERE.items() <= headers_of(file).items()
    assert not {"Content-Security-Policy", "Cross-Origin-Resource-Policy"} & {*headers_of(file)}


def test_what_gunicorn_cannot_read_is_answered_in_the_same_way() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        write_problem(ours, 400, "Bad Request", "Invalid header")
        head = theirs.recv(10_000).decode().partition("\r\n\r\n")[0]
    lines = {*head.splitlines()}
    assert {f"{name}: {value}" for name, value in NO_PAGE.items()} - lines == {
        "Referrer-Policy: strict-origin"
    }
