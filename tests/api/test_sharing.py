"""What other sites show of a link to a board: tags of its page, and a picture."""

import re
import threading
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import pyvips

from leaderboardapp.pages import picture, sharing
from leaderboardapp.web.auth import create_token
from tests.api.conftest import Send, assert_problem
from tests.support.programs import wait_until

# No store changes what is shown here.
pytestmark = pytest.mark.stores("sqlite")

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
ISOLATES = re.compile("[\u2066-\u2069]")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of the pictures that were drawn; none is kept from before."""
    titles: list[str] = []

    def draw(title: str, *others: Any) -> bytes:
        titles.append(title)
        return b"a picture"

    monkeypatch.setattr(sharing, "draw_picture", draw)
    monkeypatch.setattr(sharing, "_pictures", sharing.Pictures())
    return titles


@pytest.fixture
def path(send: Send, board: str) -> str:
    """The path of a board with three players and one more."""
    assert send("PATCH", board, {"name": "Friday <quiz>"}).status_code == 200
    for name, score in (("Ada", 1204), ("Bob", 12), ('"Eve"', 3), ("Zoe", 1)):
        body = {"score": score, "name": name}
        player = name.strip('"').lower()
        answer = send("PUT", f"{board}players/{player}/score/", body)
        assert answer.status_code == 201
    return board


def read_tags(send: Send, path: str, **headers: str) -> dict[str, str]:
    """Return the page's tags by name or property."""
    page = send("GET", path, accept=BROWSER, **headers)
    assert page.status_code == 200
    tags = re.findall(r'<meta (?:name|property)="([\w:-]+)" content="(.*?)"', page.content.decode())
    return {name: unescape(text) for name, text in tags}


def test_the_tags_say_what_a_board_is_and_who_leads(send: Send, path: str) -> None:
    tags = read_tags(send, path, host="quiz_1.example:8443", x_forwarded_proto="https")
    address = f"https://quiz_1.example:8443{path}"
    assert tags["og:title"] == "Friday <quiz>"
    assert tags["og:url"] == address
    assert tags["twitter:card"] == "summary_large_image"
    assert tags["og:image"].startswith(f"{address}picture.png?of=")
    text = '1. Ada 1,204 · 2. Bob 12 · 3. "Eve" 3'
    for name in ("description", "og:description", "og:image:alt"):
        assert ISOLATES.sub("", tags[name]) == text
    picture = tags["og:image"].removeprefix("https://quiz_1.example:8443")
    assert send("GET", picture).status_code == 200


def test_a_window_has_tags_of_its_own(send: Send, path: str) -> None:
    assert send("PATCH", path, {"windows": ["week"]}).status_code == 200
    assert send("POST", f"{path}players/bob/score-add/").status_code == 200
    tags = read_tags(send, f"{path}?window=week")
    assert tags["og:title"] == "Friday <quiz> · This week"
    assert tags["og:url"].endswith(f"{path}?window=week")
    assert "picture.png?window=week&of=" in tags["og:image"]
    assert ISOLATES.sub("", tags["description"]) == "1. Bob 1"
    assert read_tags(send, path)["description"] != tags["description"]


def test_an_empty_board_says_so(send: Send, board: str) -> None:
    assert read_tags(send, board)["description"] == "Nobody is ranked yet."


def test_the_picture_of_another_moment_has_another_address(send: Send, path: str) -> None:
    before = read_tags(send, path)["og:image"]
    assert read_tags(send, path)["og:image"] == before
    assert send("POST", f"{path}players/bob/score-add/").status_code == 200
    assert read_tags(send, path)["og:image"] != before


def test_a_private_board_has_no_tags_and_no_picture_for_strangers(
    send: Send, path: str, drawn: list[str]
) -> None:
    assert send("GET", f"{path}picture.png").status_code == 200  # kept, while it is public
    assert send("PATCH", path, {"private": True}).status_code == 200
    assert_problem(send("GET", f"{path}picture.png"), 401, "scope read")
    other = f"Bearer {create_token(['read'], ['another'], 60)}"
    assert_problem(send("GET", f"{path}picture.png", authorization=other), 403, "this board")
    token = f"Bearer {create_token(['read'], None, 60)}"
    answer = send("GET", f"{path}picture.png", authorization=token)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-store")
    tags = read_tags(send, path, authorization=token)
    assert not {name for name in tags if name.startswith(("og:", "twitter:", "description"))}


def test_a_picture_is_a_png_of_the_size_that_its_tags_say(send: Send, path: str) -> None:
    tags = read_tags(send, path)
    answer = send("GET", f"{path}picture.png")
    assert answer["Content-Type"] == tags["og:image:type"] == "image/png"
    assert answer["Cache-Control"] == "public, max-age=60"
    image = pyvips.Image.new_from_buffer(answer.content, "")
    size = (str(image.width), str(image.height))
    assert size == (tags["og:image:width"], tags["og:image:height"])


def test_a_client_that_has_the_newest_picture_is_sent_none_and_none_is_drawn(
    send: Send, path: str, drawn: list[str]
) -> None:
    snapshot = send("GET", path)["ETag"].strip('"')
    tag = send("GET", f"{path}picture.png")["ETag"]
    assert tag.startswith(f'"{snapshot}-'), "it is that of the snapshot"
    sharing._pictures.kept.clear()
    answer = send("GET", f"{path}picture.png", if_none_match=tag)
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)
    assert drawn == ["Friday <quiz>"]


def test_a_board_that_changes_is_drawn_once_in_a_while(
    send: Send, path: str, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = send("GET", f"{path}picture.png")["ETag"]
    assert send("POST", f"{path}players/bob/score-add/").status_code == 200
    answer = send("GET", f"{path}picture.png")
    assert (answer["ETag"], len(drawn)) == (tag, 1), "of the moment at which it was drawn"
    assert send("GET", f"{path}picture.png", if_none_match=tag).status_code == 304
    monkeypatch.setattr(sharing, "FRESH_SECONDS", 0)
    assert send("GET", f"{path}picture.png")["ETag"] != tag
    assert send("GET", f"{path}picture.png?of=whatever").status_code == 200
    assert len(drawn) == 2


def test_only_so_many_pictures_are_kept(
    send: Send, path: str, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "MAX_KEPT", 1)
    other = f"{path.removesuffix('/')}-2/"
    assert send("POST", "/boards/", {"id": other.split("/")[2]}).status_code == 201
    for board in (path, other, path):
        assert send("GET", f"{board}picture.png").status_code == 200
    assert len(drawn) == 3
    assert len(sharing._pictures.kept) == 1


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, drawn: list[str]) -> Iterator[threading.Event]:
    """Drawing ends when this is set."""
    may_end = threading.Event()

    def draw(title: str, *others: Any) -> bytes:
        drawn.append(title)
        may_end.wait(30)
        return b"a picture"

    monkeypatch.setattr(sharing, "draw_picture", draw)
    yield may_end
    may_end.set()


def test_what_many_ask_for_at_once_is_drawn_once(
    send: Send, path: str, drawn: list[str], slow: threading.Event
) -> None:
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(send("GET", f"{path}picture.png").status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: drawn, "the first")
    slow.set()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8
    assert len(drawn) == 1


def test_who_asks_for_too_many_pictures_at_once_is_told_to_come_later(
    send: Send,
    path: str,
    drawn: list[str],
    slow: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "MAX_WAITING", 1)
    monkeypatch.setattr(sharing, "_pictures", sharing.Pictures())
    other = f"{path.removesuffix('/')}-2/"
    assert send("POST", "/boards/", {"id": other.split("/")[2]}).status_code == 201
    thread = threading.Thread(target=send, args=("GET", f"{path}picture.png"))
    thread.start()
    wait_until(lambda: drawn, "that it draws")
    answer = send("GET", f"{other}picture.png")
    slow.set()
    thread.join()
    assert_problem(answer, 503, "Too many pictures")
    assert answer["Retry-After"] == "2"
    assert send("GET", f"{other}picture.png").status_code == 200


def test_a_missing_board_has_no_picture(send: Send) -> None:
    assert_problem(send("GET", "/boards/nowhere/picture.png"), 404, "no board nowhere")


def test_pages_have_their_icons_and_colours(send: Send, board: str) -> None:
    page = send("GET", board, accept=BROWSER).content.decode()
    assert re.search(r'<meta name="theme-color" content="#f5f4ef" media="\(.*: light\)">', page)
    assert re.search(r'<meta name="theme-color" content="#101116" media="\(.*: dark\)">', page)
    [icon] = re.findall(r'<link rel="apple-touch-icon" href="(.*?)">', page)
    answer = send("GET", icon)
    image = pyvips.Image.new_from_buffer(b"".join(answer.streaming_content), "")
    assert (image.width, image.height, image.hasalpha()) == (180, 180, 0)


@pytest.mark.parametrize("accept", ["*/*", "", "image/*, */*;q=0.5"])
@pytest.mark.parametrize(
    "name",
    [
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "WhatsApp/2.19.258 A",
    ],
)
def test_who_shows_links_is_sent_the_page_though_it_accepts_anything(
    send: Send, path: str, name: str, accept: str
) -> None:
    headers = {"user_agent": name, **({"accept": accept} if accept else {})}
    page = send("GET", path, **headers)
    assert page["Content-Type"].startswith("text/html")
    assert "og:image" in page.content.decode()
    assert send("GET", "/boards/nowhere/", **headers)["Content-Type"].startswith("text/html")
    assert send("GET", f"{path}picture.png", **headers)["Content-Type"] == "image/png"


@pytest.mark.parametrize(
    ("name", "accept"),
    [
        ("Slackbot 1.0", "application/json"),
        ("python-requests/2.34", "*/*"),
        ("DiscordBot (https://example.com, 1.0)", "*/*"),  # of somebody who writes bots
    ],
)
def test_programs_are_sent_the_snapshot(send: Send, path: str, name: str, accept: str) -> None:
    answer = send("GET", path, user_agent=name, accept=accept)
    assert answer["Content-Type"] == "application/json"


def test_where_nothing_can_be_drawn_links_have_no_picture(
    send: Send, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "pyvips", None)
    assert_problem(send("GET", f"{path}picture.png"), 501, "no libvips")
    tags = read_tags(send, path)
    assert tags["og:title"] == "Friday <quiz>"
    assert tags["twitter:card"] == "summary"
    assert not {name for name in tags if name.startswith("og:image")}


def test_what_was_drawn_while_a_board_was_private_is_shown_to_no_stranger(
    send: Send, path: str, drawn: list[str]
) -> None:
    token = f"Bearer {create_token(['read'], None, 60)}"
    assert send("PATCH", path, {"private": True}).status_code == 200
    secret = send("GET", f"{path}picture.png", authorization=token)["ETag"]
    assert send("PATCH", path, {"private": False, "name": "For everybody"}).status_code == 200
    assert send("GET", f"{path}picture.png")["ETag"] != secret
    assert drawn == ["Friday <quiz>", "For everybody"]


def test_one_thread_draws_for_those_of_all_requests(
    send: Send, path: str, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[threading.Thread] = set()

    def draw(*_: Any) -> bytes:
        threads.add(threading.current_thread())
        return b"a picture"

    monkeypatch.setattr(sharing, "draw_picture", draw)
    monkeypatch.setattr(sharing, "FRESH_SECONDS", 0)
    for _ in range(2):
        assert send("POST", f"{path}players/bob/score-add/").status_code == 200
        request = threading.Thread(target=send, args=("GET", f"{path}picture.png"))
        request.start()
        request.join()
    assert len(threads) == 1, "each other one would keep memory of its own for what it draws with"


def test_the_picture_that_tags_name_is_of_their_moment_however_soon(
    send: Send, path: str, drawn: list[str]
) -> None:
    for _ in range(2):  # sites that show links keep what they find at the address for weeks
        assert send("POST", f"{path}players/bob/score-add/").status_code == 200
        address = read_tags(send, path)["og:image"].partition("//testserver:80")[2]
        snapshot = send("GET", path)["ETag"].strip('"')
        assert send("GET", address)["ETag"].startswith(f'"{snapshot}-')
    assert send("GET", address).status_code == 200
    assert len(drawn) == 2
