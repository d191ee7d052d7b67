"""Numbers, names and rows have room on phones and on large screens, and the state is in view."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.browser.test_board_page import expect_live
from tests.e2e.viewers import Api

LARGEST = 2**53 - 1
PHONE = {"width": 320, "height": 568}
# The text of each score in the lines in which it is shown.
LINES = """() => [...document.querySelectorAll(".row .score b")].map((score) => {
    const lines = new Map();
    for (const text of score.childNodes) {
        for (const [index, character] of [...text.textContent].entries()) {
            const range = document.createRange();
            range.setStart(text, index);
            range.setEnd(text, index + 1);
            const top = Math.round(range.getBoundingClientRect().top);
            lines.set(top, (lines.get(top) ?? "") + character);
        }
    }
    return [...lines.values()];
})"""

# What each name has between its beginning and the side on which it begins, in pixels.
INDENTS = """() => [...document.querySelectorAll(".row .name")].map((name) => {
    const range = document.createRange();
    range.setStart(name.firstChild, 0);
    range.setEnd(name.firstChild, 1);
    const [box, first] = [name.getBoundingClientRect(), range.getBoundingClientRect()];
    const isRight = getComputedStyle(name).direction === "rtl";
    return isRight ? box.right - first.right : first.left - box.left;
})"""
# How far each score is below its name, in pixels.
DISTANCES = """() => [...document.querySelectorAll(".row")].map((row) => {
    const [name, score] = [".name", ".score"].map((part) => row.querySelector(part));
    return score.getBoundingClientRect().top - name.getBoundingClientRect().bottom;
})"""
HEIGHTS = "() => [...document.querySelectorAll('.row')].map((row) => row.offsetHeight)"


def set_score(api: Api, board: str, player: str, score: int) -> None:
    assert api("PUT", f"{board}players/{player}/score/", {"score": score}).status == 200


def test_a_number_is_broken_between_its_groups_only(visit: Visits, api: Api, board: str) -> None:
    set_score(api, board, "alice", LARGEST)
    set_score(api, board, "bob", -LARGEST)
    for scripted in (True, False):
        page = visit(board, viewport=PHONE, java_script_enabled=scripted)
        if scripted:
            expect_live(page)
        lines = page.evaluate(LINES)
        assert ["".join(line) for line in lines] == [f"{LARGEST:,}", f"−{LARGEST:,}"]
        for line in (part for score in lines for part in score[:-1]):
            assert line.endswith(","), lines
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_digits_are_grouped_as_where_the_viewer_lives(visit: Visits, api: Api, board: str) -> None:
    set_score(api, board, "alice", 1234567)
    page = visit(board, locale="en-IN")
    expect(page.locator(".row .score b").first).to_have_text("12,34,567")


def test_a_long_name_is_cut_at_its_end_whatever_its_direction(
    visit: Visits, api: Api, board: str
) -> None:
    """Where it does not begin at its own side, the dots that say so are out of sight."""
    for player, name in {"alice": "Maximiliane " * 7, "bob": "محمد بن موسى الخوارزمي " * 4}.items():
        assert api("PATCH", f"{board}players/{player}/", {"name": name.strip()}).status == 200
    page = visit(board, viewport=PHONE)
    assert max(page.evaluate(INDENTS)) < 4
    assert page.locator(".row .name").evaluate_all(
        "names => names.every((name) => name.scrollHeight > name.clientHeight)"
    )


def test_no_row_becomes_higher_when_it_moves(visit: Visits, api: Api, board: str) -> None:
    set_score(api, board, "alice", LARGEST - 12345)
    page = visit(board, viewport=PHONE, reduced_motion="reduce")
    expect_live(page)
    assert max(page.evaluate(DISTANCES)) < 8
    before = page.evaluate(HEIGHTS)
    set_score(api, board, "alice", LARGEST)
    set_score(api, board, "bob", 7654321)
    expect(page.locator(".row .added")).to_have_text(["+12,345", "+7,654,321"])
    assert page.evaluate(HEIGHTS) == before


def test_twenty_rows_are_on_one_screen(visit: Visits, api: Api, board: str) -> None:
    assert api("PATCH", board, {"size": 20}).status == 200
    rows = [{"player": f"p{number}", "amount": number, "name": "Katherine"} for number in range(18)]
    assert api("POST", f"{board}scores/", rows).status == 200
    page = visit(board, viewport={"width": 1920, "height": 940})  # what a browser leaves of 1080
    expect_live(page)
    assert page.locator(".row").count() == 20
    expect(page.locator(".row").last).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 320, "height": 568})
    assert_state_stays(page)


def assert_state_stays(page: Page) -> None:
    """Assert that the state is in view wherever the page is scrolled, and hides no focus."""
    page.locator(".row").last.scroll_into_view_if_needed()
    expect(page.locator("#state")).to_be_in_viewport(ratio=1)
    page.locator(".plus").nth(15).focus()
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        clear = """() => document.activeElement.getBoundingClientRect().top
            >= document.querySelector(".status").getBoundingClientRect().bottom"""
        page.wait_for_function(clear)
