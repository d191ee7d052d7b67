"""The steps that people take on the dashboard, and what they read there."""

from typing import Any

from playwright.sync_api import Page, expect

from leaderboardapp.web.auth import create_token
from tests.browser.conftest import Visits

FILE = 'Player ID,Name,Points\r\nalice,,3\r\ndora,"Dora, D.",5\r\nalice,,4\r\n'


def open_dashboard(visit: Visits, board: str) -> Page:
    """Return the dashboard of the board with two players, ready for use."""
    page = visit(f"{board}manage/")
    expect(page.locator("#players-table tbody tr")).to_have_count(2)
    return page


def bearer(*scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_token(scopes, None, 60)}"}


def news(page: Page, text: str) -> None:
    """Wait for what the page says, and take it away, so that the same words are not read twice."""
    said = page.locator("#news")
    expect(said).to_contain_text(text)
    said.evaluate("element => element.replaceChildren()")


def row(page: Page, name: str) -> Any:
    return page.locator("#players-table tbody tr").filter(has_text=name)


def set_file(page: Page, content: bytes) -> None:
    expect(page.locator("#file")).to_be_visible()  # once the board is there
    file: Any = {"name": "scores.csv", "mimeType": "text/csv", "buffer": content}
    page.locator("#file").set_input_files(file)


def choose(page: Page, text: str) -> None:
    set_file(page, text.encode())
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_enabled()


def start_import(page: Page, text: str) -> None:
    choose(page, text)
    page.get_by_role("button", name="Import", exact=True).click()


def imported(page: Page, text: str) -> None:
    expect(page.locator("#import-text")).to_have_text(f"Imported: {text}")
