"""Tabs of a board have one stream, as the server sees it, whatever becomes of one of them."""

import contextlib
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from leaderboardapp.web.auth import create_token
from tests.browser.stream_counter import StreamCounter
from tests.browser.stream_counter import counter as counter
from tests.browser.test_board_page import expect_live, expect_rows, record_states
from tests.e2e.viewers import Api
from tests.support.programs import wait_until
from tests.support.stack import Stack

AFTER = ("Bob", "1"), ("Alice", "0")
# A tab does without a worker that does not answer within three seconds, which are few for ten tabs
# on a busy machine.
PATIENT = """const set = setTimeout;
window.setTimeout = (call, ms, ...rest) => set(call, ms === 3000 ? 60_000 : ms, ...rest);"""


@pytest.fixture
def context(chromium: Browser, counter: StreamCounter, made: list[str]) -> Iterator[BrowserContext]:
    """One browser, whose tabs know of each other."""
    context = chromium.new_context(base_url=f"http://localhost:{counter.port}")
    yield context
    context.close()


@pytest.fixture
def open_tabs(context: BrowserContext, board: str) -> Callable[[int], list[Page]]:
    """Opens live tabs of the board."""

    context.add_init_script(PATIENT)

    def open_tabs(count: int) -> list[Page]:
        tabs = [context.new_page() for _ in range(count)]
        for tab in tabs:
            tab.goto(board)
        expect_live(*tabs)
        return tabs

    return open_tabs


def add_score(api: Api, board: str) -> None:
    assert api("POST", f"{board}players/bob/score-add/").status == 200


def put_forward(tab: Page, seconds: int) -> None:
    """Have the clock of this tab, and of no other one, say that so many seconds are over."""
    script = "(ms) => { const now = performance.now(); performance.now = () => now + ms; }"
    tab.evaluate(script, 1000 * seconds)


def expect_streams(counter: StreamCounter, number: int) -> None:
    wait_until(lambda: counter.open == number, f"{number} streams")


def test_ten_tabs_have_one_stream_which_ends_with_the_last_of_them(
    open_tabs: Callable[[int], list[Page]], counter: StreamCounter, api: Api, board: str
) -> None:
    tabs = open_tabs(10)  # more than a browser has connections to a host
    assert (counter.begun, counter.open) == (1, 1)
    record_states(tabs[-1])
    put_forward(tabs[-1], 30)  # over which nothing has to come
    tabs[-1].wait_for_timeout(1500)  # it looks at its clock each second
    add_score(api, board)
    for tab in tabs:
        expect_rows(tab, *AFTER)
    for tab in tabs[:-1]:  # the one that was there first, too
        tab.close()
    add_score(api, board)
    expect_rows(tabs[-1], ("Bob", "2"), ("Alice", "0"))
    assert (counter.begun, counter.open) == (1, 1)
    assert tabs[-1].evaluate("states") == []
    tabs[-1].close()
    expect_streams(counter, 0)


def test_a_tab_that_ends_its_watch_leaves_the_others_live_and_the_last_ends_the_stream(
    open_tabs: Callable[[int], list[Page]], counter: StreamCounter, api: Api, board: str
) -> None:
    one, two = open_tabs(2)
    change = """(state) => {
        Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    one.evaluate(change, "hidden")
    add_score(api, board)
    expect_rows(two, *AFTER)
    expect_rows(one, ("Alice", "0"), ("Bob", "0"))
    two.evaluate(change, "hidden")
    expect_streams(counter, 0)
    one.evaluate(change, "visible")
    expect_rows(one, *AFTER)
    assert (counter.begun, counter.open) == (2, 1)


def test_a_tab_that_crashes_is_forgotten(
    open_tabs: Callable[[int], list[Page]], counter: StreamCounter
) -> None:
    (tab,) = open_tabs(1)
    with tab.expect_event("crash"), contextlib.suppress(Error):
        tab.goto("chrome://crash", wait_until="commit")
    expect_streams(counter, 0)
    open_tabs(1)
    assert (counter.begun, counter.open) == (2, 1)


def test_a_tab_whose_worker_died_comes_back(
    context: BrowserContext, counter: StreamCounter, api: Api, board: str
) -> None:
    context.add_init_script(
        "window.SharedWorker = class extends SharedWorker {"
        "constructor(...options) { super(...options); window.worker = this; } }"
    )
    tab = context.new_page()
    tab.clock.install()
    tab.goto(board)
    expect_live(tab)
    tab.evaluate("worker.port.close()")  # after which it hears nothing, and is not told
    add_score(api, board)
    tab.clock.fast_forward(46_000)
    expect_rows(tab, *AFTER)
    expect_live(tab)


def test_all_tabs_survive_a_proxy_that_is_killed(
    open_tabs: Callable[[int], list[Page]],
    counter: StreamCounter,
    stack: Stack,
    api: Api,
    board: str,
) -> None:
    tabs = open_tabs(10)
    stack.pushpin.stop()
    for tab in tabs:
        expect(tab.locator("#state")).to_have_text(re.compile("(Reconnecting|No connection) since"))
    stack.pushpin.start()
    stack.pushpin.wait_for_port(stack.port)
    expect_live(*tabs)
    add_score(api, board)
    for tab in tabs:
        expect_rows(tab, *AFTER)
    expect_streams(counter, 1)


def test_a_tab_that_finds_the_link_dead_has_all_tabs_come_back(
    open_tabs: Callable[[int], list[Page]], counter: StreamCounter, api: Api, board: str
) -> None:
    tabs = open_tabs(2)
    clients = [client for client, _ in counter.pairs]
    counter.cut(next(index for index, end in enumerate(clients) if end in counter.streams))
    add_score(api, board)
    put_forward(tabs[0], 46)
    for tab in tabs:
        expect_rows(tab, *AFTER)
    expect_live(*tabs)
    assert counter.begun == 2


def test_tabs_with_other_tokens_have_streams_of_their_own(
    context: BrowserContext, counter: StreamCounter, api: Api, board: str, board_id: str
) -> None:
    assert api("PATCH", board, {"private": True}).status == 200
    first, second = (create_token(["read"], [board_id], seconds) for seconds in (60, 70))
    for token in (first, second, first, second):
        tab = context.new_page()
        tab.goto(f"{board}?token={token}")
        expect_live(tab)
    assert (counter.begun, counter.open) == (2, 2)


@pytest.mark.parametrize(
    "lack",
    [
        "delete window.SharedWorker",
        "delete Navigator.prototype.locks",
        "window.SharedWorker = class { port = {} }",  # never says that it is there
    ],
    ids=["workers", "locks", "answers"],
)
def test_a_browser_without_what_it_takes_has_a_stream_for_each_tab(
    lack: str, context: BrowserContext, counter: StreamCounter, api: Api, board: str
) -> None:
    context.add_init_script(lack)
    tabs = [context.new_page() for _ in range(2)]
    for tab in tabs:
        tab.goto(board)
        expect_live(tab)
    add_score(api, board)
    for tab in tabs:
        expect_rows(tab, *AFTER)
    assert (counter.begun, counter.open) == (2, 2)


def test_a_worker_that_cannot_be_loaded_is_done_without(
    context: BrowserContext, counter: StreamCounter, api: Api, board: str
) -> None:
    context.add_init_script(
        "window.SharedWorker = class extends SharedWorker {"
        "constructor() { super('/static/leaderboardapp/missing.js'); } };"
        # It does not have to wait until the worker should have said that it is there.
        "const set = setTimeout; window.setTimeout = (call, ms) => ms < 3000 && set(call, ms);"
    )
    tab = context.new_page()
    tab.goto(board)
    expect_live(tab)
    add_score(api, board)
    expect_rows(tab, *AFTER)
    assert (counter.begun, counter.open) == (1, 1)
