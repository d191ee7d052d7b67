"""Every page on phone and desktop, light and dark: no violation that axe-core finds, no complaint
in the console, nothing from another host, and a picture for people to look at."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.looks import check_looks
from tests.e2e.viewers import Api

# A toast stays for six seconds, which may be less than all looks take.
LASTING_TOASTS = """const timeout = setTimeout;
window.setTimeout = (end, ms, ...rest) => timeout(end, ms === 6000 ? 600_000 : ms, ...rest);"""
NAMES = ["Ada Lovelace", "Grace Hopper", "Edsger", "Barbara Liskov", "Alan", "Margaret", "Linus"]
ODD_NAMES = [
    "<img src=x onerror=alert(1)>",
    "\u200fmarks of direction\u200e & left again",
    "محمد بن موسى الخوارزمي",
    "👩‍👩‍👧‍👦 the Emojis 🏆",
    "Z" + "\u0315\u0351\u0323\u0300" * 16,
    "W" * 100,
    "a long name of many words " * 3,
    "–",
]


# Of each board its name, its players and their scores.
BOARDS: dict[str, tuple[str, list[str], list[int]]] = {
    "full": ("Friday quiz", NAMES, [1204, 987, 955, 640, 320, 41, 0]),
    "odd": (f"{ODD_NAMES[0]} & friends", ODD_NAMES, [2**53 - 1, 10**7, *range(6)]),
    "empty": ("An empty board", [], []),
    "private": ("Top secret", [], []),
}
PAGES = {
    "board": "/boards/{full}/",
    "odd": "/boards/{odd}/",
    "empty": "/boards/{empty}/",
    "home": "/",
    "problem": "/boards/nowhere/",
    "refused": "/boards/{private}/",
    "docs": "/docs",
    "kinds": "/docs/problems/",
}


@pytest.fixture
def boards(api: Api, board_id: str, made: list[str]) -> dict[str, str]:
    """The id of each board."""
    ids = {name: f"{name}-{board_id}" for name in BOARDS}
    made += [f"/boards/{id}/" for id in ids.values()]
    for name, (title, players, scores) in BOARDS.items():
        make_board(api, ids[name], title, players, scores)
    assert api("PATCH", f"/boards/{ids['private']}/", {"private": True}).status == 200
    return ids


def make_board(api: Api, id: str, name: str, names: list[str], scores: list[int]) -> None:
    assert api("POST", "/boards/", {"id": id, "name": name, "size": 10}).status == 201
    for number, (player, score) in enumerate(zip(names, scores, strict=True)):
        path = f"/boards/{id}/players/"
        body = {"id": f"p{number}", "name": player}
        assert api("POST", path, body).status == 201
        assert api("PUT", f"{path}p{number}/score/", {"score": score}).status == 200


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_accessible_and_has_its_picture_taken(
    visit: Visits, screenshots: Path, boards: dict[str, str], name: str
) -> None:
    page = visit(PAGES[name].format(**boards))
    if name in ("board", "odd", "empty"):
        expect(page.locator("#state")).to_have_text("Live")
    if name == "docs":
        expect(page.get_by_role("heading", name="Requests")).to_be_visible()
    check_looks(page, name, screenshots)
    if name == "problem":
        visit.forgive("404", "nowhere")
    if name == "refused":
        visit.forgive("401", "private")


def test_the_list_without_a_board_is_accessible(visit: Visits, screenshots: Path) -> None:
    page = visit("/")
    expect(page.get_by_role("heading", name="There is no board here yet")).to_be_visible()
    check_looks(page, "no-board", screenshots)


def test_a_board_is_accessible_whatever_happens(
    visit: Visits, screenshots: Path, api: Api, boards: dict[str, str]
) -> None:
    path = f"/boards/{boards['full']}/"
    page = visit(path, prepare=lambda page: page.add_init_script(LASTING_TOASTS))
    state = page.locator("#state")
    expect(state).to_have_text("Live")
    assert api("PATCH", path, {"max": 1204}).status == 200
    page.get_by_role("button", name="+1 for Ada").click()
    expect(page.locator(".row").get_by_role("alert")).to_be_visible()
    check_looks(page, "row-error", screenshots)
    assert api("POST", f"{path}players/", {"name": "Katherine Johnson"}).status == 201
    expect(page.locator(".toast", has_text="Katherine")).to_be_visible()
    check_looks(page, "toast", screenshots)
    assert api("PATCH", path, {"size": 5}).status == 200
    page.get_by_label("Your name").fill("Hedy")
    page.get_by_role("button", name="Join").click()
    expect(page.locator("#around .own")).to_be_visible()
    check_looks(page, "you", screenshots)
    page.context.set_offline(True)
    expect(state).to_have_text(re.compile("(Reconnecting|No connection) since"))
    check_looks(page, "lost", screenshots)
    page.context.set_offline(False)
    expect(state).to_have_text("Live")
    api("DELETE", path)
    expect(page.get_by_role("heading", name="This board was deleted")).to_be_visible()
    check_looks(page, "deleted", screenshots)
    page.close()  # it would go on asking for the board, and complain
    visit.forgive("422|404|ERR_")  # the last two come only if no worker holds the connection
