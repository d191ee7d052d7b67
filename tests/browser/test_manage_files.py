"""The dashboard's files: scores are imported, and all players are exported."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visits
from tests.browser.dashboard import (
    FILE,
    bearer,
    choose,
    imported,
    open_dashboard,
    row,
    set_file,
    start_import,
)
from tests.e2e.viewers import Api
from tests.support.stack import Stack


@pytest.fixture
def page(visit: Visits, board: str) -> Page:
    return open_dashboard(visit, board)


class TestImport:
    def test_players_are_created_and_each_counts_once(
        self, page: Page, api: Api, board: str
    ) -> None:
        choose(page, FILE)
        expect(page.get_by_label("Amount to add")).to_have_value("2")
        expect(page.locator("#preview td").get_by_text("Dora, D.")).to_be_visible()
        page.get_by_role("button", name="Import", exact=True).click()
        imported(page, "3 of 3 rows added, 1 player created.")
        expect(page.get_by_role("button", name="Import", exact=True)).to_be_focused()
        expect(row(page, "Dora, D.").locator(".score")).to_have_text("5")
        start_import(page, FILE)  # again
        expect(page.locator("#import-text")).to_have_text("Already counted: 3 of 3 rows.")
        assert api("GET", f"{board}players/alice/").json["score"] == 7
        choose(page, FILE)
        expect(page.locator("#import-text")).to_be_hidden()  # it was about the file before
        page.get_by_label("Count this file again").check()
        page.get_by_role("button", name="Import", exact=True).click()
        expect(row(page, "Alice").locator(".score")).to_have_text("14")

    def test_bad_rows_are_named_and_the_others_added(
        self, page: Page, api: Api, board: str
    ) -> None:
        api("PATCH", board, {"max": 10})
        start_import(page, 'id,amount\n"a"b,1\nalice,x\nalice,2\nbob,4\nbob,7\n')
        imported(page, "1 of 5 rows added, 0 players created.")
        faults = page.locator("#import-faults li")
        expect(faults).to_have_count(3)
        expect(faults.nth(0)).to_have_text("Line 2: there is text after a closing quote")
        expect(faults.nth(1)).to_contain_text("Line 3: “amount” is “x”; it must be")
        expect(faults.nth(2)).to_contain_text("Line 5: bob (with 6): the score of bob must stay")
        assert api("GET", f"{board}players/alice/").json["score"] == 2

    def test_nobody_is_created_whose_sum_the_board_does_not_allow(
        self, page: Page, visit: Visits, api: Api, board: str
    ) -> None:
        """By the board's rules of now, which were others when the page was loaded."""
        api("PATCH", board, {"min": -2, "max": 10, "max_amount": 4})
        start_import(page, "id,amount\nalice,5\nbea,2\nbea,3\ncem,-3\ndora,4\neve,-2\n")
        imported(page, "2 of 6 rows added, 2 players created.")
        faults = page.locator("#import-faults li")
        allowed = "must stay from -2 to 10, and an increment from -4 to 4."
        expect(faults).to_have_text(
            [
                f"Line 2: alice: the score of alice {allowed}",
                f"Line 3: bea (with 4): the score of bea {allowed}",
                f"Line 5: cem: the score of cem {allowed}",
            ]
        )
        players = api("GET", f"{board}players/").json["players"]
        scores = {player["id"]: player["score"] for player in players}
        assert scores == {"alice": 0, "bob": 0, "dora": 4, "eve": -2}

        api("POST", f"{board}reset/")
        start_import(page, "id,amount\nbea,2\n")
        imported(page, "0 of 1 row added, 0 players created.")
        expect(faults).to_have_text(
            ["Line 2: bea: The season meant is not running: the board is in season 2."]
        )
        assert len(api("GET", f"{board}players/").json["players"]) == 4

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
        imported(
            page,
            "1 of 4 rows added, 1 player created. Already counted: 1 of 4 rows.",
        )
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
        imported(page, "3 of 3 rows added.")  # the answer that said who is new is lost
        assert lost == [200, 200]
        assert api("GET", f"{board}players/alice/").json["score"] == 7
        visit.forgive("ERR_FAILED")

    def test_a_cancelled_one_goes_on(self, page: Page, visit: Visits, api: Api, board: str) -> None:
        waiting: list[Route] = []
        page.route("**/scores/", lambda route: waiting.append(route))
        with page.expect_request("**/scores/"):
            start_import(page, FILE)
        expect(page.locator("#import-text")).to_have_text("0 of 2 players")
        # A request that is still held would be let go by the end of the route.
        with page.expect_event("requestfailed"):
            page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#import-text")).to_contain_text("Cancelled. 0 of 2 players done")
        page.unroute("**/scores/")
        expect(page.get_by_role("button", name="Continue")).to_be_focused()
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
        assert (first.value.post_data or "").count('"player"') == 500
        imported(page, "3,000 of 3,000 rows added, 0 players created.")
        assert api("GET", f"{board}players/p7/").json["score"] == 2 * (7 + 1507)
        expect(row(page, "p1499").locator(".rank")).to_have_text("1")

    def test_a_player_by_name_gets_the_same_id_as_from_the_command(
        self, page: Page, stack: Stack, api: Api, board: str, board_id: str
    ) -> None:
        file = "Player,Points\nZoë S.,3\n"
        columns = ["--player-column", "Player", "--amount-column", "Points"]
        stack.manage("import_scores", "-", "--board", board_id, *columns, stdin=file)
        start_import(page, file)
        imported(page, "1 of 1 row added, 0 players created.")
        players = api("GET", f"{board}players/").json["players"]
        assert [row["score"] for row in players if row["name"] == "Zoë S."] == [6]

    def test_the_same_file_gives_the_same_board_as_from_the_command(
        self, visit: Visits, stack: Stack, api: Api, board: str, made: list[str]
    ) -> None:
        """With names, with players who are there and new ones, and with equal scores."""
        file = (
            "Player,Name,Points\nzed,Zed Z.,5\nbob,Other,5\nÉva,,5\nalice,A,2\nzed,,-2\nalice,,1\n"
        )
        by_page, by_command = (f"{board[:-1]}-{number}/" for number in (1, 2))
        for path in (by_page, by_command):
            made.append(path)
            assert api("POST", "/boards/", {"id": path.split("/")[2]}).status == 201
            for name in ("alice", "bob"):
                api("POST", f"{path}players/", {"id": name, "name": name.title()})
        page = visit(f"{by_page}manage/")
        start_import(page, file)
        imported(page, "6 of 6 rows added, 2 players created.")
        columns = ["--player-column", "Player", "--name-column", "Name"]
        columns += ["--amount-column", "Points", "--board", by_command.split("/")[2]]
        stack.manage("import_scores", "-", *columns, stdin=file)
        players = api("GET", f"{by_page}players/").json["players"]
        assert players == api("GET", f"{by_command}players/").json["players"]
        assert [row["name"] for row in players] == ["Bob", "Éva", "Zed Z.", "Alice"]

    def test_the_column_of_numbers_is_proposed_and_the_first_rows_are_shown_as_read(
        self, page: Page, api: Api, board: str
    ) -> None:
        set_file(page, "Who,Laps,City\nalice,3,Bonn\nZoë S.,+4,\nbob,-1,Rome\n".encode())
        start = page.get_by_role("button", name="Import", exact=True)
        question = page.locator("#amount-question")
        expect(question).to_contain_text("“Laps” holds numbers.")
        expect(start).to_be_disabled()
        cells = page.locator("#preview tbody tr")
        expect(cells.nth(1)).to_contain_text("Zoë S.")
        expect(cells).to_contain_text(["+3", "+4", "-1"])
        page.get_by_role("button", name="Each row counts 1").click()
        expect(cells).to_contain_text(["+1", "+1", "+1"])
        expect(question).to_be_hidden()
        page.get_by_label("Amount to add").select_option("City")
        expect(cells).to_contain_text(["Left out: “City” is “Bonn”", "Left out", "Left out"])
        page.get_by_label("Amount to add").select_option("Laps")
        start.click()
        imported(page, "3 of 3 rows added, 1 player created.")
        assert api("GET", f"{board}players/alice/").json["score"] == 3

    def test_a_column_is_not_chosen_between_two_of_its_name(self, page: Page) -> None:
        choose(page, "id,score,points\nalice,1,2\n")  # those that a column was chosen from before
        set_file(page, b"id,points,name,points\nalice,1,Alice,2\n")
        expect(
            page.get_by_role("alert").filter(has_text="several columns “points”")
        ).to_be_visible()
        expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
        page.get_by_label("Amount to add").select_option("(1 for each row)")
        expect(page.get_by_role("button", name="Import", exact=True)).to_be_enabled()
        expect(page.locator("#import-fault")).to_have_text("")

    def test_a_row_that_is_not_utf8_does_not_keep_the_others_out(
        self, page: Page, api: Api, board: str
    ) -> None:
        set_file(page, b"sep=;\rid;points\ralice;4\rbob\xe9;3\r")
        page.get_by_role("button", name="Import", exact=True).click()
        imported(page, "1 of 2 rows added, 0 players created.")
        expect(page.locator("#import-faults li")).to_contain_text("Line 4: the row is not text")
        assert api("GET", f"{board}players/alice/").json["score"] == 4

    def test_a_file_that_is_no_text_or_has_no_rows_is_refused(self, page: Page) -> None:
        for content, reason in {b"id\xff\xfe\n": "UTF-8", b"id,amount\n": "no rows"}.items():
            set_file(page, content)
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
    text = Path(download.value.path()).read_bytes().decode()
    assert text.startswith("\ufeff"), "by which Excel knows that it is UTF-8"
    lines = text[1:].split("\r\n")
    assert lines[:3] == ["id,name,score,rank,data", "bob,'=1+1,0,1,", 'p000,"P ""0"", x",0,2,']
    assert lines[-3:] == ['p007,"P ""7"", x",-5,121,', "alice,Alice,0,,", ""]
    assert len(lines) == 1 + 122 + 1
    expect(page.locator("#export-text")).to_have_text("Exported: 122 players.")


def test_what_is_exported_is_imported_as_the_same_players(
    visit: Visits, stack: Stack, api: Api, board: str, made: list[str], tmp_path: Path
) -> None:
    api("POST", f"{board}players/", {"id": "-abc", "name": "-abc"})
    api("POST", f"{board}players/", {"id": "c_1", "name": " \"=Zoë\", 'x' "})
    for player, score in {"alice": 5, "bob": -3, "-abc": 2**53 - 1, "c_1": 7}.items():
        api("PUT", f"{board}players/{player}/score/", {"score": score})
    api("PATCH", f"{board}players/bob/", {"data": {"": [0.1, '"'], "$reql_type$": "TIME"}})
    page = visit(f"{board}manage/")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    file = tmp_path / "export.csv"
    download.value.save_as(file)

    by_page, by_command = (f"{board[:-1]}-{number}/" for number in (1, 2))
    for path in (by_page, by_command):
        made.append(path)
        api("POST", "/boards/", {"id": path.split("/")[2]})
    page = visit(f"{by_page}manage/")
    set_file(page, file.read_bytes())
    page.get_by_role("button", name="Import", exact=True).click()
    imported(page, "4 of 4 rows added, 4 players created.")
    columns = ["--player-column", "id", "--name-column", "name", "--amount-column", "score"]
    columns += ["--data-column", "data"]
    stack.manage("import_scores", str(file), "--board", by_command.split("/")[2], *columns)

    exported = api("GET", f"{board}players/").json["players"]
    assert len(exported) == 4 and exported[-1]["data"] == {"": [0.1, '"'], "$reql_type$": "TIME"}
    for path in (by_page, by_command):
        assert api("GET", f"{path}players/").json["players"] == exported
