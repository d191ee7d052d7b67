"""Headers of a client's: none makes a fault of the server, whatever it has in it."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from leaderboard_project.wsgi import application
from tests.api.conftest import Send, assert_problem

# No store changes what is shown here.
pytestmark = pytest.mark.stores("sqlite")

NAMES = [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Connection-Id",
    "Content-Encoding",
    "Content-Type",
    "Cookie",
    "Date",
    "Expect",
    "Forwarded",
    "From",
    "Grip-Feature",
    "Grip-Last",
    "Grip-Sig",
    "Host",
    "Idempotency-Key",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Last-Event-ID",
    "Meta-User",
    "Origin",
    "Path-Info",
    "Prefer",
    "Range",
    "Referer",
    "Remote-User",
    "Script-Name",
    "Sec-Fetch-Site",
    "Sec-WebSocket-Key",
    "TE",
    "Upgrade",
    "User-Agent",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-HTTP-Method-Override",
    "X-Real-IP",
    "X-Script-Name",
]
# What a server makes of the bytes of a header.
VALUES = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60) | (
    st.lists(
        st.sampled_from(
            [
                "*",
                ",",
                ";",
                "=",
                '"',
                "W/",
                "q=",
                "1e999",
                "-1",
                "text/html",
                "*/*",
                "Bearer ",
                "a.b.c",
                "https://",
                "[",
                "]",
                ":",
                "bytes=",
                "0-",
                "charset=",
                "utf-7",
                "wait=",
                "é",
                " ",
            ]
        ),
        max_size=8,
    ).map("".join)
)
HOSTS = [
    "my_service:8000",
    "web_1",
    "localhost",
    "board.example",
    "127.0.0.1:5000",
    "[::1]:5000",
    "bücher.example",
    "-",
    "a b",
    "",
    "<script>",
    "x" * 300,
]
PATHS = ["/", "/boards/", "{board}", "{alice}", "{board}ws/", "/nowhere", "/events/x/", "/docs"]


@examples(max_examples=150)
@given(
    method=st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "PATCH"]),
    path=st.sampled_from(PATHS),
    headers=st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=4),
)
def test_no_header_makes_a_server_error(
    client: Client, board: str, alice: str, method: str, path: str, headers: dict[str, str]
) -> None:
    content_type = headers.pop("Content-Type", "")
    path = path.format(board=board, alice=alice)
    answer = client.generic(method, path, b"", content_type, headers=headers)
    assert answer.status_code < 500 or answer.status_code == 501, answer.content
    assert "Cache-Control" in answer


def test_any_host_name_reaches_the_service(client: Client, send: Send, board: str) -> None:
    for host in HOSTS:
        assert send("GET", board, host=host).status_code == 200
        assert send("PATCH", board, {"name": "B"}, host=host).status_code == 200
        assert send("GET", "/nowhere", host=host, accept="text/html").status_code == 404
        home = client.get("/", headers={"host": host, "accept": "text/html"})
        assert home.status_code in (200, 302)


def test_forwarded_headers_move_no_path(client: Client, send: Send, board: str) -> None:
    for name in (
        "script-name",
        "path-info",
        "x-script-name",
        "x-forwarded-prefix",
        "x-original-url",
    ):
        assert client.get(board, headers={name: "/x"}).json()["id"] in board


@pytest.fixture
def static_file(client: Client) -> str:
    """The path of a static file."""
    file = next(Path(settings.STATIC_ROOT).glob("leaderboardapp/*.css"))
    return f"/static/leaderboardapp/{file.name}"


def test_static_files_keep_their_own_cache_control(client: Client, static_file: str) -> None:
    answer = client.get(static_file)
    answer.close()
    assert answer.status_code == 200 and "max-age" in answer["Cache-Control"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_static_file_is_only_read(client: Client, static_file: str, method: str) -> None:
    answer = client.generic(method, static_file, b"{}", "application/json")
    problem = assert_problem(answer, 405, "GET, HEAD")
    assert problem["type"] == "/docs/problems/#method-not-allowed"
    assert answer["Allow"] == "GET, HEAD"
    assert int(answer["Content-Length"]) == len(answer.content)


def test_a_range_that_a_static_file_lacks_is_a_problem(client: Client, static_file: str) -> None:
    with_part = client.get(static_file, headers={"Range": "bytes=0-9"})
    assert with_part.status_code == 206
    with_part.close()
    answer = client.get(static_file, headers={"Range": "bytes=999999999-"})
    assert_problem(answer, 416, "no such range")
    assert answer["Content-Range"].startswith("bytes */") and "ETag" not in answer
    assert answer["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("charset", ["hex", "utf-16", "cp037", "punycode", "undefined", "none"])
def test_a_charset_does_not_change_what_the_query_means(charset: str) -> None:
    environ = RequestFactory().get("/boards/?limit=%35").environ
    environ["CONTENT_TYPE"] = f"text/plain; charset={charset}"
    assert application.request_class(environ).GET["limit"] == "5"
