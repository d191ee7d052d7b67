"""The player who joined on this page: remembered, highlighted, and told the own rank."""

import json
import re

from playwright.sync_api import Page, Route, expect

from leaderboardapp.web.auth import create_token
from tests.browser.conftest import Visits
from tests.browser.test_board_page import expect_live, join
from tests.e2e.viewers import Api


def set_score(api: Api, board: str, player: str, score: int) -> None:
    assert api("PUT", f"{board}players/{player}/score/", {"score": score}).status == 200


def expect_place(page: Page, words: str) -> None:
    expect(page.locator("#you")).to_have_text(words)


def own_id(page: Page) -> str:
    """Return the id of the player who joined on the page."""
    return str(page.locator(".row.own").get_attribute("data-id"))


def test_who_joins_is_told_the_place_and_followed_until_deleted(
    visit: Visits, api: Api, board: str
) -> None:
    assert api("PATCH", board, {"size": 2}).status == 200
    set_score(api, board, "alice", 9)
    page = visit(board)
    expect_live(page)
    join(page, "Carol")
    expect_place(page, "You are 3rd of 3")
    expect(page.locator("#news")).to_have_text("You joined as Carol. You are 3rd of 3.")
    own, around = page.locator(".row.own"), page.locator("#around .row")
    expect(around.locator(".name")).to_have_text(["Carol"])  # the others are among the best
    expect(page.locator("#around")).not_to_have_class(re.compile("apart"))  # nobody is in between
    expect(around).to_contain_text("You")
    carol = own_id(page)
    for player in ("dave", "erin"):
        api("POST", f"{board}players/", {"id": player, "name": player.title()})
        set_score(api, board, player, 1)
    expect_place(page, "You are 5th of 5")
    expect(around.locator(".name")).to_have_text(["Erin", "Bob", "Carol"])
    page.reload()
    expect_place(page, "You are 5th of 5")
    around.last.get_by_role("button", name="+1 for Carol").click()
    set_score(api, board, carol, 12)
    expect_place(page, "You are 1st of 5")
    expect(page.locator("#ranking .own .name")).to_have_text("Carol")
    expect(around).to_have_count(0)
    expect(own).to_have_count(1)
    expect(page.get_by_role("button", name="+1 for Carol")).to_be_focused()  # in the other list
    api("PATCH", f"{board}players/{carol}/", {"hidden": True})
    expect_place(page, "You are not ranked at the moment")
    api("DELETE", f"{board}players/{carol}/")
    expect_place(page, "You are no longer on this board")
    expect(page.locator("#joined")).to_be_hidden()
    set_score(api, board, "bob", 20)
    expect(page.locator("#ranking .name").first).to_have_text("Bob")
    expect_place(page, "You are no longer on this board")
    page.reload()
    expect_live(page)
    expect(page.locator("#you, .own").locator("visible=true")).to_have_count(0)


def test_nobody_is_ranked_before_a_first_score_on_an_ascending_board_or_in_a_window(
    visit: Visits, api: Api, board: str
) -> None:
    assert api("PATCH", board, {"order": "asc", "windows": ["week"]}).status == 200
    page = visit(board)
    expect_live(page)
    join(page, "Carol")
    expect_place(page, "You are not ranked before your first score")
    page.goto(page.url + "?window=week")
    expect_place(page, "You are not ranked before your first score")
    carol = json.loads(page.evaluate("Object.values(localStorage)[0]"))["id"]
    set_score(api, board, carol, 7)
    expect_place(page, "You are 1st")  # the own rank in the window is asked for again
    page.goto(page.url.partition("?")[0])
    expect_place(page, "You are 1st of 1")


def test_another_player_may_join_from_the_same_browser(visit: Visits, board: str) -> None:
    page = visit(board)
    expect_live(page)
    join(page, "Carol")
    expect(page.locator("#joined-name")).to_have_text("Carol")
    expect(page.get_by_role("heading", name="Join as somebody else")).to_be_visible()
    join(page, "Dave")
    expect(page.locator(".row.own .name")).to_have_text(["Dave"])
    expect_place(page, "You are 4th of 4")
    page.goto(page.url + "?embed")  # a frame of another page shows the board alone
    expect_live(page)
    expect(page.locator(".row.own")).to_have_count(0)
    page.go_back()
    expect_place(page, "You are 4th of 4")
    page.get_by_role("button", name="Not you?").click()
    expect(page.get_by_label("Your name")).to_be_focused()
    expect(page.locator("#you, .own, #joined").locator("visible=true")).to_have_count(0)
    assert page.evaluate("Object.values(localStorage).join()") == "null"


def test_the_own_rank_is_told_without_storage_and_on_a_private_board(
    visit: Visits, api: Api, board: str, board_id: str
) -> None:
    assert api("PATCH", board, {"private": True}).status == 200
    refused = """Object.defineProperty(window, "localStorage", {
        get() { throw new DOMException("refused", "SecurityError"); }
    });"""
    token = create_token(["read"], [board_id], 60)
    page = visit(f"{board}?token={token}", lambda page: page.add_init_script(refused))
    expect_live(page)
    join(page, "Carol")
    expect_place(page, "You are 3rd of 3")
    expect(page.locator(".row.own .name")).to_have_text(["Carol"])


def test_the_own_rank_is_polled_where_it_is_not_live(visit: Visits, api: Api, board: str) -> None:
    problem = {"type": "/docs/problems/#no-live-ranks", "detail": "Ranks are not live here."}

    def refuse_stream(route: Route) -> None:
        if "text/event-stream" not in route.request.headers["accept"]:
            return route.fallback()
        kind = "application/problem+json"
        return route.fulfill(status=501, content_type=kind, body=json.dumps(problem))

    def prepare(page: Page) -> None:
        page.add_init_script("delete window.SharedWorker")  # whose requests no test sees
        page.clock.install()
        page.route("**/players/*/", refuse_stream)

    assert api("PATCH", board, {"size": 1}).status == 200
    page = visit(board, prepare)
    expect_live(page)
    join(page, "Carol")
    page.clock.fast_forward(1000)
    expect_place(page, "You are 3rd of 3")
    api("PATCH", f"{board}players/bob/", {"hidden": True})
    page.clock.fast_forward(15_000)
    expect_place(page, "You are 2nd of 2")
    visit.forgive("501")
