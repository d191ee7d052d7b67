"""A page whose connection died says so, since when, and comes back by itself.

The page's clock is moved, so that nobody has to wait for 45 seconds."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from leaderboardapp.realtime.formats import KEEP_ALIVE, stream_event
from tests.browser.conftest import Visits
from tests.browser.test_board_page import (
    expect_live,
    expect_rows,
    join,
    plus,
    publish,
    publish_joined,
    record_states,
)
from tests.e2e.viewers import Api
from tests.faults.link import Link
from tests.support.programs import PROJECT, wait_until
from tests.support.stack import Stack

BEFORE = ("Alice", "0"), ("Bob", "0")
AFTER = ("Bob", "1"), ("Alice", "0")
SECOND = 1000


@pytest.fixture
def link(stack: Stack) -> Iterator[Link]:
    with Link(stack.port) as link:
        yield link


@pytest.fixture
def visit(chromium: Browser, link: Link, made: list[str]) -> Iterator[Visits]:
    """Visits through the link."""
    visits = Visits(chromium, link.port)
    yield visits
    link.restore()
    for page in visits.pages:
        page.context.close()
    assert visits.complaints == []


@pytest.fixture
def page(visit: Visits, board: str) -> Page:
    """A live page, whose clock can be moved."""
    page = visit(board, prepare=lambda page: page.clock.install())
    expect_live(page)
    record_states(page)
    return page


def expect_lost(page: Page, words: str, timeout: float | None = None) -> None:
    expect(page.locator("#state")).to_have_text(
        re.compile(f"{words} since .*[0-9]"), timeout=timeout
    )


def seconds_since(page: Page) -> float:
    """Return how long ago, by the page's clock, the page says that it was connected last."""
    script = "Date.now() - Date.parse(document.querySelector('#state time').dateTime)"
    return float(page.evaluate(script)) / SECOND


def come_back(page: Page) -> None:
    """Move the page's clock over its pauses, until it is live. The browser may try its other
    connections first, which are dead, too."""
    for _ in range(20):
        page.clock.fast_forward(37 * SECOND)
        try:
            return expect(page.locator("#state")).to_have_text("Live", timeout=1000)
        except AssertionError:
            pass
    expect_live(page)


def change_visibility(page: Page, state: str) -> None:
    page.evaluate(
        """(value) => {
            Object.defineProperty(document, "visibilityState", { value, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )


def add_score(api: Api, board: str) -> None:
    assert api("POST", f"{board}players/bob/score-add/").status == 200


def test_a_link_that_dies_silently_is_noticed_and_recovered_from(
    page: Page, link: Link, api: Api, board: str, screenshots: Path
) -> None:
    page.screenshot(path=screenshots / "link-alive.png")
    silent_at = page.evaluate("Date.now()")
    page.evaluate(
        "new MutationObserver(() => { window.lostAt ??= Date.now(); })"
        ".observe(state, { attributes: true })"
    )
    link.go_silent()
    add_score(api, board)
    page.clock.fast_forward(30 * SECOND)
    assert page.evaluate("states") == [], "a keep-alive may still come"
    page.clock.fast_forward(14 * SECOND)
    expect_lost(page, "Reconnecting")
    since = page.evaluate("Date.parse(document.querySelector('#state time').dateTime)")
    assert 40 < (page.evaluate("lostAt") - since) / SECOND <= 45
    page.clock.fast_forward(10 * SECOND)
    expect_lost(page, "No connection")
    silent_for = (page.evaluate("Date.now()") - silent_at) / SECOND
    assert silent_for - 5 <= seconds_since(page) < silent_for + 15
    expect(page.locator("#news")).to_have_text(re.compile("The scores are as of .*[0-9]"))
    page.screenshot(path=screenshots / "link-dead.png")
    page.clock.fast_forward(300 * SECOND)
    expect_rows(page, *BEFORE)
    expect_lost(page, "No connection")
    link.restore()
    come_back(page)
    expect_rows(page, *AFTER)


def test_a_page_is_live_for_as_long_as_keep_alives_come(
    page: Page, stack: Stack, board_id: str
) -> None:
    for number in range(3):
        page.clock.fast_forward(30 * SECOND)
        publish(stack, board_id, stream_event(KEEP_ALIVE, "{}"))
        publish_joined(stack, board_id, f"Number {number}")
        expect(page.locator(".toast").last).to_have_text(f"Number {number} joined")
    assert page.evaluate("states") == []


def test_a_computer_that_slept_comes_back(page: Page, link: Link, api: Api, board: str) -> None:
    link.cut()  # of what was open before, nothing is when it wakes
    add_score(api, board)
    # The clock goes on during a sleep, but neither timers nor performance.now().
    page.clock.set_system_time(page.evaluate("Date.now() / 1000 + 9 * 3600"))
    expect_lost(page, "Reconnecting")
    assert 9 * 3600 <= seconds_since(page) < 10 * 3600
    come_back(page)
    expect_rows(page, *AFTER)


def test_a_page_is_not_live_after_a_long_time_in_the_background(page: Page, link: Link) -> None:
    change_visibility(page, "hidden")
    link.go_silent()
    page.clock.fast_forward("26:00:00")
    assert page.evaluate("states") == []
    change_visibility(page, "visible")
    expect_lost(page, "Reconnecting", timeout=5000)  # before the first attempt has failed
    assert seconds_since(page) >= 26 * 3600
    date = page.evaluate(
        "new Date(Date.now() - 26 * 3600 * 1000).toLocaleDateString([], { dateStyle: 'medium' })"
    )
    expect(page.locator("#state")).to_contain_text(date)
    link.restore()
    come_back(page)


def test_a_clock_that_is_put_back_hides_no_dead_link(page: Page, link: Link) -> None:
    link.go_silent()
    page.clock.set_system_time(page.evaluate("Date.now() / 1000 - 3600"))
    page.clock.fast_forward(46 * SECOND)
    expect_lost(page, "Reconnecting")


def test_a_browser_that_goes_offline_says_so_and_comes_back(
    page: Page, visit: Visits, api: Api, board: str
) -> None:
    page.context.set_offline(True)
    expect_lost(page, "Reconnecting")
    assert seconds_since(page) < 30
    add_score(api, board)
    page.context.set_offline(False)
    expect_live(page)
    expect_rows(page, *AFTER)
    visit.complaints.clear()  # of attempts while it was offline, of which there may be none


# In the page's `keepAlives`, how many have come, on whichever stream.
COUNT_KEEP_ALIVES = f"""
    window.keepAlives = 0;
    window.EventSource = class extends EventSource {{
        constructor(url) {{
            super(url);
            this.addEventListener("{KEEP_ALIVE}", () => keepAlives++);
        }}
    }};
"""


def test_the_example_of_the_documentation_begins_anew_without_keep_alives(
    visit: Visits, link: Link, stack: Stack, api: Api, board: str, board_id: str
) -> None:
    text = (PROJECT / "docs" / "clients.md").read_text()
    example = re.findall(r"```js\n(.*?)```", text, re.DOTALL)[0].replace("/boards/demo/", board)

    def prepare(page: Page) -> None:
        page.route("**/favicon.ico", lambda route: route.fulfill())
        page.clock.install()

    page = visit("/healthz", prepare)
    record = "window.shown = []; console.table = (players) => { shown.push(players[0].score); };"
    page.evaluate(f"() => {{ {record} {COUNT_KEEP_ALIVES} {example} }}")
    wait_until(lambda: page.evaluate("shown.at(-1)") == 0, "the snapshot")
    for count in (1, 2):
        page.clock.fast_forward(30 * SECOND)
        publish(stack, board_id, stream_event(KEEP_ALIVE, "{}"))
        wait_until(lambda: page.evaluate("keepAlives") == count, "the keep-alive")  # noqa: B023
    link.cut()
    add_score(api, board)
    assert page.evaluate("shown.at(-1)") == 0
    page.clock.fast_forward(51 * SECOND)
    wait_until(lambda: page.evaluate("shown.at(-1)") == 1, "the new score")


GONE = "The server cannot be reached. Try again."
HURRY = """() => {
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    AbortSignal.timeout = (ms) => timeout(ms / 50);
}"""


def test_a_press_on_a_dead_link_is_given_up(
    visit: Visits, link: Link, api: Api, board: str
) -> None:
    page = visit(board)
    expect_live(page)
    page.evaluate(HURRY)
    link.go_silent()
    plus(page, "Bob")
    expect(page.locator(".row .error")).to_have_text(GONE)
    join(page, "Carol")
    expect(page.locator("#join-error")).to_have_text(GONE)
    shown = [(row["name"], row["score"]) for row in api("GET", board).json["players"]]
    assert shown == [("Alice", 0), ("Bob", 0)]


def test_the_dashboard_gives_up_a_request_on_a_dead_link(
    visit: Visits, link: Link, board: str
) -> None:
    page = visit(f"{board}manage/")
    expect(page.locator("#players-table tbody tr")).to_have_count(2)
    page.evaluate(HURRY)
    link.go_silent()
    page.get_by_label("Players shown").fill("7")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The service cannot be reached.")).to_be_visible()
