"""The list of boards, problem pages, and the headers of each page."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.looks import check_looks
from tests.e2e.viewers import Api

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def test_the_first_board_is_made_where_the_list_is_empty(visit: Visits, made: list[str]) -> None:
    page = visit("/")
    expect(page.get_by_role("heading", name="There is no board here yet")).to_be_visible()
    page.get_by_label("Id, in its address").fill("a b")
    page.get_by_role("button", name="Make the board").click()
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.locator("[aria-invalid]")).to_have_count(2)
    page.get_by_label("Name").fill("Friday quiz")
    page.get_by_label("Id, in its address").fill("quiz")
    made.append("/boards/quiz/")
    page.get_by_role("button", name="Make the board").click()
    expect(page.get_by_role("heading", name="Friday quiz")).to_be_visible()
    assert page.url.endswith("/boards/quiz/")


def test_a_board_is_found_from_the_list(
    visit: Visits, api: Api, board: str, made: list[str]
) -> None:
    made.append("/boards/quiz/")
    assert api("POST", "/boards/", {"id": "quiz", "name": "Friday quiz"}).status == 201
    page = visit("/")
    expect(page.locator(".boards li")).to_have_count(2)
    page.get_by_role("link", name="By name").click()
    expect(page.get_by_role("link", name="By name")).to_have_attribute("aria-current", "page")
    page.get_by_label("Find a board").fill("FRI")
    page.keyboard.press("Enter")
    expect(page.locator(".boards li")).to_have_count(1)
    page.get_by_role("link", name="Friday quiz").click()
    expect(page.get_by_role("heading", name="Friday quiz")).to_be_visible()


def test_the_list_links_to_each_board_a_nameless_one_by_its_id(
    visit: Visits, api: Api, board: str, made: list[str]
) -> None:
    made.append("/boards/nameless/")
    assert api("POST", "/boards/", {"id": "nameless"}).status == 201
    page = visit("/")
    page.get_by_role("link", name="nameless").click()
    expect(page.get_by_role("heading", name="nameless")).to_be_visible()
    expect(page.get_by_text("Nobody is ranked yet.")).to_be_visible()


def test_one_address_is_a_page_for_browsers_and_json_for_programs(api: Api, board: str) -> None:
    assert api("GET", board, headers=BROWSER).text.startswith("<!doctype html>")
    for accept in ("*/*", "application/json"):
        answer = api("GET", board, headers={"Accept": accept})
        assert answer.json["name"] == "A board"
        assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/boards/nowhere/", "/nothing/"])
def test_a_problem_is_a_page_for_browsers_and_a_document_for_programs(api: Api, path: str) -> None:
    page, document = api("GET", path, headers=BROWSER), api("GET", path)
    assert page.status == document.status == 404
    assert page.headers["Content-Type"].startswith("text/html")
    assert document.headers["Content-Type"] == "application/problem+json"
    for answer in (page, document):
        assert "accept" in answer.headers["Vary"].lower()
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_only_an_embedded_board_may_be_framed(api: Api, board: str) -> None:
    for path, ancestors in (
        (board, "'none'"),
        (f"{board}?embed", "*"),
        (f"{board}manage/?embed", "'none'"),
        ("/docs?embed", "'none'"),
        ("/boards/no/", "'none'"),
    ):
        policy = api("GET", path, headers=BROWSER).headers["Content-Security-Policy"]
        assert policy.endswith(f"frame-ancestors {ancestors}")


def test_a_refusal_keeps_its_headers_on_the_page(api: Api, board: str) -> None:
    assert api("PATCH", board, {"private": True}).status == 200
    answer = api("GET", board, headers=BROWSER)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Alice" not in answer.text


def test_the_picture_of_a_link_is_where_its_tag_says(visit: Visits, board: str) -> None:
    page = visit(board)
    picture = page.locator("meta[property='og:image']").get_attribute("content")
    assert picture and picture.startswith(f"{visit.address}{board}picture.png")
    size = page.evaluate(
        """async (src) => {
            const image = Object.assign(new Image(), { src });
            await image.decode();
            return [image.naturalWidth, image.naturalHeight];
        }""",
        picture,
    )
    assert size == [1200, 630]


def test_the_keyboard_gets_to_the_board_first_of_all(
    visit: Visits, board: str, screenshots: Path
) -> None:
    page = visit(board)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the board")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    check_looks(page, "skip", screenshots, full_page=False)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("main :focus")).to_be_visible()
    expect(skip).not_to_be_in_viewport()


def test_a_missing_board_has_no_dashboard(api: Api) -> None:
    answer = api("GET", "/boards/nowhere/manage/", headers=BROWSER)
    assert answer.status == 404
    assert "There is no such board" in answer.text


def test_a_board_where_anybody_writes_leads_to_its_dashboard(visit: Visits, board: str) -> None:
    page = visit(f"{board}seasons/")
    page.get_by_role("link", name="Dashboard").click()
    expect(page.get_by_role("button", name="Edit Alice")).to_be_visible()
    assert "Dashboard" not in visit(f"{board}?embed").content()
