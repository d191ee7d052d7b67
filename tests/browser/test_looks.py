"""Every page on phone and desktop, light and dark: no violation that axe-core finds, no complaint
in the console, nothing from another host, and a picture for people to look at."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.e2e.viewers import Api

Look = Callable[[str], Page]
Check = Callable[[Page, str], None]

SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
NAMES = ["Ada Lovelace", "Grace Hopper", "Edsger", "Barbara Liskov", "Alan", "Margaret", "Linus"]
ODD_NAMES = [
    "<img src=x onerror=alert(1)>",
    "\u200fmarks of direction\u200e & left again",
    "محمد بن موسى الخوارزمي",
    "👩‍👩‍👧‍👦 the Emojis 🏆",
    "Z" + "\u0315\u0351\u0323\u0300" * 16,
    "W" * 100,
    "a long name of many words " * 3,
    "–",
]


@pytest.fixture
def pages(api: Api, board_id: str, made: list[str]) -> dict[str, str]:
    """The path of each page to look at, by name; `board` comes last in the list of boards."""
    full, odd, private = f"z-{board_id}", f"odd-{board_id}", f"private-{board_id}"
    made += [f"/boards/{each}/" for each in (full, odd, private, board_id)]
    make_board(api, full, "Friday quiz", NAMES, [1204, 987, 955, 640, 320, 41, 0])
    make_board(api, odd, ODD_NAMES[0] + " & friends", ODD_NAMES, [2**53 - 1, 10**7, *range(6)])
    make_board(api, board_id, "An empty board", [], [])
    make_board(api, private, "Top secret", [], [])
    assert api("PATCH", f"/boards/{private}/", {"private": True}).status == 200
    return {
        "board": f"/boards/{full}/",
        "odd": f"/boards/{odd}/",
        "embed": f"/boards/{full}/?embed",
        "empty": f"/boards/{board_id}/",
        "home": "/",
        "problem": "/boards/nowhere/",
        "refused": f"/boards/{private}/",
        "docs": "/docs",
        "kinds": "/docs/problems/",
    }


def make_board(api: Api, id: str, name: str, names: list[str], scores: list[int]) -> None:
    assert api("POST", "/boards/", {"id": id, "name": name, "size": 10}).status == 201
    for number, (player, score) in enumerate(zip(names, scores, strict=True)):
        path = f"/boards/{id}/players/"
        body = {"id": f"p{number}", "name": player}
        assert api("POST", path, body).status == 201
        assert api("PUT", f"{path}p{number}/score/", {"score": score}).status == 200


@pytest.fixture(params=["light", "dark"])
def colours(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def look(visit: Visits, size: str, colours: str) -> Look:
    """Visit a page with a screen of that size and those colours."""
    width, height = SIZES[size]
    options: dict[str, Any] = {"viewport": {"width": width, "height": height}}
    return lambda path: visit(path, color_scheme=colours, reduced_motion="reduce", **options)


@pytest.fixture
def check(screenshots: Path, size: str, colours: str) -> Check:
    """Take the page's picture, and look for what is wrong with it."""

    def check(page: Page, name: str) -> None:
        page.screenshot(path=screenshots / f"{name}-{size}-{colours}.png", full_page=True)
        found = Axe().run(page)
        assert not found.violations_count, f"{name}: {found.generate_report()}"
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, f"{name} scrolls sideways"

    return check


def test_every_page_is_accessible_and_has_its_picture_taken(
    visit: Visits, look: Look, check: Check, pages: dict[str, str]
) -> None:
    for name, path in pages.items():
        page = look(path)
        if path.startswith("/boards/") and name not in ("problem", "refused"):
            expect(page.locator("#state")).to_have_text("Live")
        if name == "docs":
            expect(page.get_by_role("heading", name="Requests")).to_be_visible()
        check(page, name)
    visit.forgive("404", "nowhere")
    visit.forgive("401", "private")


def test_the_list_without_a_board_is_accessible(look: Look, check: Check) -> None:
    page = look("/")
    expect(page.get_by_role("heading", name="There is no board here yet")).to_be_visible()
    check(page, "no-board")


def test_a_board_is_accessible_whatever_happens(
    visit: Visits, look: Look, check: Check, api: Api, pages: dict[str, str]
) -> None:
    path = pages["board"]
    page = look(path)
    state = page.locator("#state")
    expect(state).to_have_text("Live")
    assert api("PATCH", path, {"max": 1204}).status == 200
    page.get_by_role("button", name="+1 for Ada").click()
    expect(page.locator(".row").get_by_role("alert")).to_be_visible()
    check(page, "row-error")
    assert api("POST", f"{path}players/", {"name": "Katherine Johnson"}).status == 201
    expect(page.locator(".toast")).to_be_visible()
    check(page, "toast")
    page.route(f"**{path}", lambda route: route.abort())
    page.evaluate("dispatchEvent(new Event('online'))")  # on which the stream is started again
    expect(state).to_have_text(re.compile("Reconnecting since"))
    check(page, "lost")
    page.unroute(f"**{path}")
    expect(state).to_have_text("Live")
    api("DELETE", path)
    expect(page.locator("#trouble")).to_be_visible()
    check(page, "deleted")
    page.close()  # it would go on asking for the board, and complain
    visit.forgive("422")
    visit.forgive("ERR_FAILED")
    visit.forgive("404")
