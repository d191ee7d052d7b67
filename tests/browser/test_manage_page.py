"""The dashboard, as whoever runs a board uses it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.browser.dashboard import (
    FILE,
    bearer,
    imported,
    news,
    open_dashboard,
    row,
    start_import,
)
from tests.browser.looks import check_looks
from tests.e2e.viewers import Api


@pytest.fixture
def page(visit: Visits, board: str) -> Page:
    return open_dashboard(visit, board)


class TestSettings:
    def test_they_are_shown_and_what_is_changed_is_saved(
        self, page: Page, api: Api, board: str
    ) -> None:
        form = page.locator("#settings-form")
        expect(form.get_by_label("Name")).to_have_value("A board")
        expect(form.get_by_label("Highest score")).to_have_value("")
        before = api("PATCH", board, {}).json
        api("PATCH", board, {"size": 7})  # by somebody else
        form.get_by_label("Name").fill("Renamed")
        form.get_by_label("Equal scores rank").select_option("dense")
        form.get_by_label("Highest score").fill("100")
        form.get_by_label("Players write their scores").select_option("best")
        form.get_by_label("Private").check()
        form.get_by_role("button", name="Save").click()
        news(page, "The settings are saved.")
        expect(page.get_by_role("heading", level=1)).to_have_text("Renamed")
        changed = {"name": "Renamed", "ranking": "dense", "max": 100, "private": True}
        changed["player_writes"] = "best"
        assert api("PATCH", board, {}).json == {**before, "size": 7, **changed}
        form.get_by_label("Highest score").fill("")
        form.get_by_label("Private").uncheck()
        form.get_by_role("button", name="Save").click()
        expect(form).not_to_have_attribute("aria-busy", "true")
        after = api("PATCH", board, {}).json
        assert (after["max"], after["private"]) == (None, False)

    def test_what_is_refused_is_said_at_its_field(
        self, page: Page, visit: Visits, api: Api, board: str
    ) -> None:
        before = api("PATCH", board, {}).json
        form = page.locator("#settings-form")
        for value in ("101", "many", ""):
            size = form.get_by_label("Players shown")
            size.fill(value)
            form.get_by_role("button", name="Save").click()
            expect(size).to_be_focused()
            expect(size).to_have_accessible_description("Must be an integer from 1 to 100.")
        assert api("PATCH", board, {}).json == before
        visit.forgive("422")


class TestPlayers:
    def test_scores_go_up_and_down_where_they_stand(self, page: Page, api: Api, board: str) -> None:
        for _ in range(3):
            page.get_by_role("button", name="Add 1 to Bob").click()
        expect(row(page, "Bob").locator(".score")).to_have_text("3")
        page.get_by_role("button", name="Take 1 from Bob").click()
        expect(row(page, "Bob").locator(".score")).to_have_text("2")
        expect(row(page, "Bob").locator(".rank")).to_have_text("2")
        page.get_by_role("button", name="Refresh").click()
        expect(row(page, "Bob").locator(".rank")).to_have_text("1")

    def test_one_is_renamed_and_scored(self, page: Page, api: Api, board: str) -> None:
        page.get_by_role("button", name="Edit Alice").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill(" Alicia ")  # is stored as it is typed
        dialog.get_by_label("Score", exact=True).fill("-1200")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_be_hidden()
        expect(row(page, "Alicia").locator(".score")).to_have_text("-1,200")
        page.get_by_role("button", name="Edit Alicia").click()
        dialog.get_by_label("Add to the score").fill("1300")
        dialog.get_by_role("button", name="Add").click()
        expect(row(page, "Alicia").locator(".score")).to_have_text("100")
        expected = {"id": "alice", "name": " Alicia ", "score": 100, "rank": 1}
        assert expected.items() <= api("GET", f"{board}players/alice/").json.items()

    def test_one_is_hidden_found_and_shown_again(self, page: Page, api: Api, board: str) -> None:
        page.get_by_role("button", name="Edit Alice").click()
        page.get_by_role("button", name="Hide").click()
        news(page, "Alice is hidden.")
        expect(row(page, "Alice")).to_be_hidden()
        page.get_by_text("Hidden", exact=True).click()
        page.get_by_role("button", name="Edit Alice").click()
        page.get_by_role("button", name="Show again").click()
        expect(page.get_by_text("No player is hidden.")).to_be_visible()
        page.get_by_text("Ranked", exact=True).click()
        expect(row(page, "Alice")).to_be_visible()

    def test_one_is_found_by_the_beginning_of_a_name_or_an_id_while_it_is_typed(
        self, page: Page, api: Api, board: str
    ) -> None:
        api("POST", f"{board}players/", {"id": "zed", "name": "Ünal"})
        rows = page.locator("#players-table tbody tr")
        find = page.get_by_label("Find a player")
        for text, name in {"ALI": "Alice", "ü": "Ünal", "ZE": "Ünal"}.items():
            find.fill(text)
            expect(rows).to_have_count(1)
            expect(rows).to_contain_text(name)
        expect(find).to_be_focused()
        expect(page.get_by_role("button", name="Next")).to_be_hidden()
        find.fill("")
        expect(rows).to_have_count(3)

    def test_a_hidden_one_is_found_among_the_hidden(self, page: Page, api: Api, board: str) -> None:
        api("PATCH", f"{board}players/alice/", {"hidden": True})
        page.get_by_label("Find a player").fill("al")
        nobody = "No player has a name or an id that begins with “al”."
        expect(page.locator("#players-note")).to_have_text(nobody)
        page.get_by_role("button", name="Look among the hidden").click()
        page.get_by_role("button", name="Edit Alice").click()
        page.get_by_role("button", name="Show again").click()
        expect(page.locator("#players-note")).to_have_text(
            nobody.replace("player", "hidden player")
        )

    @pytest.mark.parametrize("text", ["..", "alice/../..", "%2e%2e", "_", "%"])
    def test_whatever_is_typed_stands_for_itself(self, page: Page, text: str) -> None:
        page.get_by_label("Find a player").fill(text)
        expect(page.locator("#players-note")).to_contain_text(f"begins with “{text}”.")

    def test_all_faults_are_said_at_once_and_the_first_field_is_first(
        self, page: Page, visit: Visits, api: Api, board: str
    ) -> None:
        api("PATCH", board, {"max": 100})
        page.reload()
        page.get_by_role("button", name="Add a player").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Id").fill("a b")
        dialog.get_by_label("Score").fill("9007199254740993")
        dialog.get_by_role("button", name="Add").click()
        expect(dialog.get_by_label("Name")).to_be_focused()
        expect(dialog.locator("[aria-invalid]")).to_have_count(3)
        expect(dialog.get_by_label("Score")).to_have_accessible_description(
            "Must be a whole number from -9,007,199,254,740,991 to 100."
        )
        assert len(api("GET", f"{board}players/").json["players"]) == 2
        page.keyboard.press("Escape")
        form = page.locator("#settings-form")
        for label in ("Players shown", "Lowest score", "Highest score"):
            form.get_by_label(label).fill("9" * 400)
        form.get_by_role("button", name="Save").click()
        expect(form.locator("[aria-invalid]")).to_have_count(3)
        expect(form.get_by_label("Players shown")).to_be_focused()
        assert api("PATCH", board, {}).json["max"] == 100
        visit.forgive("422")

    def test_what_was_said_leaves_with_the_next_action(self, page: Page, api: Api) -> None:
        page.get_by_role("button", name="Add 1 to Bob").click()
        expect(page.locator("#news")).to_contain_text("Bob: 1.")
        page.get_by_role("button", name="Edit Bob").click()
        expect(page.locator("#news")).to_have_text("")

    def test_its_data_is_changed(self, page: Page, api: Api, board: str) -> None:
        data = {"country": "NL", "level": 7}
        api("PATCH", f"{board}players/alice/", {"data": data})
        api("POST", f"{board}players/alice/score-add/", {"amount": 7})
        page.get_by_role("button", name="Refresh").click()
        expect(row(page, "Alice").locator(".score")).to_have_text("7")
        page.get_by_role("button", name="Edit Alice").click()
        dialog = page.get_by_role("dialog", name="Alice")
        expect(dialog.get_by_label("Data")).to_have_value('{"country":"NL","level":7}')
        for refused in ("NL", "[]"):
            dialog.get_by_label("Data").fill(refused)
            dialog.get_by_role("button", name="Save").click()
            expect(dialog.get_by_label("Data")).to_have_accessible_description(
                re.compile("Must be a JSON object")
            )
        dialog.get_by_label("Data").fill('{"country": "BE"}')
        dialog.get_by_role("button", name="Save").click()
        news(page, "Alice is saved.")
        assert api("GET", f"{board}players/alice/").json["data"] == {"country": "BE"}
        page.get_by_role("button", name="Edit Alice").click()
        expect(dialog.get_by_label("Data")).to_have_value('{"country":"BE"}')
        dialog.get_by_label("Data").fill("")
        dialog.get_by_role("button", name="Save").click()
        news(page, "Alice is saved.")
        assert "data" not in api("GET", f"{board}players/alice/").json

    def test_one_is_deleted_only_after_a_yes(self, page: Page, api: Api, board: str) -> None:
        for answer in ("Cancel", "Delete"):
            page.get_by_role("button", name="Edit Alice").click()
            page.get_by_role("button", name="Delete", exact=True).click()
            confirm = page.get_by_role("dialog", name="Delete Alice?")
            assert api("GET", f"{board}players/alice/").status == 200
            confirm.get_by_role("button", name=answer).click()
            expect(confirm).to_be_hidden()
            if answer == "Cancel":
                page.keyboard.press("Escape")
        expect(row(page, "Alice")).to_be_hidden()
        assert api("GET", f"{board}players/alice/").status == 404

    def test_one_is_added_with_a_score(self, page: Page) -> None:
        page.get_by_role("button", name="Add a player").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill(" ")
        dialog.get_by_role("button", name="Add").click()
        expect(dialog.get_by_label("Name")).to_have_accessible_description(re.compile("Must be"))
        dialog.get_by_label("Name").fill("<b>Dora</b>")
        dialog.get_by_label("Score").fill("5")
        dialog.get_by_role("button", name="Add").click()
        expect(row(page, "<b>Dora</b>").locator(".score")).to_have_text("5")
        expect(row(page, "Dora").locator(".rank")).to_have_text("1")

    def test_one_is_added_with_the_address_that_the_board_asks_for(
        self, page: Page, api: Api, board: str
    ) -> None:
        dialog, email = page.get_by_role("dialog"), page.get_by_label("Email address", exact=True)
        page.get_by_role("button", name="Add a player").click()
        expect(dialog.get_by_label("Name")).to_be_visible()
        expect(email).to_be_hidden()
        page.keyboard.press("Escape")
        page.get_by_label("Ask for an email address").check()
        page.get_by_role("button", name="Save the settings").click()
        news(page, "The settings are saved.")
        page.get_by_role("button", name="Add a player").click()
        dialog.get_by_label("Name").fill("Dora")
        dialog.get_by_role("button", name="Add").click()
        expect(email).to_be_focused()
        expect(email).to_have_accessible_description("Must be an email address.")
        email.fill("dora@example.com")
        dialog.get_by_role("button", name="Add").click()
        expect(row(page, "Dora")).to_be_visible()
        players = api("GET", f"{board}players/", headers=bearer("write")).json["players"]
        assert [player["email"] for player in players] == [None, None, "dora@example.com"]

    def test_pages_are_turned(self, visit: Visits, api: Api, board: str) -> None:
        for number in range(30):
            api("POST", f"{board}players/", {"id": f"p{number}", "name": f"P{number}"})
        page = visit(f"{board}manage/")
        rows = page.locator("#players-table tbody tr")
        expect(rows).to_have_count(25)
        page.get_by_role("button", name="Next").click()
        expect(rows).to_have_count(7)
        expect(rows.first.locator(".rank")).to_have_text("26")
        expect(page.get_by_role("button", name="Previous")).to_be_focused()
        page.keyboard.press("Enter")
        expect(rows.first.locator(".rank")).to_have_text("1")


def test_what_a_score_is_and_what_is_shown_are_set(
    page: Page, visit: Visits, api: Api, board: str
) -> None:
    score, shown = page.get_by_label("A score is"), page.get_by_label("Players' data")
    expect(score).to_have_value('{"type":"points"}')
    expect(shown).to_have_value("[]")
    save = page.get_by_role("button", name="Save the settings")
    for field, refused in ((score, "hours"), (shown, '["a", "a"]')):
        before = field.input_value()
        field.fill(refused)
        save.click()
        expect(field).to_have_accessible_description(re.compile("Must be"))
        field.fill(before)
    score.fill('{"type": "decimal", "places": 2, "unit": "km"}')
    shown.fill('["country", "level"]')
    save.click()
    news(page, "The settings are saved.")
    settings = api("PATCH", board, {}).json
    assert settings["format"] == {"type": "decimal", "places": 2, "unit": "km"}
    assert settings["show"] == ["country", "level"]
    score.fill("")
    save.click()
    expect(score).to_have_value('{"type":"points"}')
    assert api("PATCH", board, {}).json["format"] == {"type": "points"}
    visit.forgive("422")


class TestSeasons:
    def test_one_is_ended_only_after_a_yes(self, page: Page, api: Api, board: str) -> None:
        api("POST", f"{board}players/alice/score-add/", {"amount": 7})
        expect(page.get_by_text("Season 1 is running.")).to_be_visible()
        page.get_by_role("button", name="End the season").click()
        dialog = page.get_by_role("dialog", name="End season 1?")
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_be_hidden()
        assert api("GET", f"{board}seasons/").json["season"] == 1
        page.get_by_role("button", name="End the season").click()
        dialog.get_by_role("button", name="End season 1").click()
        expect(page.get_by_text("Season 2 is running.")).to_be_visible()
        expect(row(page, "Alice").locator(".score")).to_have_text("0")
        page.get_by_text("Season 1, ended on").click()
        expect(page.get_by_role("region", name="Season 1").get_by_text("7")).to_be_visible()
        link = page.get_by_role("link", name="Season 1 as JSON")
        assert api("GET", str(link.get_attribute("href"))).json["season"] == 1

    def test_one_that_somebody_else_ended_is_not_ended_again(
        self, page: Page, visit: Visits, api: Api, board: str
    ) -> None:
        api("POST", f"{board}reset/", {"season": 1})
        page.get_by_role("button", name="End the season").click()
        page.get_by_role("button", name="End season 1").click()
        news(page, "season 2")
        assert api("GET", f"{board}seasons/").json["season"] == 2
        visit.forgive("409")


def test_the_board_is_deleted_when_its_id_is_typed(
    page: Page, api: Api, board: str, board_id: str
) -> None:
    page.get_by_role("button", name="Delete the board").click()
    dialog = page.get_by_role("dialog")
    delete = dialog.get_by_role("button", name="Delete the board")
    expect(delete).to_be_disabled()
    dialog.get_by_label("to confirm").fill(board_id)
    delete.click()
    expect(page.get_by_role("heading", name="The board is deleted")).to_be_focused()
    assert api("GET", board).status == 404


def test_it_is_accessible_whatever_is_open(
    visit: Visits, api: Api, board: str, screenshots: Path
) -> None:
    api("POST", f"{board}reset/")
    api("PATCH", board, {"ask_email": True})
    page = open_dashboard(visit, board)
    start_import(page, FILE + "a b,,1\n")
    imported(page, "2 of 4 rows added, 0 players created.")
    page.get_by_text("Season 1, ended on").click()
    expect(page.get_by_role("region", name="Season 1").get_by_text("Alice")).to_be_visible()
    check_looks(page, "manage-page", screenshots)
    page.get_by_role("button", name="Add a player").click()
    check_looks(page, "manage-add", screenshots, full_page=False)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Edit Alice").click()
    check_looks(page, "manage-player", screenshots, full_page=False)
    page.get_by_role("button", name="Delete", exact=True).click()
    check_looks(page, "manage-confirm", screenshots, full_page=False)
    visit.forgive("422")
