"""Seasons and windows on the dashboard: when they end, how many are kept, and what is in them."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from leaderboardapp.domain.schedule import schedule_field
from leaderboardapp.web.auth import create_token
from tests.browser.conftest import Visits
from tests.browser.dashboard import imported, news, open_dashboard, start_import
from tests.browser.looks import check_looks
from tests.e2e.viewers import Api

OBJECTS: list[dict[str, Any]] = [
    {"every": "day", "at": "23:59", "zone": "UTC"},
    {"every": "week", "on": "friday", "at": "06:00", "zone": "Europe/Berlin"},
    {"every": "month", "on": 31, "at": "00:00", "zone": "America/New_York"},
]
needs_each_object = pytest.mark.parametrize("schedule", OBJECTS, ids=["day", "week", "month"])
PERIODS = {"day": "Every day, at …", "week": "Every week, on …", "month": "Every month, on …"}
PARTS = ["On which weekday", "On which day", "At what time", "In which time zone"]


@pytest.fixture
def page(visit: Visits, board: str) -> Page:
    return open_dashboard(visit, board)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save the settings").click()


def saved(page: Page) -> None:
    save(page)
    news(page, "The settings are saved.")


def read_settings(api: Api, board: str) -> dict[str, Any]:
    settings: dict[str, Any] = api("PATCH", board, {}).json
    return settings


class TestSchedules:
    def test_names_stay_and_ask_for_nothing_more(self, page: Page, api: Api, board: str) -> None:
        ends = page.get_by_label("A season ends")
        for option, value in (
            ("Every day", "daily"),
            ("Every Monday", "weekly"),
            ("Every month, on the 1st", "monthly"),
            ("By hand only", None),
        ):
            ends.select_option(option)
            for part in PARTS:
                expect(page.get_by_label(part, exact=True)).to_be_hidden()
            saved(page)
            assert read_settings(api, board)["schedule"] == value

    @needs_each_object
    def test_one_by_the_clocks_of_a_zone_is_filled_in(
        self, visit: Visits, api: Api, board: str, schedule: dict[str, Any]
    ) -> None:
        page = open_dashboard(visit, board)
        page.get_by_label("A season ends").select_option(PERIODS[schedule["every"]])
        at = page.get_by_label("At what time")
        expect(at).to_have_value("00:00")
        at.fill(schedule["at"])
        page.get_by_label("In which time zone").fill(schedule["zone"])
        if schedule["every"] == "week":
            page.get_by_label("On which weekday").select_option("Friday")
        if schedule["every"] == "month":
            page.get_by_label("On which day").fill("31")
        saved(page)
        settings = read_settings(api, board)
        assert settings["schedule"] == schedule
        assert len(settings["next_ends"]) == 3
        shown = page.locator("#season-now")
        expect(shown).to_have_text(re.compile("Season 1 is running; it ends on .*, then on .* and"))

    @needs_each_object
    def test_one_is_shown_and_kept_while_others_are_changed(
        self, visit: Visits, api: Api, board: str, schedule: dict[str, Any]
    ) -> None:
        before = api("PATCH", board, {"schedule": schedule}).json
        page = open_dashboard(visit, board)
        ends = page.get_by_label("A season ends")
        expect(ends.locator("option:checked")).to_have_text(PERIODS[schedule["every"]])
        expect(page.get_by_label("At what time")).to_have_value(schedule["at"])
        expect(page.get_by_label("In which time zone")).to_have_value(schedule["zone"])
        page.get_by_label("Players shown").fill("7")
        saved(page)
        assert read_settings(api, board) == {**before, "size": 7}
        ends.select_option("By hand only")
        saved(page)
        assert read_settings(api, board)["schedule"] is None

    def test_what_the_form_has_no_words_for_is_kept(
        self, visit: Visits, api: Api, board: str
    ) -> None:
        def answer_a_later_schedule(route: Any) -> None:
            sent = route.request.post_data_json
            changes.append(sent)
            json = {**route.fetch().json(), "schedule": {"every": "year"}, "windows": ["year"]}
            route.fulfill(json=json)

        changes: list[Any] = []
        page = visit(
            f"{board}manage/",
            lambda page: page.route(
                lambda url: url.endswith(board),
                lambda route: (
                    answer_a_later_schedule(route)
                    if route.request.method == "PATCH"
                    else route.continue_()
                ),
            ),
        )
        page.get_by_label("Players shown").fill("7")
        saved(page)
        assert changes == [{}, {"size": 7}]

    def test_the_viewers_own_zone_is_proposed_and_places_are_offered(
        self, visit: Visits, board: str
    ) -> None:
        page = visit(f"{board}manage/", timezone_id="Asia/Kathmandu")
        page.get_by_label("A season ends").select_option("Every week, on …")
        expect(page.get_by_label("In which time zone")).to_have_value(re.compile("^Asia/Kat.*u$"))
        values = "options => options.map(option => option.value)"
        zones = page.locator("#zones option").evaluate_all(values)
        assert {"UTC", "Europe/Berlin", "Asia/Kolkata"} <= {*zones} and len(zones) > 400
        for zone in zones:
            schedule_field({"every": "day", "zone": zone})

    @pytest.mark.parametrize(
        ("period", "label", "value", "reason"),
        [
            ("day", "In which time zone", "Europe/Berln", "the nearest are Europe/Berlin"),
            ("week", "In which time zone", "berlin", "the nearest are Europe/Berlin"),
            ("month", "In which time zone", "", "Must be a time zone"),
            ("month", "On which day", "32", "Must be an integer from 1 to 31"),
            ("month", "On which day", "", "Must be an integer from 1 to 31"),
            ("day", "At what time", "", "Must be a time from"),
        ],
    )
    def test_what_is_refused_is_said_at_its_field(
        self,
        page: Page,
        visit: Visits,
        api: Api,
        board: str,
        period: str,
        label: str,
        value: str,
        reason: str,
    ) -> None:
        page.get_by_label("A season ends").select_option(PERIODS[period])
        field = page.get_by_label(label, exact=True)
        field.fill(value)
        save(page)
        expect(field).to_be_focused()
        expect(field).to_have_accessible_description(re.compile(reason))
        expect(field).to_have_attribute("aria-invalid", "true")
        assert read_settings(api, board)["schedule"] is None
        page.get_by_label("A season ends").select_option("By hand only")
        saved(page)
        expect(page.locator("#settings-form .fault:not(:empty)")).to_have_count(0)
        visit.forgive("422")


def test_how_many_seasons_are_kept_is_set(page: Page, visit: Visits, api: Api, board: str) -> None:
    kept = page.get_by_label("Past seasons kept")
    expect(kept).to_have_value("12")
    for value in ("0", "all"):
        kept.fill(value)
        save(page)
        expect(kept).to_have_accessible_description(re.compile("Must be empty or an integer"))
    for value, stored in (("3", 3), ("", None)):
        kept.fill(value)
        saved(page)
        expect(kept).to_have_value(value)
        assert read_settings(api, board)["keep_seasons"] == stored
    visit.forgive("422")


class TestWindows:
    def test_they_are_turned_on_and_only_after_a_yes_off(
        self, page: Page, api: Api, board: str
    ) -> None:
        windows = page.get_by_role("group", name="Windows")
        windows.get_by_label("Month").check()
        windows.get_by_label("Day").check()
        saved(page)
        assert read_settings(api, board)["windows"] == ["day", "month"]
        for answer, left in (("Cancel", ["day", "month"]), ("Turn off", ["month"])):
            windows.get_by_label("Day").uncheck()
            save(page)
            page.get_by_role("dialog", name="Turn off the day?").get_by_role(
                "button", name=answer
            ).click()
            if answer != "Cancel":
                news(page, "The settings are saved.")
            expect(page.locator("#settings-form")).not_to_have_attribute("aria-busy", "true")
            assert read_settings(api, board)["windows"] == left

    def test_an_import_says_that_it_counts_in_them(
        self, visit: Visits, api: Api, board: str
    ) -> None:
        api("PATCH", board, {"windows": ["day", "week"]})
        page = open_dashboard(visit, board)
        said = page.get_by_text("Amounts count in the day and the week as well.")
        expect(said).to_be_visible()
        start_import(page, "id,amount\nalice,3\n")
        imported(page, "1 of 1 row added, 0 players created.")
        for window in ("day", "week"):
            [alice] = api("GET", f"{board}?window={window}").json["players"]
            assert (alice["id"], alice["score"]) == ("alice", 3)

    def test_one_is_exported(self, visit: Visits, api: Api, board: str, board_id: str) -> None:
        api("PATCH", board, {"windows": ["week"]})
        api("POST", f"{board}players/bob/score-add/", {"amount": 7})
        page = open_dashboard(visit, board)
        page.get_by_label("Players of").select_option("The week")
        with page.expect_download() as download:
            page.get_by_role("button", name="Export CSV").click()
        assert download.value.suggested_filename == f"{board_id}-week.csv"
        text = Path(download.value.path()).read_bytes().decode()
        assert text == "\ufeffid,name,score,rank,data\r\nbob,Bob,7,1,\r\n"

    def test_without_them_nothing_is_asked(self, page: Page) -> None:
        expect(page.get_by_role("button", name="Export CSV")).to_be_visible()
        for label in ("Players of", "Seasons of"):
            expect(page.get_by_label(label)).to_be_hidden()

    def test_their_seasons_are_listed_beside_the_boards(
        self, visit: Visits, api: Api, board: str
    ) -> None:
        api("PATCH", board, {"windows": ["week"]})
        api("POST", f"{board}reset/")
        page = open_dashboard(visit, board)
        past = page.locator("#past summary")
        expect(past).to_have_count(1)
        page.get_by_label("Seasons of").select_option("The week")
        expect(page.get_by_text("Week 1 is running; it ends on")).to_be_visible()
        expect(past).to_have_count(0)
        expect(page.get_by_text("None yet.", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="End the season")).to_be_hidden()
        page.get_by_label("Seasons of").select_option("The board")
        expect(page.get_by_text("Season 2 is running.")).to_be_visible()
        expect(page.get_by_role("button", name="End the season")).to_be_visible()


class TestFilesOfPastSeasons:
    @pytest.fixture
    def past(self, api: Api, board: str) -> str:
        api("POST", f"{board}players/bob/score-add/", {"amount": 7})
        api("POST", f"{board}reset/")
        return "\ufeffid,name,score,rank,data\r\nbob,Bob,7,1,\r\nalice,Alice,0,2,\r\n"

    @pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
    def test_a_link_saves_all_players(
        self, visit: Visits, api: Api, board: str, board_id: str, past: str, private: bool
    ) -> None:
        api("PATCH", board, {"private": private})
        token = create_token(["admin"], None, 60)
        store = f"sessionStorage.setItem('token of {board_id}', '{token}')"
        page = visit(f"{board}manage/", lambda page: page.add_init_script(store))
        page.get_by_text("Season 1, ended on").click()
        link = page.get_by_role("link", name="Season 1 as CSV")
        with page.expect_download() as download:
            link.click()
        assert download.value.suggested_filename == f"{board_id}-1.csv"
        assert Path(download.value.path()).read_bytes().decode() == past
        address = download.value.url
        assert token not in address and ("ticket=" in address) == private
        expect(page.get_by_role("heading", name="Seasons", exact=True)).to_be_visible()


def test_the_form_is_good_to_look_at(
    visit: Visits, api: Api, board: str, screenshots: Path
) -> None:
    api("PATCH", board, {"schedule": OBJECTS[1], "windows": ["day", "week"], "keep_seasons": None})
    page = open_dashboard(visit, board)
    page.get_by_label("In which time zone").fill("Berln")
    save(page)
    expect(page.get_by_label("In which time zone")).to_have_attribute("aria-invalid", "true")
    check_looks(page, "manage-seasons", screenshots)
    visit.forgive("422")
