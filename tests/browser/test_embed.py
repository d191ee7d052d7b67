"""A board in a frame of another site: the documentation's example, in a page of another origin."""

import functools
import re
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import pyvips
from playwright.sync_api import Frame, Page, expect

from leaderboardapp.web.auth import create_token
from tests.browser.conftest import Visits
from tests.browser.looks import check_looks
from tests.e2e.viewers import Api
from tests.support.programs import PROJECT, free_ports, wait_until

EXAMPLE = re.search(
    r"```html\n(<iframe .*?</iframe>)\n(<script .*?</script>)\n```",
    (PROJECT / "docs" / "clients.md").read_text(),
    re.DOTALL,
)
# Another frame, of the page's own origin, says what only those of the service may.
LIE = """() => new Promise((done) => {
    addEventListener("message", ({ data }) => data.height === 9 && done());
    const frame = document.createElement("iframe");
    const message = JSON.stringify({ type: "leaderboard-frame", height: 9, theme: "light" });
    frame.srcdoc = `<script>parent.postMessage(${message}, "*")</` + "script>";
    document.body.append(frame);
})"""
BACKGROUND = [255, 0, 255]  # of the page around the frame: no colour of ours


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def show(visit: Visits, tmp_path: Path) -> Iterator[Callable[[str], Page]]:
    """show(html): a page with this body, of another origin, in the browser."""
    [port] = free_ports(1)
    handler = functools.partial(SilentHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def show(body: str) -> Page:
            head = '<!doctype html><title>A site</title><link rel="icon" href="data:,">'
            style = f"<style>body {{ background: rgb{tuple(BACKGROUND)} }}</style>"
            (tmp_path / "index.html").write_text(f"{head}{style}<main>{body}</main>")
            page = visit("/healthz")
            page.goto(f"http://127.0.0.1:{port}/index.html")
            return page

        yield show
        server.shutdown()
        thread.join()


def get_frame(page: Page) -> Frame:
    wait_until(lambda: len(page.frames) > 1, "the frame")
    return page.frames[1]


def get_heights(page: Page) -> tuple[int, int]:
    """Return the height of the frame, and that of what is in it."""
    frame = page.evaluate("document.querySelector('iframe').clientHeight")
    body = get_frame(page).evaluate("document.body.getBoundingClientRect().height")
    return frame, round(body)


def expect_fit(page: Page, than: Callable[[int], bool]) -> None:
    def fits() -> bool:
        frame, body = get_heights(page)
        return abs(frame - body) <= 1 and than(frame)

    wait_until(fits, "the frame's height")


def test_the_documented_example_is_as_high_as_its_board_transparent_and_coloured(
    show: Callable[[str], Page], visit: Visits, api: Api, board: str, screenshots: Path
) -> None:
    assert EXAMPLE
    iframe, script = (
        part.replace("http://localhost:7999", visit.address).replace("/boards/demo/", board)
        for part in EXAMPLE.groups()
    )
    page = show(iframe)
    frame = get_frame(page)
    expect(frame.locator("#state")).to_have_attribute("data-state", "live")
    before, needed = get_heights(page)
    assert before != needed, "the example has a height for a page without the script"
    source = re.search('src="(.*?)"', script)
    assert source
    page.add_script_tag(url=source[1])  # later than the frame's first message
    expect_fit(page, lambda height: height != before)
    two, _ = get_heights(page)
    for name in ("Carol", "Dave", "Eve"):
        body = {"id": name.lower(), "name": name}
        assert api("POST", f"{board}players/", body).status == 201
    expect(frame.locator(".row")).to_have_count(5)
    assert frame.locator(".row:visible").count() == 3
    expect_fit(page, lambda height: height > two)
    page.evaluate(LIE)
    assert page.locator("iframe").nth(1).evaluate("frame => frame.style.height") == ""
    page.screenshot(path=screenshots / "embed-site.png", animations="disabled")
    for player in ("alice", "bob", "carol"):
        assert api("DELETE", f"{board}players/{player}/").status == 204
    expect_fit(page, lambda height: height == two)

    assert frame.evaluate("getComputedStyle(document.querySelector('.row')).color") == (
        "rgb(240, 239, 245)"  # the ink of the dark theme, whatever the system's is
    )
    box = page.locator("iframe").first.bounding_box()
    assert box
    picture = pyvips.Image.new_from_buffer(page.screenshot(animations="disabled"), "")
    corner = picture.getpoint(int(box["x"]) + 1, int(box["y"]) + 1)
    assert corner[:3] == BACKGROUND, "what is behind the frame is seen"


def test_a_private_board_is_shown_in_a_frame_to_whom_the_token_allows(
    show: Callable[[str], Page], visit: Visits, api: Api, board: str, board_id: str
) -> None:
    assert api("PATCH", board, {"private": True}).status == 200
    token = create_token(["read"], [board_id], 600)
    script = f'<script src="{visit.address}/static/leaderboardapp/frames.js"></script>'
    page = show(f'<iframe src="{visit.address}{board}?embed&token={token}"></iframe>{script}')
    expect(get_frame(page).locator(".row")).to_have_count(2)
    page = show(f'<iframe src="{visit.address}{board}?embed"></iframe>{script}')
    expect(get_frame(page).get_by_role("heading", name="This board is private")).to_be_visible()
    expect_fit(page, lambda height: height != 150)
    assert get_frame(page).locator("a").count() == 0
    visit.forgive("401")


@pytest.mark.parametrize("accent", ["", "ffee00", "101116"])
def test_an_embedded_board_is_accessible_on_any_page(
    visit: Visits, screenshots: Path, board: str, api: Api, accent: str
) -> None:
    settings = {"windows": ["day"], "name": "Friday quiz", "schedule": "weekly"}
    assert api("PATCH", board, settings).status == 200
    query = f"?embed&accent={accent}" if accent else "?embed"
    page = visit(f"{board}{query}")
    expect(page.locator("#state")).to_have_text("Live")
    # axe takes what is behind the transparent page for white, in both colour schemes.
    check_looks(page, f"embed-{accent or 'plain'}", screenshots)


def test_a_frame_with_a_border_is_high_enough_on_sites_that_count_borders(
    show: Callable[[str], Page], visit: Visits, board: str
) -> None:
    style = "<style>* { box-sizing: border-box } iframe { border: 9px solid }</style>"
    script = f'<script src="{visit.address}/static/leaderboardapp/frames.js"></script>'
    page = show(f'{style}<iframe src="{visit.address}{board}?embed"></iframe>{script}')
    expect_fit(page, lambda height: height != 150 - 2 * 9)
    frame = get_frame(page)
    with frame.expect_navigation():
        frame.evaluate("location.reload()")
    expect(frame.locator("#state")).to_have_attribute("data-state", "live")
    expect_fit(page, lambda height: height != 150 - 2 * 9)
    assert frame.evaluate("document.documentElement.scrollHeight <= innerHeight")
