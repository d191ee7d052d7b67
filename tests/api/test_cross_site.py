"""What a page of another origin has a browser send: it changes nothing, unless it is allowed to."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, override_settings

from tests.api.conftest import Send, assert_problem
from tests.api.test_auth import WRITES as WRITES_OF_A_BOARD
from tests.api.test_auth import bearer

# No store changes what is shown here.
pytestmark = pytest.mark.stores("sqlite")

HERE, GAME = "https://board.example:8443", "https://game.example"
WRITES = [
    ("POST", "/boards/", {"id": "{new}"}),
    *WRITES_OF_A_BOARD,
    ("POST", "{board}reset/", None),
]
OF_OTHERS = [
    {"origin": "https://other.example", "sec_fetch_site": "cross-site"},
    {"origin": "https://other.example"},
    {"origin": "https://other.example", "sec_fetch_site": "same-site"},
    {"origin": "https://board.example"},  # another port
    {"origin": "https://other.board.example:8443"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "https://[not-a-host"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "unheard-of"},
]
OF_THIS = [
    {},
    {"origin": HERE},
    {"origin": "http://BOARD.example:8443"},  # TLS may end in front of the service
    {"origin": HERE, "sec_fetch_site": "same-origin"},
    {"origin": HERE, "sec_fetch_site": "same-origin", "host": "localhost:5000"},  # a proxy's
    {"sec_fetch_site": "none"},
]


@pytest.fixture
def state(send: Send, board: str, alice: str) -> Iterator[None]:
    """Asserts that the board and its player are afterwards as they were before."""

    def read() -> list[Any]:
        paths = (board, f"{board}players/", f"{board}seasons/", "/boards/?limit=100")
        return [send("GET", path).json() for path in paths]

    before = read()
    yield
    assert read() == before


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_page_of_another_origin_writes_nothing(
    send: Send, board: str, method: str, path: str, body: Any
) -> None:
    for headers, token in itertools.product(OF_OTHERS, ({}, bearer(scope="write"))):
        sent = {"host": "board.example:8443", **headers}
        answer = send(method, path.format(board=board), body, **sent, **token)
        assert_problem(answer, 403, "another origin", "CORS_ALLOWED_ORIGINS")


@pytest.mark.usefixtures("state")
def test_neither_does_a_form_of_any_type(client: Client, alice: str) -> None:
    headers = {"origin": "https://other.example", "sec-fetch-site": "cross-site"}
    forms = (
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    )
    for content_type, body in itertools.product(forms, (b"", b"{}", b"--x--")):
        answer = client.generic("POST", f"{alice}score-add/", body, content_type, headers=headers)
        assert_problem(answer, 403)


@pytest.mark.parametrize("headers", OF_THIS)
def test_a_page_of_this_service_and_any_program_may_write(
    send: Send, board: str, alice: str, headers: dict[str, str]
) -> None:
    sent = {"host": "board.example:8443", **headers}
    writes = [*WRITES[3:5], *WRITES[6:], WRITES[5], WRITES[1], WRITES[2]]  # deletions last
    for method, path, body in writes:
        assert send(method, path.format(board=board), body, **sent).status_code < 300


@pytest.mark.parametrize(
    "headers", [{"origin": GAME}, {"origin": GAME, "sec_fetch_site": "cross-site"}]
)
def test_an_origin_that_is_allowed_may_write(
    send: Send, alice: str, headers: dict[str, str]
) -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=[GAME]):
        assert send("POST", f"{alice}score-add/", **headers).status_code == 200
        for other in OF_OTHERS:
            assert_problem(send("POST", f"{alice}score-add/", **other), 403)
    with override_settings(CORS_ALLOW_ALL_ORIGINS=True):
        for allowed in (headers, *OF_OTHERS):
            assert send("POST", f"{alice}score-add/", **allowed).status_code == 200


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("https://a.example", "a.example:443", 200),
        ("https://a.example:443", "a.example", 200),
        ("https://a.example:443", "A.example:443", 200),
        ("http://a.example", "a.example:80", 200),
        ("http://a.example:80", "a.example", 200),
        ("http://[::1]", "[::1]:80", 200),
        ("https://a.example", "a.example:80", 403),
        ("http://a.example", "a.example:443", 403),
        ("https://a.example", "a.example:4430", 403),
        ("https://a.example:80", "a.example", 403),
        ("https://a.example", ":443", 403),
        ("a.example", "a.example", 403),
        ("null", "null", 403),
    ],
)
def test_a_default_port_is_written_or_not(
    send: Send, alice: str, origin: str, host: str, status: int
) -> None:
    assert send("POST", f"{alice}score-add/", origin=origin, host=host).status_code == status
    with override_settings(CORS_ALLOWED_ORIGINS=["https://a.example"]):
        answer = send("POST", f"{alice}score-add/", origin=origin, host="here.example")
        allowed = origin in ("https://a.example", "https://a.example:443")
        assert answer.status_code == (200 if allowed else 403)


def test_reading_is_for_all(send: Send, board: str) -> None:
    for headers in OF_OTHERS:
        for method in ("GET", "HEAD"):
            assert send(method, board, **headers).status_code == 200
        assert_problem(send("OPTIONS", board, **headers), 405)
