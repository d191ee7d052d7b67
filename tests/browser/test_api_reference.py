"""/docs in a browser: the description is shown, and requests from there are answered."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visits
from tests.browser.looks import check_looks
from tests.e2e.viewers import Api, token


@pytest.fixture
def docs(visit: Visits) -> Page:
    return shown(visit("/docs"))


def shown(page: Page) -> Page:
    """Wait until the description is read and shown."""
    expect(page.get_by_role("heading", name="Requests")).to_be_visible()
    return page


def open_operation(page: Page, operation: str) -> Locator:
    """Open an operation by its id, ready to be tried out."""
    block = page.locator(f"[id$='-{operation}']")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    return block


def execute(block: Locator) -> tuple[str, str]:
    """Send the request; the answer's status and body."""
    answer = block.locator(".live-responses-table")
    if answer.is_visible():  # it would be taken for the one that is asked for now
        block.get_by_role("button", name="Clear").click()
        expect(answer).to_be_hidden()
    block.get_by_role("button", name="Execute").click()
    expect(answer).to_be_visible()
    status = answer.locator("tbody .response-col_status").first.inner_text()
    return status.strip(), answer.locator("tbody .response-col_description").first.inner_text()


def authorize(page: Page, bearer: str) -> None:
    page.locator(".requests").get_by_role("button", name="Authorize").click()
    dialog = page.locator(".modal-ux")
    dialog.get_by_role("textbox").fill(bearer)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").last.click()


def test_a_get_is_answered(docs: Page, board: str) -> None:
    status, body = execute(open_operation(docs, "listBoards"))
    assert status == "200"
    assert f'"id": "{board.split("/")[2]}"' in body


def test_a_post_is_answered_and_counts(docs: Page, api: Api, board: str) -> None:
    block = open_operation(docs, "addScore")
    block.get_by_placeholder("board").fill(board.split("/")[2])
    block.get_by_placeholder("player").fill("alice")
    status, body = execute(block)
    assert status == "200"
    assert '"score": 5' in body
    assert api("GET", f"{board}players/alice/").json["score"] == 5


def test_what_is_no_id_is_not_sent(docs: Page, api: Api, board: str) -> None:
    sent: list[str] = []
    docs.on("request", lambda request: sent.append(request.url))
    block = open_operation(docs, "deletePlayer")
    block.get_by_placeholder("board").fill(board.split("/")[2])
    block.get_by_placeholder("player").fill("..")
    block.get_by_role("button", name="Execute").click()
    expect(block.get_by_placeholder("player")).to_have_class("invalid")
    assert not [url for url in sent if "/boards/" in url]
    assert api("GET", board).status == 200


def test_a_token_is_sent_with_requests(visit: Visits, docs: Page, api: Api, board: str) -> None:
    assert api("PATCH", board, {"private": True}).status == 200
    id = board.split("/")[2]
    block = open_operation(docs, "readBoard")
    block.get_by_placeholder("board").fill(id)
    status, body = execute(block)
    assert status == "401", body
    visit.forgive("401")
    authorize(docs, token("read", id))
    status, body = execute(block)
    assert status == "200"
    assert '"name": "Alice"' in body


def test_a_stream_is_read_for_some_seconds(docs: Page, board: str) -> None:
    block = open_operation(docs, "readBoard")
    block.get_by_placeholder("board").fill(board.split("/")[2])
    block.get_by_role("combobox", name="Media type").first.select_option("text/event-stream")
    status, body = execute(block)
    assert status == "200"
    assert '"name":"Alice"' in body
    shown = re.findall("event: update\nid: (.*)", body)
    assert len({*shown}) == 1, "the same update may come again"


def test_a_link_leads_to_an_operation(visit: Visits) -> None:
    page = shown(visit("/docs#/scores/addScore"))
    block = page.locator("#operations-scores-addScore")
    expect(block.get_by_role("heading", name="Parameters")).to_be_visible()
    for name in ("board", "player", "Idempotency-Key"):
        expect(block.get_by_role("row", name=re.compile(rf"^{name}\b"))).to_be_visible()


def test_without_a_script_the_page_leads_to_the_description(visit: Visits) -> None:
    page = visit("/docs", java_script_enabled=False)
    link = page.get_by_role("main").get_by_role("link", name="openapi.yaml")
    assert link.get_attribute("href") == "/openapi.yaml"


def test_without_the_description_the_page_says_so(visit: Visits) -> None:
    page = visit("/")
    page.route("**/openapi.yaml", lambda route: route.abort())
    page.goto(f"{visit.address}/docs")
    expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
    visit.forgive("ERR_FAILED")


def test_an_open_operation_is_accessible(docs: Page, screenshots: Path, board: str) -> None:
    block = open_operation(docs, "readBoard")
    block.get_by_placeholder("board").fill(board.split("/")[2])
    execute(block)
    for operation in ("createBoard", "listPlayers"):
        open_operation(docs, operation)
    check_looks(docs, "docs-open", screenshots, full_page=False)


def test_the_form_for_the_token_is_accessible(docs: Page, screenshots: Path) -> None:
    docs.locator(".requests").get_by_role("button", name="Authorize").click()
    expect(docs.locator(".modal-ux")).to_be_visible()
    check_looks(docs, "docs-token", screenshots, full_page=False)


def test_the_page_has_the_colours_of_the_system(visit: Visits) -> None:
    page = shown(visit("/docs", color_scheme="dark"))
    expect(page.locator("html")).to_have_class("dark-mode")
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).not_to_have_class("dark-mode")
