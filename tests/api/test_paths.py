"""Paths whose last slash is missing, or one too many."""

import pytest

from tests.api.conftest import Send, assert_problem

pytestmark = pytest.mark.stores("sqlite")

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("{board}", "{board}/"),
        ("{board}/manage?embed&x=1", "{board}/manage/?embed&x=1"),
        ("{board}/players/alice/seasons", "{board}/players/alice/seasons/"),
        ("/boards?limit=3", "/boards/?limit=3"),
        ("/docs/", "/docs"),
        ("/docs/problems", "/docs/problems/"),
        ("/healthz/", "/healthz"),
    ],
)
def test_a_browser_is_led_to_what_is_meant_and_a_program_is_told(
    send: Send, board: str, path: str, meant: str
) -> None:
    path, meant = (text.format(board=board.removesuffix("/")) for text in (path, meant))
    answer = send("GET", path, accept=BROWSER)
    assert (answer.status_code, answer["Location"]) == (301, meant)
    assert "Accept" in answer["Vary"]
    assert_problem(send("GET", path), 404, f"did you mean {meant.split('?')[0]} ?")
    assert_problem(send("POST", path, {}), 404, "did you mean")


@pytest.mark.parametrize(
    "path",
    ["/boards/nowhere", "/boards/nowhere/players", "/nonsense", "/nonsense/", "/docs//"],
)
def test_nonsense_gets_no_suggestion(send: Send, board: str, path: str) -> None:
    detail = assert_problem(send("GET", path), 404)["detail"]
    assert "did you mean" not in detail
    page = send("GET", path, accept=BROWSER)
    assert page.status_code == 404 and "did you mean" not in page.content.decode()


def test_without_a_store_nothing_is_suggested(send: Send, board: str, no_store: None) -> None:
    assert_problem(send("GET", board.removesuffix("/")), 404, "There is nothing at")
