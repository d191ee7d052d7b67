"""Every page on phone and desktop, light and dark: no violation that axe-core finds, and a picture
for people to look at."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.e2e.viewers import Api

SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
NAMES = ["Ada Lovelace", "Grace Hopper", "Edsger", "Barbara Liskov", "Alan", "Margaret", "Linus"]
ODD_NAMES = [
    "<img src=x onerror=alert(1)>",
    "‮evil‬ & left again",
    "محمد بن موسى الخوارزمي",
    "👩‍👩‍👧‍👦 the Emojis 🏆",
    "Z" + "\u0315\u0351\u0323\u0300" * 16,
    "W" * 100,
    "a long name of many words " * 3,
    "–",
]


@pytest.fixture
def pages(api: Api, board_id: str) -> Iterator[dict[str, str]]:
    """The path of each page to look at, by name; `board` comes last in the list of boards."""
    full, odd = f"z-{board_id}", f"odd-{board_id}"
    make_board(api, full, "Friday quiz", NAMES, [1204, 987, 955, 640, 320, 41, 0])
    make_board(api, odd, ODD_NAMES[0] + " & friends", ODD_NAMES, [2**53 - 1, 10**7, *range(6)])
    make_board(api, board_id, "An empty board", [], [])
    yield {
        "board": f"/boards/{full}/",
        "odd": f"/boards/{odd}/",
        "embed": f"/boards/{full}/?embed",
        "empty": f"/boards/{board_id}/",
        "home": "/",
        "problem": "/boards/nowhere/",
    }
    for each in (full, odd, board_id):
        api("DELETE", f"/boards/{each}/")


def make_board(api: Api, id: str, name: str, names: list[str], scores: list[int]) -> None:
    assert api("POST", "/boards/", {"id": id, "name": name, "size": 10}).status == 201
    for number, (player, score) in enumerate(zip(names, scores, strict=True)):
        path = f"/boards/{id}/players/"
        body = {"id": f"p{number}", "name": player}
        assert api("POST", path, body).status == 201
        assert api("PUT", f"{path}p{number}/score/", {"score": score}).status == 200


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_accessible_and_has_its_picture_taken(
    visit: Visits, pages: dict[str, str], screenshots: Path, size: str, colours: str
) -> None:
    width, height = SIZES[size]
    options: dict[str, Any] = {"viewport": {"width": width, "height": height}}
    for name, path in pages.items():
        page = visit(path, color_scheme=colours, reduced_motion="reduce", **options)
        if path.startswith("/boards/") and name != "problem":
            expect(page.locator("#state")).to_have_text("Live")
        page.screenshot(path=screenshots / f"{name}-{size}-{colours}.png", full_page=True)
        found = Axe().run(page)
        assert not found.violations_count, f"{name}: {found.generate_report()}"
        assert_nothing_sticks_out(page, name)
    visit.forgive("404 .*nowhere")


def assert_nothing_sticks_out(page: Page, name: str) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide, f"{name} scrolls sideways"
