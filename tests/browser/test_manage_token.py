"""The dashboard of a private board, on a service on which nobody writes without a token."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from leaderboardapp.web.auth import create_token
from tests.browser.conftest import Visits
from tests.browser.dashboard import bearer, row
from tests.browser.looks import assert_accessible, check_looks
from tests.e2e.viewers import Api
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def strict_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack on which nobody writes without a token."""
    folder = tmp_path_factory.mktemp("strict")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALLOW_ANONYMOUS_WRITES", "0")
        stack = Stack(f"sqlite:///{folder}/leaderboard.sqlite3", folder)
    with stack:
        yield stack


@pytest.fixture
def strict(chromium: Browser, strict_stack: Stack) -> Iterator[Visits]:
    visits = Visits(chromium, strict_stack.port)
    yield visits
    for page in visits.pages:
        page.context.close()
    assert visits.complaints == []


@pytest.fixture
def private(strict_stack: Stack, board_id: str) -> str:
    """The path of a private board with the player alice, on the strict stack."""
    api = Api(strict_stack.port)
    body: dict[str, Any] = {"id": board_id, "name": "Top secret", "private": True}
    assert api("POST", "/boards/", body, bearer("admin")).status == 201
    body = {"id": "alice", "name": "Alice"}
    path = f"/boards/{board_id}/"
    assert api("POST", f"{path}players/", body, bearer("write")).status == 201
    return path


class TestToken:
    def test_nothing_of_a_private_board_is_shown_without_one(
        self, strict: Visits, private: str
    ) -> None:
        page = strict(f"{private}manage/")
        expect(page.get_by_label("Token")).to_be_focused()
        expect(page.locator("#dashboard")).to_be_hidden()
        assert "Top secret" not in page.content()

    def test_it_opens_the_dashboard_and_stays_in_the_tab(
        self, strict: Visits, private: str
    ) -> None:
        token = create_token(["admin"], None, 60)
        page = strict(f"{private}manage/")
        page.get_by_label("Token").fill(token)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Top secret")
        expect(row(page, "Alice")).to_be_visible()
        assert token not in page.url
        assert page.evaluate("Object.keys(localStorage)") == []
        page.reload()
        expect(row(page, "Alice")).to_be_visible()
        other = page.context.new_page()
        other.goto(page.url)
        expect(other.get_by_label("Token")).to_be_visible()

    def test_forgetting_it_leaves_nothing(self, strict: Visits, private: str) -> None:
        page = strict(f"{private}manage/")
        page.get_by_label("Token").fill(create_token(["write"], None, 60))
        page.get_by_role("button", name="Open").click()
        page.get_by_role("button", name="Forget the token").click()
        expect(page.get_by_label("Token")).to_be_visible()
        assert page.evaluate("Object.keys(sessionStorage)") == []
        assert "Top secret" not in page.content()

    def test_one_that_does_not_do_is_refused_with_the_reason(
        self, strict: Visits, private: str
    ) -> None:
        page = strict(f"{private}manage/")
        for token, reason in {
            create_token(["read"], None, 60): "does not allow write",
            create_token(["write"], ["another"], 60): "does not allow write",
            create_token(["play"], None, 60, "alice"): "does not allow write",
            create_token(["admin"], None, -60): "expired",
            "x": "not valid",
            "ü": "not a token",
        }.items():
            page.get_by_label("Token").fill(token)
            page.get_by_role("button", name="Open").click()
            expect(page.get_by_role("alert").filter(has_text=reason)).to_be_visible()
            # Or it would be read again, before the next token's own reason has come.
            page.locator("#token-reason").evaluate("element => element.replaceChildren()")
        strict.forgive("401|403")

    def test_one_that_expires_meanwhile_leads_back(self, strict: Visits, private: str) -> None:
        page = strict(f"{private}manage/")
        page.get_by_label("Token").fill(create_token(["write"], None, 60))
        page.get_by_role("button", name="Open").click()
        expect(row(page, "Alice")).to_be_visible()
        page.evaluate("Object.keys(sessionStorage).forEach((key) => sessionStorage[key] = 'x')")
        page.reload()
        expect(page.get_by_role("alert").filter(has_text="not valid")).to_be_visible()
        expect(page.locator("#dashboard")).to_be_hidden()
        strict.forgive("401")


def test_a_board_leads_to_its_dashboard_for_who_has_a_token_in_this_tab(
    strict: Visits, strict_stack: Stack, private: str
) -> None:
    public = f"{private[:-1]}-2/"
    api, token = Api(strict_stack.port), bearer("admin")
    body = {"id": public.split("/")[2], "name": "Public"}
    assert api("POST", "/boards/", body, token).status == 201
    page = strict(public)
    link = page.get_by_role("link", name="Dashboard")
    expect(page.locator("#state")).to_have_text("Live")
    expect(link).to_be_hidden()
    page.goto(f"{strict.address}{private}manage/")
    expect(page.get_by_text("manage.py create_token --scope admin")).to_be_visible()
    page.get_by_label("Token").fill(create_token(["admin"], None, 60))
    page.keyboard.press("Enter")
    expect(row(page, "Alice")).to_be_visible()
    page.goto(f"{strict.address}{public}")
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Public")
    expect(page.get_by_text("No player is ranked yet.")).to_be_visible()


def test_a_board_is_made_with_a_token_that_then_opens_its_dashboard(
    strict: Visits, screenshots: Path
) -> None:
    page = strict("/?order=newest")
    page.locator("#create summary").click() if page.locator(".boards").count() else None
    page.get_by_label("Name").fill("Made here")
    for token, reason in {"": "Needed to make a board.", "x": "The token is not valid"}.items():
        page.get_by_label("Admin token").fill(token)
        page.get_by_role("button", name="Make the board").click()
        field = page.get_by_label("Admin token")
        expect(field).to_have_accessible_description(re.compile(reason))
    check_looks(page, "home-token", screenshots)
    field.fill(create_token(["admin"], None, 60))
    page.get_by_role("button", name="Make the board").click()
    expect(page.get_by_role("heading", name="Made here")).to_be_visible()
    page.get_by_role("link", name="Dashboard").click()
    expect(page.get_by_role("button", name="Delete the board")).to_be_visible()
    strict.forgive("401")


def test_a_token_of_another_board_is_tried_and_kept_for_that_one(
    strict: Visits, strict_stack: Stack, private: str
) -> None:
    other = f"{private[:-1]}-2"
    api, admin = Api(strict_stack.port), bearer("admin")
    assert api("POST", "/boards/", {"id": other.split("/")[2]}, admin).status == 201
    page = strict(f"{private}manage/")
    page.get_by_label("Token").fill(create_token(["write"], [private.split("/")[2]], 60))
    page.keyboard.press("Enter")
    expect(row(page, "Alice")).to_be_visible()
    page.goto(f"{strict.address}{other}/manage/")
    expect(page.get_by_label("Token")).to_be_visible()
    expect(page.locator("#token-reason")).to_have_text("")
    page.goto(f"{strict.address}{private}manage/")
    expect(row(page, "Alice")).to_be_visible()
    strict.forgive("403")


def test_a_token_in_the_address_opens_the_dashboard_and_leaves_the_address(
    strict: Visits, private: str
) -> None:
    token = create_token(["write"], [private.split("/")[2]], 60)
    page = strict(f"{private}?token={token}")
    page.get_by_role("link", name="Dashboard").click()
    expect(row(page, "Alice")).to_be_visible()
    assert page.url.endswith(f"{private}manage/")


def test_a_write_token_opens_the_players_and_it_is_said_what_it_lacks(
    strict: Visits, strict_stack: Stack, private: str
) -> None:
    page = strict(f"{private}manage/")
    page.get_by_label("Token").fill(create_token(["write"], [private.split("/")[2]], 60))
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("note")).to_contain_text("lacks the scope admin")
    for name in ("Settings", "Delete"):
        expect(page.get_by_role("navigation").get_by_role("link", name=name)).to_have_count(0)
    for button in ("Save the settings", "End the season", "Delete the board"):
        expect(page.get_by_role("button", name=button)).to_have_count(0)
    row(page, "Alice").locator("[data-add='1']").click()
    expect(row(page, "Alice").locator(".score")).to_have_text("1")
    page.get_by_role("button", name="Forget the token").click()
    page.get_by_label("Token").fill(create_token(["admin"], None, 60))
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("button", name="End the season")).to_be_visible()
    expect(page.get_by_role("note")).to_have_count(0)


def test_addresses_are_exported_even_if_all_players_are_hidden(
    strict: Visits, strict_stack: Stack, private: str
) -> None:
    api, token = Api(strict_stack.port), bearer("admin")
    api("PATCH", private, {"ask_email": True}, token)
    api("DELETE", f"{private}players/alice/", headers=token)
    body = {"id": "dora", "name": "Dora", "email": "dora@example.com"}
    api("POST", f"{private}players/", body, token)
    api("PATCH", f"{private}players/dora/", {"hidden": True}, token)
    page = strict(f"{private}manage/")
    page.get_by_label("Token").fill(create_token(["write"], None, 60))
    page.get_by_role("button", name="Open").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    lines = Path(download.value.path()).read_bytes().decode("utf-8-sig").split("\r\n")
    assert lines == ["id,name,score,rank,email,data", "dora,Dora,0,,dora@example.com,", ""]


def test_the_form_for_the_token_is_accessible(strict: Visits, private: str) -> None:
    page = strict(f"{private}manage/")
    expect(page.get_by_label("Token")).to_be_visible()
    assert_accessible(page, "manage-token")
