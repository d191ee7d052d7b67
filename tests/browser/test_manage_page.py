"""The dashboard, as whoever runs a board uses it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from leaderboardapp.web.auth import create_token
from tests.browser.conftest import Visits
from tests.e2e.viewers import Api
from tests.support.stack import Stack

SIZES = {"phone": (390, 844), "desktop": (1280, 800)}


@pytest.fixture
def page(visit: Visits, board: str) -> Page:
    """The dashboard, ready for use."""
    page = visit(f"{board}manage/")
    expect(page.locator("#players-table tbody tr")).to_have_count(2)
    return page


@pytest.fixture(scope="session")
def strict_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack on which nobody writes without a token."""
    folder = tmp_path_factory.mktemp("strict")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALLOW_ANONYMOUS_WRITES", "0")
        stack = Stack(f"sqlite:///{folder}/leaderboard.sqlite3", folder)
    with stack:
        yield stack


@pytest.fixture
def strict(chromium: Browser, strict_stack: Stack) -> Iterator[Visits]:
    visits = Visits(chromium, strict_stack.port)
    yield visits
    for page in visits.pages:
        page.context.close()
    assert visits.complaints == []


@pytest.fixture
def private(strict_stack: Stack, board_id: str) -> str:
    """The path of a private board with the player alice, on the strict stack."""
    api = Api(strict_stack.port)
    body: dict[str, Any] = {"id": board_id, "name": "Top secret", "private": True}
    assert api("POST", "/boards/", body, bearer("write")).status == 201
    body = {"id": "alice", "name": "Alice"}
    path = f"/boards/{board_id}/"
    assert api("POST", f"{path}players/", body, bearer("write")).status == 201
    return path


def bearer(*scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_token(scopes, None, 60)}"}


def news(page: Page, text: str) -> None:
    expect(page.locator("#news")).to_contain_text(text)


def row(page: Page, name: str) -> Any:
    return page.locator("#players-table tbody tr").filter(has_text=name)


def choose(page: Page, text: str) -> None:
    file: Any = {"name": "scores.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.locator("#file").set_input_files(file)
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_enabled()


def start_import(page: Page, text: str) -> None:
    choose(page, text)
    page.get_by_role("button", name="Import", exact=True).click()


def imported(page: Page, text: str) -> None:
    expect(page.locator("#import-text")).to_have_text(f"Imported: {text}")


class TestToken:
    def test_nothing_of_a_private_board_is_shown_without_one(
        self, strict: Visits, private: str
    ) -> None:
        page = strict(f"{private}manage/")
        expect(page.get_by_label("Token")).to_be_focused()
        expect(page.locator("#dashboard")).to_be_hidden()
        assert "Top secret" not in page.content()

    def test_it_opens_the_dashboard_and_stays_in_the_tab(
        self, strict: Visits, private: str
    ) -> None:
        token = create_token(["write"], None, 60)
        page = strict(f"{private}manage/")
        page.get_by_label("Token").fill(token)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Top secret")
        expect(row(page, "Alice")).to_be_visible()
        assert token not in page.url
        assert page.evaluate("Object.keys(localStorage)") == []
        page.reload()
        expect(row(page, "Alice")).to_be_visible()
        other = page.context.new_page()
        other.goto(page.url)
        expect(other.get_by_label("Token")).to_be_visible()

    def test_forgetting_it_leaves_nothing(self, strict: Visits, private: str) -> None:
        page = strict(f"{private}manage/")
        page.get_by_label("Token").fill(create_token(["write"], None, 60))
        page.get_by_role("button", name="Open").click()
        page.get_by_role("button", name="Forget the token").click()
        expect(page.get_by_label("Token")).to_be_visible()
        assert page.evaluate("Object.keys(sessionStorage)") == []
        assert "Top secret" not in page.content()

    def test_one_that_does_not_do_is_refused_with_the_reason(
        self, strict: Visits, private: str
    ) -> None:
        page = strict(f"{private}manage/")
        for token, reason in {
            create_token(["read"], None, 60): "does not allow write",
            create_token(["write"], ["another"], 60): "does not allow write",
            create_token(["write"], None, -60): "expired",
            "x": "not valid",
            "ü": "not a token",
        }.items():
            page.get_by_label("Token").fill(token)
            page.get_by_role("button", name="Open").click()
            expect(page.get_by_role("alert").filter(has_text=reason)).to_be_visible()
        strict.forgive("401|403")

    def test_one_that_expires_meanwhile_leads_back(self, strict: Visits, private: str) -> None:
        page = strict(f"{private}manage/")
        page.get_by_label("Token").fill(create_token(["write"], None, 60))
        page.get_by_role("button", name="Open").click()
        expect(row(page, "Alice")).to_be_visible()
        page.evaluate("Object.keys(sessionStorage).forEach((key) => sessionStorage[key] = 'x')")
        page.reload()
        expect(page.get_by_role("alert").filter(has_text="not valid")).to_be_visible()
        expect(page.locator("#dashboard")).to_be_hidden()
        strict.forgive("401")


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
        form.get_by_label("Private").check()
        form.get_by_role("button", name="Save").click()
        news(page, "The settings are saved.")
        expect(page.get_by_role("heading", level=1)).to_have_text("Renamed")
        changed = {"name": "Renamed", "ranking": "dense", "max": 100, "private": True}
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
        page.get_by_role("button", name="Take 1 from Bob").click()
        expect(row(page, "Bob").locator(".score")).to_have_text("2")
        expect(row(page, "Bob").locator(".rank")).to_have_text("2")
        page.get_by_role("button", name="Refresh").click()
        expect(row(page, "Bob").locator(".rank")).to_have_text("1")

    def test_one_is_renamed_and_scored(self, page: Page, api: Api, board: str) -> None:
        page.get_by_role("button", name="Edit Alice").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("Alicia")
        dialog.get_by_label("Score", exact=True).fill("-1200")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_be_hidden()
        expect(row(page, "Alicia").locator(".score")).to_have_text("-1,200")
        page.get_by_role("button", name="Edit Alicia").click()
        dialog.get_by_label("Add to the score").fill("1300")
        dialog.get_by_role("button", name="Add").click()
        expect(row(page, "Alicia").locator(".score")).to_have_text("100")
        expected = {"id": "alice", "name": "Alicia", "score": 100, "rank": 1}
        assert api("GET", f"{board}players/alice/").json == expected

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

    def test_a_hidden_one_is_known_as_such_when_found_by_id(
        self, page: Page, visit: Visits, api: Api, board: str
    ) -> None:
        api("PATCH", f"{board}players/alice/", {"hidden": True})
        find = page.get_by_label("Player id").first
        find.fill("alice")
        find.press("Enter")
        expect(page.get_by_role("button", name="Show again")).to_be_visible()
        page.get_by_role("button", name="Close").click()
        find.fill("nobody")
        find.press("Enter")
        news(page, "There is no player nobody.")
        visit.forgive("404")

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

    def test_one_is_added_with_a_score(self, page: Page, visit: Visits) -> None:
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
        visit.forgive("422")

    def test_one_is_added_with_the_address_that_the_board_asks_for(
        self, page: Page, visit: Visits, api: Api, board: str
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
        expect(email).to_have_accessible_description(re.compile("Must be an email address"))
        email.fill("dora@example.com")
        dialog.get_by_role("button", name="Add").click()
        expect(row(page, "Dora")).to_be_visible()
        players = api("GET", f"{board}players/", headers=bearer("write")).json["players"]
        assert [player["email"] for player in players] == [None, None, "dora@example.com"]
        visit.forgive("422")

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


FILE = 'Player ID,Name,Points\r\nalice,,3\r\ndora,"Dora, D.",5\r\nalice,,4\r\n'


class TestImport:
    def test_players_are_created_and_each_counts_once(
        self, page: Page, api: Api, board: str
    ) -> None:
        choose(page, FILE)
        expect(page.get_by_label("Amount to add")).to_have_value("2")
        expect(page.locator("#preview td").get_by_text("Dora, D.")).to_be_visible()
        page.get_by_role("button", name="Import", exact=True).click()
        imported(page, "3 of 3 rows added, 1 player created.")
        expect(row(page, "Dora, D.").locator(".score")).to_have_text("5")
        start_import(page, FILE)  # again
        imported(page, "3 of 3 rows added, 0 players created.")
        assert api("GET", f"{board}players/alice/").json["score"] == 7
        page.get_by_label("Count this file again").check()
        start_import(page, FILE)
        expect(row(page, "Alice").locator(".score")).to_have_text("14")

    def test_bad_rows_are_named_and_the_others_added(
        self, page: Page, api: Api, board: str
    ) -> None:
        api("PATCH", board, {"max": 10})
        start_import(page, "id,amount\na b,1\nalice,x\nalice,2\nbob,4\nbob,7\n")
        imported(page, "1 of 5 rows added, 0 players created.")
        faults = page.locator("#import-faults li")
        expect(faults).to_have_count(3)
        expect(faults.nth(0)).to_contain_text("Line 2: player id “a b”")
        expect(faults.nth(1)).to_contain_text("Line 3: amount “x”")
        expect(faults.nth(2)).to_contain_text("Line 5: bob (with 6): the score of bob must stay")
        assert api("GET", f"{board}players/alice/").json["score"] == 2

    def test_new_players_have_the_addresses_that_the_board_asks_for(
        self, visit: Visits, api: Api, board: str
    ) -> None:
        api("PATCH", board, {"ask_email": True})
        api("POST", f"{board}players/", {"id": "eve", "name": "Eve", "email": "eve@example.com"})
        page = visit(f"{board}manage/")
        rows = "dora,5,dora@example.com\nfred,2,\ngus,3,eve@example.com\nalice,4,\n"
        choose(page, f"id,points,email\n{rows}")
        column = page.get_by_label("Email address, for new players")
        expect(column).to_have_value("2")
        column.select_option("(none)")
        page.get_by_role("button", name="Import", exact=True).click()
        imported(page, "1 of 4 rows added, 0 players created.")
        column.select_option("email")
        page.get_by_role("button", name="Import", exact=True).click()
        imported(page, "2 of 4 rows added, 1 player created.")
        faults = page.locator("#import-faults li")
        expect(faults).to_have_text(
            [
                re.compile("Line 3: fred: email: missing"),
                re.compile("Line 4: gus: .* has that email"),
            ]
        )
        players = api("GET", f"{board}players/", headers=bearer("write")).json["players"]
        by_id = {player["id"]: (player["score"], player["email"]) for player in players}
        assert by_id["dora"] == (5, "dora@example.com")
        assert by_id["alice"] == (4, None)  # not counted again with the addresses
        visit.forgive("404|409|422")

    def test_what_broke_off_goes_on_and_counts_nobody_twice(
        self, page: Page, visit: Visits, api: Api, board: str
    ) -> None:
        lost: list[int] = []

        def lose_answers(route: Route) -> None:
            if len(lost) < 2:  # the first of each try: done, and nobody hears of it
                lost.append(route.fetch().status)
                route.abort()
            else:
                route.fallback()

        page.route("**/scores/", lose_answers)
        start_import(page, FILE)
        imported(page, "3 of 3 rows added, 1 player created.")
        assert lost == [200, 200]
        assert api("GET", f"{board}players/alice/").json["score"] == 7
        visit.forgive("ERR_FAILED")

    def test_a_cancelled_one_goes_on(self, page: Page, visit: Visits, api: Api, board: str) -> None:
        waiting: list[Route] = []
        page.route("**/scores/", lambda route: waiting.append(route))
        with page.expect_request("**/scores/"):
            start_import(page, FILE)
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#import-text")).to_contain_text("Cancelled. 0 of 2 players done")
        page.unroute("**/scores/")
        page.get_by_role("button", name="Continue").click()
        imported(page, "3 of 3 rows added, 1 player created.")
        assert api("GET", f"{board}players/alice/").json["score"] == 7

    def test_a_limit_of_writes_is_waited_for(self, page: Page, visit: Visits) -> None:
        refused: list[str] = []

        def refuse_once(route: Route) -> None:
            if refused:
                return route.fallback()
            refused.append(route.request.headers["idempotency-key"])
            return route.fulfill(status=429, headers={"Retry-After": "1"}, body="{}")

        page.route("**/scores/", refuse_once)
        with page.expect_request(lambda request: "/scores/" in request.url and len(refused) > 0):
            start_import(page, FILE)
        imported(page, "3 of 3 rows added, 1 player created.")
        visit.forgive("429")

    def test_more_than_one_request_takes(
        self, page: Page, stack: Stack, api: Api, board: str, board_id: str
    ) -> None:
        rows = "".join(f"p{number % 1500},{number}\n" for number in range(3000))
        file = f"id,score\n{rows}"
        columns = ["--player-column", "id", "--amount-column", "score"]
        stack.manage("import_scores", "-", "--board", board_id, *columns, stdin=file)
        with page.expect_request("**/scores/") as first:
            start_import(page, file)
        assert (first.value.post_data or "").count('"player"') == 1000
        imported(page, "3,000 of 3,000 rows added, 0 players created.")
        assert api("GET", f"{board}players/p7/").json["score"] == 2 * (7 + 1507)
        expect(row(page, "p1499").locator(".rank")).to_have_text("1")

    def test_a_file_that_is_no_text_or_has_no_rows_is_refused(self, page: Page) -> None:
        for content, reason in {b"id\n\xff\xfe": "UTF-8", b"id,amount\n": "no rows"}.items():
            file: Any = {"name": "a.csv", "mimeType": "text/csv", "buffer": content}
            page.locator("#file").set_input_files(file)
            expect(page.get_by_role("alert").filter(has_text=reason)).to_be_visible()
            expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()


def test_all_players_are_exported_and_no_name_is_a_formula(
    page: Page, api: Api, board: str, board_id: str
) -> None:
    for number in range(120):
        api("POST", f"{board}players/", {"id": f"p{number:03}", "name": f'P "{number}", x'})
    api("PATCH", f"{board}players/bob/", {"name": "=1+1"})
    api("PATCH", f"{board}players/alice/", {"hidden": True})
    api("PUT", f"{board}players/p007/score/", {"score": -5})
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    assert download.value.suggested_filename == f"{board_id}.csv"
    lines = Path(download.value.path()).read_bytes().decode().split("\r\n")
    assert lines[:3] == ["id,name,score,rank", "bob,'=1+1,0,1", 'p000,"P ""0"", x",0,2']
    assert lines[-3:] == ['p007,"P ""7"", x",-5,121', "alice,Alice,0,", ""]
    assert len(lines) == 1 + 122 + 1
    expect(page.locator("#export-text")).to_have_text("Exported: 122 players.")


def test_addresses_are_exported_even_if_all_players_are_hidden(
    strict: Visits, strict_stack: Stack, private: str
) -> None:
    api, token = Api(strict_stack.port), bearer("write")
    api("PATCH", private, {"ask_email": True}, token)
    api("DELETE", f"{private}players/alice/", headers=token)
    body = {"id": "dora", "name": "Dora", "email": "dora@example.com"}
    api("POST", f"{private}players/", body, token)
    api("PATCH", f"{private}players/dora/", {"hidden": True}, token)
    page = strict(f"{private}manage/")
    page.get_by_label("Token").fill(create_token(["write"], None, 60))
    page.get_by_role("button", name="Open").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    lines = Path(download.value.path()).read_bytes().decode().split("\r\n")
    assert lines == ["id,name,score,rank,email", "dora,Dora,0,,dora@example.com", ""]


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_is_accessible_whatever_is_open(
    visit: Visits, api: Api, board: str, screenshots: Path, size: str, colours: str
) -> None:
    width, height = SIZES[size]
    options: dict[str, Any] = {"viewport": {"width": width, "height": height}}
    api("POST", f"{board}reset/")
    api("PATCH", board, {"ask_email": True})
    page = visit(f"{board}manage/", color_scheme=colours, reduced_motion="reduce", **options)
    expect(page.locator("#players-table tbody tr")).to_have_count(2)
    start_import(page, FILE + "a b,,1\n")
    imported(page, "2 of 4 rows added, 0 players created.")
    page.get_by_text("Season 1, ended on").click()
    expect(page.get_by_role("region", name="Season 1").get_by_text("Alice")).to_be_visible()

    def check(name: str, full_page: bool = False) -> None:
        path = screenshots / f"manage-{name}-{size}-{colours}.png"
        page.screenshot(path=path, full_page=full_page)
        report = Axe().run(page)
        assert not report.violations_count, f"{name}: {report.generate_report()}"
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, f"{name} scrolls sideways"

    check("page", full_page=True)
    page.get_by_role("button", name="Add a player").click()
    check("add")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Edit Alice").click()
    check("player")
    page.get_by_role("button", name="Delete", exact=True).click()
    check("confirm")
    visit.forgive("422")


def test_the_form_for_the_token_is_accessible(strict: Visits, private: str) -> None:
    page = strict(f"{private}manage/")
    expect(page.get_by_label("Token")).to_be_visible()
    report = Axe().run(page)
    assert not report.violations_count, report.generate_report()
