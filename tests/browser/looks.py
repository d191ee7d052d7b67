"""How a page looks: on phone and desktop, light and dark, with a picture of each."""

from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
COLOURS: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def check_looks(page: Page, name: str, screenshots: Path, full_page: bool = True) -> None:
    """Give the page each size and colours in turn, and check it: one start of a page for all."""
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for colours in COLOURS:
            page.emulate_media(color_scheme=colours, reduced_motion="reduce")
            page.evaluate("new Promise(requestAnimationFrame)")  # scripts are told before it
            picture = screenshots / f"{name}-{size}-{colours}.png"
            # With what moves at its end: a colour on its way to another one has any contrast.
            page.screenshot(path=picture, full_page=full_page, animations="disabled")
            assert_accessible(page, f"{name}-{size}-{colours}")


def assert_accessible(page: Page, name: str) -> None:
    """Assert that axe-core finds nothing wrong with the page, which is no wider than the screen."""
    report = Axe().run(page)
    assert not report.violations_count, f"{name}: {report.generate_report()}"
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide, f"{name} scrolls sideways"
