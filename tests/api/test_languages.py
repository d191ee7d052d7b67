"""Pages are in the language that a browser prefers. What programs are sent is English."""

import html
import json
import re
from typing import Any

import pytest

from leaderboardapp.web.problem_kinds import ProblemKind
from tests.api.conftest import Response, Send, assert_problem

# No store changes what is shown here.
pytestmark = pytest.mark.stores("sqlite")

PAGE = "text/html"


def read_words(response: Response) -> dict[str, Any]:
    """Return what the page gives its scripts to say."""
    body = response.content.decode()
    [words] = re.findall(r'<script id="words" type="application/json">(.*?)</script>', body)
    document: dict[str, Any] = json.loads(words)
    return document


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-CH, en;q=0.5", "de"),
        ("en-GB, de;q=0.9", "en"),
        ("fr, de;q=0.8, en;q=0.7", "de"),
        ("fr, it", "en"),
        ("*", "en"),
        ("de; q=nonsense, \x00, " + "x" * 600, "en"),
    ],
)
def test_a_page_is_in_the_language_that_is_preferred(
    send: Send, board: str, accepted: str, language: str
) -> None:
    headers = {"accept_language": accepted} if accepted else {}
    for path in ("/", board, f"{board}manage/", f"{board}seasons/", "/docs", "/docs/problems/"):
        page = send("GET", path, accept=PAGE, **headers)
        assert page.status_code == 200
        assert page["Content-Language"] == language
        assert page["Vary"].startswith("Accept, Accept-Language")
        assert f'<html lang="{language}">' in page.content.decode()


def test_a_german_page_has_german_sentences_and_numbers(send: Send, board: str) -> None:
    path = f"{board}players/ada/score-add/"
    assert send("POST", path, {"amount": 12345, "name": "Ada"}).status_code == 201
    page = send("GET", board, accept=PAGE, accept_language="de")
    body = page.content.decode()
    assert "12.<wbr>345" in body and 'data-score="12345"' in body
    assert "Dein Name" in body and "Your name" not in body
    assert read_words(page)["ranked_of"] == "Du bist auf Platz {place} von {of}"
    plain = send("GET", board, accept=PAGE)
    assert "12,<wbr>345" in plain.content.decode()
    assert read_words(plain)["ranked_of"] == "You are {place} of {of}"


def test_the_forms_of_a_sentence_come_by_numbers(send: Send, board: str) -> None:
    words = read_words(send("GET", f"{board}manage/", accept=PAGE, accept_language="de"))
    assert words["rows"]["1"] == "{count} Zeile"
    assert {words["rows"][number] for number in ("0", "2", "5", "100")} == {"{count} Zeilen"}


def test_a_german_page_has_a_sentence_for_each_kind_of_problem(send: Send, board: str) -> None:
    german = read_words(send("GET", f"{board}manage/", accept=PAGE, accept_language="de"))
    assert german["problems"].keys() == {kind.slug for kind in ProblemKind}
    assert german["problems"]["id-taken"] == "Die Id ist vergeben."
    assert read_words(send("GET", f"{board}manage/", accept=PAGE))["problems"] == {}


def test_a_problem_page_is_translated_and_the_document_is_not(send: Send) -> None:
    page = send("GET", "/boards/nowhere/", accept=PAGE, accept_language="de")
    assert (page.status_code, page["Content-Language"]) == (404, "de")
    assert "<h1>Diese Rangliste gibt es nicht</h1>" in page.content.decode()
    assert "Sie wurde gelöscht, oder es hat sie nie gegeben." in page.content.decode()
    document = send("GET", "/boards/nowhere/", accept_language="de")
    assert_problem(document, 404, "no board")
    assert document.json()["title"] == "There is no such board"
    assert "Content-Language" not in document


def test_a_frame_and_what_links_show_are_english(send: Send, board: str) -> None:
    frame = send("GET", f"{board}?embed", accept=PAGE, accept_language="de")
    assert frame["Content-Language"] == "en" and "Nobody is ranked yet" in frame.content.decode()
    assert send("PATCH", board, {"windows": ["day"]}).status_code == 200
    page = send("GET", f"{board}?window=day", accept=PAGE, accept_language="de")
    body = html.unescape(page.content.decode())
    assert '<meta property="og:title" content="A board · Today">' in body
    assert '<meta name="description" content="Nobody is ranked yet.">' in body
    assert ">Heute</a>" in body


def test_polls_choose_no_language(send: Send, board: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does anything else that programs ask for: that is chosen where a page is written."""

    def refuse(*_: Any) -> str:
        raise AssertionError("no page is written")

    monkeypatch.setattr("django.utils.translation.get_language_from_request", refuse)
    for path in (board, "/boards/", f"{board}players/", "/healthz", "/openapi.yaml"):
        answer = send("GET", path, accept="application/json", accept_language="de")
        assert answer.status_code == 200
        assert "Accept-Language" not in answer.get("Vary", "")
