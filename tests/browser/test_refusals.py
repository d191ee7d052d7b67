"""What is refused: the page says why in words for players, for as long as it is so."""

from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.test_board_page import expect_live, expect_rows, join, plus
from tests.e2e.viewers import Api


def test_a_refused_press_says_why_in_its_row(visit: Visits, api: Api, board: str) -> None:
    assert api("PATCH", board, {"max": 1}).status == 200
    page = visit(board)
    expect_live(page)
    plus(page, "Bob")
    expect_rows(page, ("Bob", "1"), ("Alice", "0"))
    plus(page, "Bob")
    alert = page.locator(".row").get_by_role("alert")
    expect(alert).to_have_text("Bob cannot go higher: 1 is the most here.")
    api("PUT", f"{board}players/bob/score/", {"score": 0})
    expect(alert).to_have_count(0, timeout=5000)  # it would be over after ten seconds, too
    visit.forgive("422")


def test_a_refused_name_says_why_in_the_form(visit: Visits, board: str) -> None:
    page = visit(board)
    page.get_by_label("Your name").fill("  ")
    page.get_by_role("button", name="Join").click()
    alert = page.locator("#join").get_by_role("alert")
    expect(alert).to_contain_text("That name cannot be used.")
    page.get_by_label("Your name").fill("C")
    expect(alert).to_be_empty()
    visit.forgive("422")


def test_a_join_with_another_players_address_is_refused(
    visit: Visits, api: Api, board: str
) -> None:
    assert api("PATCH", board, {"ask_email": True}).status == 200
    page = visit(board)
    for name, left in (("Carol", ""), ("Dave", "Dave")):
        page.get_by_label("Your e-mail address").fill("carol@example.com")
        join(page, name)
        expect(page.locator("#join")).not_to_have_attribute("aria-busy", "true")
        expect(page.get_by_label("Your name")).to_have_value(left)
    expect(page.locator("#join").get_by_role("alert")).to_contain_text("has that e-mail address")
    visit.forgive("409")
    visit.forgive("404")


def test_an_error_of_the_connection_is_over_once_it_is_back(visit: Visits, board: str) -> None:
    page = visit(board)
    expect_live(page)
    page.route("**/score-add/", lambda route: route.fulfill(status=502))
    page.route("**/players/", lambda route: route.fulfill(status=502))
    plus(page, "Bob")
    join(page, "Carol")
    for alert in (page.locator(".row .error"), page.locator("#join-error")):
        expect(alert).to_have_text("Nothing can be saved at the moment. Try again soon.")
    page.context.set_offline(True)
    expect(page.locator("#state")).not_to_have_attribute("data-state", "live")
    page.context.set_offline(False)
    expect_live(page)
    expect(page.locator(".row .error")).to_have_count(0)
    expect(page.locator("#join-error")).to_be_empty()
    visit.forgive("502|ERR_")


def test_a_page_that_may_not_write_any_more_speaks_of_no_token(visit: Visits, board: str) -> None:
    page = visit(board)
    expect_live(page)
    problem = '{"type": "/docs/problems/#token-required", "detail": "This needs a token"}'
    page.route("**/score-add/", lambda route: route.fulfill(status=401, body=problem))
    plus(page, "Bob")
    words = "This page may not do that any more. Load it again."
    expect(page.locator(".row .error")).to_have_text(words)
    visit.forgive("401")


def test_a_ranking_that_was_turned_off_offers_the_board(
    visit: Visits, api: Api, board: str
) -> None:
    assert api("PATCH", board, {"windows": ["week"]}).status == 200
    page = visit(f"{board}?window=week")
    expect_live(page)
    assert api("PATCH", board, {"windows": []}).status == 200
    gone = page.get_by_role("region", name="This ranking was turned off")
    expect(gone.get_by_role("link")).to_have_text(["The board"])
    gone.get_by_role("link").click()
    expect_rows(page, ("Alice", "0"), ("Bob", "0"))
