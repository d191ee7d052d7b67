"""Seasons, as viewers of a board see them: how long one lasts, who has won it, and those before."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.looks import check_looks
from tests.browser.test_board_page import expect_live
from tests.e2e.viewers import Api
from tests.support.programs import wait_until


def set_scores(api: Api, board: str, **scores: int) -> None:
    for player, score in scores.items():
        assert api("PUT", f"{board}players/{player}/score/", {"score": score}).status == 200


@pytest.fixture
def season(api: Api, board: str) -> str:
    """The path of a past season of the board."""
    set_scores(api, board, alice=1200, bob=7)
    assert api("POST", f"{board}reset/").status == 200
    return f"{board}seasons/1/"


def test_a_viewer_sees_how_long_the_season_lasts_at_home(
    visit: Visits, api: Api, board: str
) -> None:
    page = visit(board, timezone_id="Asia/Kathmandu")
    expect_live(page)
    expect(page.locator("#season")).to_be_hidden()
    ends_at = api("PATCH", board, {"schedule": "monthly"}).json["ends_at"]
    end = page.locator("#season time")
    expect(end).to_have_attribute("datetime", ends_at)
    expect(end).to_contain_text("05:45")  # midnight in UTC
    expect(page.locator("#season-text")).to_contain_text("Season 1 ends in ")
    api("PATCH", board, {"schedule": None})
    expect(page.locator("#season")).to_be_hidden()


def test_the_last_seconds_are_counted(visit: Visits, api: Api, board: str) -> None:
    end = datetime.fromisoformat(api("PATCH", board, {"schedule": "daily"}).json["ends_at"])

    def left(**time: int) -> datetime:
        return end - timedelta(**time)

    page = visit(board, lambda page: page.clock.set_fixed_time(left(days=3, hours=5, minutes=9)))
    text = page.locator("#season-text")
    expect(text).to_contain_text("ends in 3 days 5 hours ·")
    page.clock.set_fixed_time(left(minutes=2, seconds=5))
    page.reload()
    expect(text).to_contain_text("ends in 2 minutes 5 seconds ·")
    page.clock.set_fixed_time(left(seconds=1))
    expect(text).to_contain_text("ends in 1 second ·")
    page.clock.set_fixed_time(end)
    expect(text).to_contain_text("is about to end")


def test_when_a_season_is_over_its_winners_are_shown(visit: Visits, api: Api, board: str) -> None:
    set_scores(api, board, alice=1200, bob=7)
    page = visit(board)
    expect_live(page)
    assert api("POST", f"{board}reset/").status == 200
    over = page.get_by_role("region", name="Season 1 is over")
    expect(over.get_by_role("row")).to_have_text(["1Alice1,200", "2Bob7"])
    expect(page.locator("#news")).to_have_text("Season 1 is over. Alice won with 1,200.")
    expect(page.locator("#season-text")).to_have_text("Season 2")
    over.get_by_role("link", name="All players").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Season 1")
    later = visit(board)
    expect_live(later)
    expect(later.locator("#season-text")).to_have_text("Season 2")
    expect(later.locator("#over")).to_be_hidden()


def test_winners_are_closed_by_their_button(visit: Visits, api: Api, board: str) -> None:
    page = visit(board)
    expect_live(page)
    assert api("POST", f"{board}reset/").status == 200
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#over")).to_be_hidden()


def test_past_seasons_are_pages_without_scripts(
    visit: Visits, api: Api, board: str, season: str
) -> None:
    page = visit(board, java_script_enabled=False)
    page.get_by_role("link", name="Past seasons").click()
    page.get_by_role("link", name="Season 1").click()
    expect(page.locator("tbody tr")).to_have_text(["1Alice1,200", "2Bob7"])
    page.get_by_role("link", name="Alice").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Alice")
    expect(page.locator("tbody tr")).to_contain_text(["Season 1"])
    expect(page.locator("tbody td")).to_have_text(["1 of 2", "1,200"])
    page.get_by_role("link", name="Season 1").click()
    expect(page).to_have_url(f"{visit.address}{season}players/")


def test_a_long_season_is_read_page_by_page(visit: Visits, season: str) -> None:
    page = visit(f"{season}players/?limit=1")
    expect(page.locator("tbody tr")).to_have_text(["1Alice1,200"])
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("tbody tr")).to_have_text(["2Bob7"])
    expect(page.get_by_role("link", name="Next page")).to_have_count(0)
    page.get_by_role("link", name="First page").click()
    expect(page.locator("tbody tr")).to_have_text(["1Alice1,200"])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("over", ""),
        ("list", "seasons/"),
        ("one", "seasons/1/players/"),
        ("player", "players/alice/seasons/"),
    ],
)
def test_pages_of_seasons_are_good_to_look_at(
    visit: Visits, api: Api, board: str, screenshots: Path, name: str, path: str
) -> None:
    set_scores(api, board, alice=1200, bob=7)
    page = visit(board)
    expect_live(page)
    assert api("POST", f"{board}reset/").status == 200
    api("PATCH", board, {"schedule": "weekly"})
    if path:
        page = visit(board + path)
    else:
        expect(page.locator("#over")).to_be_visible()
    check_looks(page, f"seasons-{name}", screenshots)


def test_a_private_boards_seasons_are_not_for_everybody(
    visit: Visits, api: Api, board: str, season: str
) -> None:
    api("PATCH", board, {"private": True})
    wait_until(lambda: api("GET", board).status == 401, "the board to be private")
    page = visit(f"{season}players/")
    expect(page.get_by_role("main")).not_to_contain_text("Alice")
    visit.forgive("401")


def test_windows_are_tabs_each_of_which_is_live(visit: Visits, api: Api, board: str) -> None:
    set_scores(api, board, alice=1200)
    api("PATCH", board, {"windows": ["day", "week"]})
    set_scores(api, board, bob=7)
    page = visit(board)
    expect_live(page)
    tabs = page.get_by_role("navigation", name="Windows").get_by_role("link")
    expect(tabs).to_have_text(["All time", "Today", "This week"])
    expect(tabs.first).to_have_attribute("aria-current", "page")
    expect(page.locator(".row .name")).to_have_text(["Alice", "Bob"])
    tabs.nth(2).click()
    expect_live(page)
    expect(page.locator(".row .name")).to_have_text(["Bob"])
    expect(page.locator("#season-text")).to_contain_text("Week 1 ends in")
    set_scores(api, board, alice=1201)
    expect(page.locator(".row .name")).to_have_text(["Alice", "Bob"])
    page.get_by_role("button", name="+1 for Bob").click()
    expect(page.locator(".row .score b")).to_have_text(["1,201", "8"])
    tabs.first.click()
    expect(page.locator(".row .score b")).to_have_text(["1,201", "8"])


def test_a_board_whose_seasons_end_says_so_in_its_tabs(
    visit: Visits, api: Api, board: str, screenshots: Path
) -> None:
    api("PATCH", board, {"windows": ["month"], "schedule": "weekly"})
    set_scores(api, board, alice=1200, bob=7)
    page = visit(f"{board}?window=month")
    tabs = page.get_by_role("navigation", name="Windows").get_by_role("link")
    expect(tabs).to_have_text(["This season", "This month"])
    expect_live(page)
    check_looks(page, "windows", screenshots)
