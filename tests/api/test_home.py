"""The page with the list of boards, on each store."""

import html
import re

import pytest
from django.test import override_settings

from leaderboardapp.domain.searching import BoardPage
from leaderboardapp.pages import home
from leaderboardapp.stores.base import Store
from tests.api.conftest import Response, Send
from tests.api.test_auth import bearer

PAGE = "text/html"


def texts(response: Response) -> list[str]:
    """Return what the cards of the page say."""
    assert response.status_code == 200, response.content
    cards = re.findall(r'<a class="card".*?</a>', response.content.decode(), re.S)
    return [" ".join(html.unescape(re.sub("<[^>]*>", "", card)).split()) for card in cards]


@pytest.fixture
def mark(send: Send, board_id: str) -> str:
    """What the names of some boards begin with. Most boards come after them."""
    mark = f"0{board_id[-8:]}"
    for id, name in {"b": f"{mark} Zoo", "a": f"{mark} Apes", "c": f"{mark} Cats"}.items():
        body = {"id": f"{id}-{mark}", "name": name, "format": {"type": "decimal", "places": 1}}
        assert send("POST", "/boards/", body).status_code == 201
    for id, amount in {"ada": 5, "eve": 12345}.items():
        path = f"/boards/b-{mark}/players/{id}/score-add/"
        assert send("POST", path, {"amount": amount, "name": id.title()}).status_code == 201
    assert send("PATCH", f"/boards/c-{mark}/", {"private": True}).status_code == 200
    return mark


def test_a_card_says_who_leads_and_how_many_play(send: Send, mark: str) -> None:
    apes, zoo = texts(send("GET", f"/?search={mark}", accept=PAGE))
    assert apes == f"{mark} Apes Nobody is ranked yet · a-{mark}"
    assert zoo == f"{mark} Zoo Eve leads with 1,234.5 2 players · b-{mark}"


def test_private_boards_are_listed_to_an_admin_of_all_boards_only(send: Send, mark: str) -> None:
    path = f"/?search={mark}"
    assert [text.split()[1] for text in texts(send("GET", path, accept=PAGE))] == ["Apes", "Zoo"]
    listed = texts(send("GET", path, accept=PAGE, **bearer(scope="admin")))
    assert [text.split()[1] for text in listed] == ["Apes", "Cats", "Zoo"]
    assert "· private ·" in listed[1]


def test_the_newest_comes_first_or_they_come_by_name_page_by_page(
    send: Send, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "PAGE_SIZE", 1)
    orders = {}
    for order in ("newest", "name"):
        path, names = f"/?order={order}", list[str]()
        while path and len(names) < 2:
            page = send("GET", path, accept=PAGE)
            names += [text.split()[1] for text in texts(page) if text.startswith(mark)]
            following = re.search(r'href="([^"]*)" rel="next"', page.content.decode())
            path = html.unescape(following[1].replace("?", "/?", 1)) if following else ""
        orders[order] = names
    assert orders == {"newest": ["Apes", "Zoo"], "name": ["Apes", "Zoo"]}


def test_a_made_up_id_is_not_shown_beside_a_name_and_once_without(send: Send, mark: str) -> None:
    named = send("POST", "/boards/", {"name": f"{mark} Named"}).json()["id"]
    nameless = send("POST", "/boards/", {}).json()["id"]
    page = send("GET", f"/?search={mark}%20Named", accept=PAGE)
    assert texts(page) == [f"{mark} Named Nobody is ranked yet"] and named in str(page.content)
    assert texts(send("GET", f"/?search={nameless}", accept=PAGE)) == [
        f"{nameless} Nobody is ranked yet"
    ]


@pytest.mark.stores("sqlite")
@pytest.mark.parametrize("query", ["search=%00", "search=%E2%80%AE", "order=x", "search=zz%25zz"])
def test_whatever_is_asked_for_is_a_page(send: Send, mark: str, query: str) -> None:
    assert send("GET", f"/?{query}", accept=PAGE).status_code == 200


@pytest.mark.stores("sqlite")
def test_who_cannot_make_a_board_is_led_to_the_only_one(
    send: Send, store: Store, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = BoardPage([store.get_board(f"b-{mark}")], None)
    monkeypatch.setattr(type(store), "find_boards", lambda *_, **__: only)
    assert len(texts(send("GET", "/", accept=PAGE))) == 1
    with override_settings(ALLOW_ANONYMOUS_WRITES=False):
        answer = send("GET", "/", accept=PAGE)
        assert (answer.status_code, answer["Location"]) == (302, f"/boards/b-{mark}/")
        assert len(texts(send("GET", "/?order=newest", accept=PAGE))) == 1
        assert len(texts(send("GET", "/", accept=PAGE, **bearer(scope="admin")))) == 1
