"""The pages in German: what scripts say as well, numbers and times as in the viewer's country, and
room for longer words on small phones."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.browser.dashboard import set_file
from tests.browser.looks import assert_accessible
from tests.e2e.viewers import Api

GERMAN: Any = {"locale": "de-DE", "timezone_id": "Europe/Berlin"}
SMALL = {"width": 320, "height": 640}

# Returns what sticks out of the page, or of the card that it is in.
FIND_WIDE = """() => [...document.querySelectorAll("main *, .top *")].filter((element) => {
  const box = element.getBoundingClientRect();
  const around = (element.parentElement.closest(".card") ?? document.body).getBoundingClientRect();
  const isSeen = box.width > 1 && !element.closest(".unseen, .scroll, .swagger-ui, [hidden]");
  return isSeen && (box.left < around.left - 1 || box.right > around.right + 1);
}).map((element) => element.outerHTML.slice(0, 90))"""


def look(page: Page, name: str, screenshots: Path) -> None:
    """See that the page is accessible and has room for its words, and take its picture."""
    page.emulate_media(reduced_motion="reduce")
    page.screenshot(path=screenshots / f"{name}.png", full_page=True, animations="disabled")
    assert page.evaluate(FIND_WIDE) == []
    assert_accessible(page, name)


def test_a_board_is_live_in_german(visit: Visits, api: Api, board: str, screenshots: Path) -> None:
    for name, score in {"alice": 12345, "bob": 3}.items():
        assert api("PUT", f"{board}players/{name}/score/", {"score": score}).status == 200
    schedule = {"every": "month", "on": 1, "at": "12:00", "zone": "UTC"}
    assert api("PATCH", board, {"schedule": schedule, "windows": ["week"]}).status == 200
    page = visit(board, **GERMAN, viewport=SMALL)
    expect(page.locator("#state")).to_have_text("Live")
    expect(page.locator("#season-text")).to_have_text(
        re.compile(r"Saison 1 – noch .*(Tage?|Stunden?|Minuten?).* · .*, 1[34]:00 ME(S)?Z")
    )
    page.get_by_label("Dein Name").fill("Carl")
    page.get_by_role("button", name="Mitspielen").click()
    expect(page.locator("#you")).to_have_text("Du bist auf Platz 3 von 3")
    page.get_by_role("button", name="+1 für Alice").click()
    expect(page.locator(".row[data-id=alice] .score b")).to_have_text("12.346")
    look(page, "board-german", screenshots)
    assert api("PATCH", board, {"max": 12346}).status == 200
    page.get_by_role("button", name="+1 für Alice").click()
    refusal = page.locator(".row").get_by_role("alert")
    expect(refusal).to_have_text("Höher geht es für Alice nicht: Hier ist bei 12.346 Schluss.")
    page.context.set_offline(True)
    expect(page.locator("#state")).to_have_text(re.compile("(Verbinde neu|Keine Verbindung) seit"))
    assert page.evaluate(FIND_WIDE) == []
    page.context.set_offline(False)
    api("DELETE", board)
    expect(page.get_by_role("heading", name="Diese Rangliste wurde gelöscht")).to_be_visible()
    page.close()
    visit.forgive("422|404|ERR_")  # the last two come only if no worker holds the connection


def test_a_board_is_run_in_german(visit: Visits, api: Api, board: str, screenshots: Path) -> None:
    assert api("PATCH", board, {"windows": ["day", "week"]}).status == 200
    assert api("PUT", f"{board}players/alice/score/", {"score": 12345}).status == 200
    assert api("POST", f"{board}reset/", {"season": 1}).status == 200
    assert api("PUT", f"{board}players/alice/score/", {"score": 12345}).status == 200
    page = visit(f"{board}manage/", **GERMAN, viewport=SMALL)
    expect(page.locator("#players-table tbody tr")).to_have_count(2)
    expect(page.locator("#players-table .score").first).to_have_text("12.345")
    expect(page.locator("#past summary")).to_have_text(re.compile(r"^Saison 1, .* MES?Z$"))
    assert page.evaluate(FIND_WIDE) == []
    set_file(page, b"player,Punkte\nalice,4\nclara,1234\n")
    expect(page.locator("#amount-question")).to_contain_text("In „Punkte“ stehen Zahlen.")
    page.get_by_role("button", name="„Punkte“ addieren").click()
    page.get_by_role("button", name="Import", exact=True).click()
    text = page.locator("#import-text")
    expect(text).to_have_text("Importiert: 2 von 2 Zeilen gezählt, 1 Spieler neu.")
    look(page, "dashboard-german", screenshots)
    refuse_in_german(page)
    visit.forgive("409|422")


def refuse_in_german(page: Page) -> None:
    """See refusals in German: those of the page, and those of the service at their fields."""
    size = page.get_by_label("Sichtbare Spieler")
    size.fill("1000")
    page.get_by_role("button", name="Einstellungen speichern").click()
    expect(size).to_be_focused()
    expect(size).to_have_accessible_description("Diese Angabe wird nicht angenommen.")
    page.get_by_role("button", name="Hinzufügen").first.click()
    dialog = page.locator("#add-dialog")
    dialog.get_by_label("Id").fill("a b")
    dialog.get_by_role("button", name="Hinzufügen").click()
    name, id = dialog.get_by_label("Name"), dialog.get_by_label("Id")
    expect(name).to_have_accessible_description(re.compile("^Erlaubt: 1 bis 100 Zeichen"))
    expect(id).to_have_accessible_description(re.compile("^Erlaubt: 1 bis 64 der Zeichen"))
    name.fill("Alice")
    id.fill("alice")
    dialog.get_by_role("button", name="Hinzufügen").click()
    expect(dialog.locator(".form-fault")).to_have_text("Die Id ist vergeben.")


@pytest.mark.parametrize("path", ["/", "/boards/nowhere/", "/docs", "/docs/problems/"])
def test_other_pages_have_room_for_german(
    visit: Visits, board: str, screenshots: Path, path: str
) -> None:
    page = visit(path, **GERMAN, viewport=SMALL)
    if path == "/docs":
        expect(page.get_by_role("heading", name="Anfragen")).to_be_visible()
    look(page, f"german{path.replace('/', '-').rstrip('-')}", screenshots)
    if path == "/boards/nowhere/":
        visit.forgive("404", "nowhere")


def test_times_of_past_seasons_are_in_the_viewers_zone(visit: Visits, api: Api, board: str) -> None:
    assert api("POST", f"{board}reset/", {"season": 1}).status == 200
    times = []
    for zone, locale in (("Asia/Kathmandu", "en-GB"), ("Europe/Berlin", "de-DE")):
        page = visit(f"{board}seasons/", timezone_id=zone, locale=locale)
        time = page.locator("time")
        expect(time).not_to_contain_text("UTC")
        written = "time => new Date(time.dateTime).toLocaleTimeString([], {timeStyle: 'short'})"
        expect(time).to_contain_text(time.evaluate(written))
        times.append(time.text_content() or "")
    assert "GMT+5:45" in times[0] and re.search("MES?Z", times[1])
