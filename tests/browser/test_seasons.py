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

BERLIN = {"every": "week", "on": "monday", "at": "06:00", "zone": "Europe/Berlin"}


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
    end = page.locator("#season-text time")
    expect(end).to_have_attribute("datetime", ends_at)
    expect(end).to_contain_text("5:45 AM")  # midnight in UTC
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


def test_the_next_ends_are_there_without_scripts(visit: Visits, api: Api, board: str) -> None:
    api("PATCH", board, {"schedule": BERLIN})
    ends = api("GET", f"{board}seasons/").json["next_ends"]
    page = visit(board, java_script_enabled=False)
    times = page.locator("#ends time")
    expect(times.first).to_be_hidden()
    page.get_by_text("Next ends").click()
    expect(times.first).to_be_visible()
    texts = [f"{end:%-d %b %Y, %H:%M} UTC" for end in map(datetime.fromisoformat, ends)]
    expect(times).to_have_text(texts)


def test_the_next_ends_are_those_of_the_schedule_at_home(
    visit: Visits, api: Api, board: str
) -> None:
    api("PATCH", board, {"schedule": "weekly", "windows": ["month"]})
    page = visit(board, timezone_id="Asia/Kathmandu")
    expect_live(page)
    times = page.locator("#ends time")
    page.get_by_text("Next ends").click()
    expect(times).to_contain_text(["Mon", "Mon", "Mon"])
    expect(times).to_contain_text(["5:45 AM"] * 3)
    api("PATCH", board, {"schedule": {"every": "week", "on": "friday"}})
    expect(times).to_contain_text(["Fri", "Fri", "Fri"])
    page.get_by_text("Next ends").click()
    api("PATCH", board, {"schedule": "daily"})
    expect(times).to_have_count(1)  # the others are read when they are looked at
    page.get_by_text("Next ends").click()
    expect(times).to_have_count(3)
    api("PATCH", board, {"schedule": None})
    expect(page.get_by_text("Next ends")).to_be_hidden()
    window = visit(f"{board}?window=month")
    window.get_by_text("Next ends").click()
    ends = api("GET", f"{board}seasons/?window=month").json["next_ends"]
    shown = "times => times.map(time => time.dateTime)"
    assert window.locator("#ends time").evaluate_all(shown) == ends and len(ends) == 3


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_moves_while_the_page_comes_alive(
    visit: Visits, api: Api, board: str, width: int
) -> None:
    api("PATCH", board, {"schedule": BERLIN, "windows": ["day"]})
    set_scores(api, board, alice=1200, bob=7)
    api("POST", f"{board}reset/")
    watch = """window.shifts = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) shifts += entry.value;
    }).observe({ type: "layout-shift", buffered: true });"""
    page = visit(
        board,
        lambda page: page.add_init_script(watch),
        viewport={"width": width, "height": 800},
        timezone_id="America/St_Johns",
    )
    expect_live(page)
    expect(page.locator("#season-text")).to_contain_text("ends in")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("shifts") < 0.01


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
    page.get_by_role("button", name="Close").press("Enter")
    expect(page.locator("#over")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_focused()


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
        page.get_by_text("Next ends").click()
        expect(page.locator("#ends time")).to_have_count(3)
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
    page.get_by_text("Next ends").click()
    check_looks(page, "windows", screenshots)
