"""A board for a frame of another site: what its address chooses, and who may have it in a frame."""

import base64
import hashlib
import re

import pytest

from leaderboardapp.web.auth import create_token
from tests.api.conftest import Response, Send

# No store changes what is shown here.
pytestmark = pytest.mark.stores("sqlite")

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.mark.parametrize(
    ("query", "accepted"),
    [
        ("theme=blue", "theme: must be one of auto, light, dark."),
        ("theme=", "theme: must be one of auto, light, dark."),
        ("accent=red", "accent: must be a colour of six hexadecimal digits, such as e4007f."),
        ("accent=", "accent: must be a colour of six hexadecimal digits, such as e4007f."),
        ("accent=fff}a{", "accent: must be a colour of six hexadecimal digits, such as e4007f."),
        ("rows=0", "rows: must be an integer from 1 to 100."),
        ("rows=101", "rows: must be an integer from 1 to 100."),
        ("rows=many", "rows: must be an integer from 1 to 100."),
        ("rows=1&rows=2", "rows: is there 2 times; it must be there once."),
    ],
)
def test_a_value_that_is_not_accepted_is_refused_in_the_frame(
    send: Send, board: str, query: str, accepted: str
) -> None:
    page = send("GET", f"{board}?embed&{query}", accept=BROWSER)
    assert page.status_code == 422
    assert accepted in page.content.decode()
    assert page["Content-Security-Policy"].endswith("frame-ancestors *")
    assert "<a " not in page.content.decode()


def test_a_page_that_is_not_embedded_takes_no_notice_of_its_values(send: Send, board: str) -> None:
    page = send("GET", f"{board}?theme=blue&rows=0", accept=BROWSER)
    assert page.status_code == 200
    assert page["Content-Security-Policy"].endswith("frame-ancestors 'none'")


def get_style(page: Response) -> str:
    """Return the page's own style, which its policy allows."""
    [style] = re.findall("<style>(.*?)</style>", page.content.decode())
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'self' 'sha256-{digest}'; " in page["Content-Security-Policy"]
    return str(style)


def test_the_address_chooses_theme_accent_and_rows(send: Send, board: str) -> None:
    page = send("GET", f"{board}?embed&theme=dark&accent=%234A3FD0&rows=3", accept=BROWSER)
    style = get_style(page)
    assert ":root{color-scheme:dark}" in style
    assert "--mark:light-dark(#4a3fd0,#" in style
    assert ".ranking>:nth-child(n+4){display:none}" in style


@pytest.mark.parametrize("query", ["embed", "embed&theme=auto"])
def test_without_a_choice_there_is_no_style_to_allow(send: Send, board: str, query: str) -> None:
    page = send("GET", f"{board}?{query}", accept=BROWSER)
    assert "<style>" not in page.content.decode()
    assert "style-src 'self'; " in page["Content-Security-Policy"]


def test_its_windows_keep_the_look_and_its_title_leads_to_the_whole_page(
    send: Send, board: str
) -> None:
    assert send("PATCH", board, {"windows": ["day"]}).status_code == 200
    page = send("GET", f"{board}?embed=&theme=dark&rows=3&utm=x", accept=BROWSER).content.decode()
    assert 'href="?embed=&amp;theme=dark&amp;rows=3"' in page
    assert 'href="?embed=&amp;theme=dark&amp;rows=3&amp;window=day"' in page
    assert '<a href="." target="_blank" rel="noopener">' in page
    assert send("GET", f"{board}?embed&rows=3&window=day", accept=BROWSER).status_code == 200


def test_a_private_board_is_embedded_with_a_token_only(send: Send, board: str) -> None:
    assert send("PATCH", board, {"private": True}).status_code == 200
    page = send("GET", f"{board}?embed&theme=dark", accept=BROWSER)
    assert page.status_code == 401
    assert "A board" not in page.content.decode()
    assert ":root{color-scheme:dark}" in get_style(page)
    token = create_token(["read"], None, 60)
    assert send("GET", f"{board}?embed&token={token}", accept=BROWSER).status_code == 200
