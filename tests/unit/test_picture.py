"""The picture of a board's first players: whatever they are called, it is drawn."""

import logging
import runpy
import sys
from typing import Any

import pytest
import pyvips

from leaderboardapp.domain.types import MAX_SCORE
from leaderboardapp.pages import picture
from leaderboardapp.pages.picture import ELLIPSIS, HEIGHT, WIDTH, draw_picture

POINTS = {"type": "points"}
UNIT = "\N{ARABIC LIGATURE BISMILLAH AR-RAHMAN AR-RAHEEM}" * 16  # ten times as wide as high
NO_FONT_HAS = "\U0010fffd"  # for private use


def player(name: str, score: int = 0, rank: int = 1) -> dict[str, Any]:
    return {"id": "id", "name": name, "score": score, "rank": rank}


def open_picture(png: bytes) -> Any:
    image = pyvips.Image.new_from_buffer(png, "")
    assert (image.width, image.height) == (WIDTH, HEIGHT)
    return image


@pytest.mark.parametrize(
    "name",
    [
        "Ada Lovelace",
        "W" * 100,
        "محمد بن موسى الخوارزمي (42) abc " * 3,
        "שלום עולם, hello",
        "山田太郎 한국어",
        "👩‍👩‍👧‍👦 the Emojis 🏆 🇩🇪",
        "Z" + "\u0315\u0351\u0323\u0300" * 16,
        "<b>&amp;</b> 'O' \"Q\"",
        "\u2028 a\u2029b",
        "\ufffe",
        NO_FONT_HAS * 100,
    ],
)
def test_any_name_fits_beside_a_long_score(name: str, empty_margin: bytes) -> None:
    format = {"type": "decimal", "places": 6, "unit": UNIT}
    players = [player(name, score, rank) for score, rank in ((MAX_SCORE, 1), (-MAX_SCORE, 2))]
    assert get_margin(draw_picture(name, format, players)) == empty_margin


@pytest.fixture(scope="module")
def empty_margin() -> bytes:
    return get_margin(draw_picture("-", POINTS, [player("-"), player("-", rank=2)]))


def get_margin(png: bytes) -> bytes:
    """Return what is at the right of the cards, where no text may be."""
    margin: bytes = open_picture(png).crop(WIDTH - 60, 0, 60, HEIGHT).write_to_memory()
    return margin


def test_players_scores_and_ranks_change_the_picture() -> None:
    pictures = [
        draw_picture("A board", POINTS, players)
        for players in (
            [],
            [player("Ada")],
            [player("Ada"), player("Bob", rank=2)],
            [player("Ada"), player("Bob", rank=1)],
            [player("Ada", 1)],
        )
    ]
    assert len({*pictures}) == len(pictures)
    assert draw_picture("A board", {"type": "time"}, [player("Ada", 1)]) not in pictures


def test_only_three_players_are_shown() -> None:
    players = [player("Ada", rank=number) for number in (1, 2, 3)]
    shown = draw_picture("A board", POINTS, players)
    assert draw_picture("A board", POINTS, [*players, player("Zoe", rank=4)]) == shown


def test_a_long_name_ends_with_an_ellipsis_between_clusters() -> None:
    fitting = picture._fit("e\u0301" * 100, 46, 400)
    assert fitting.endswith(f"e\u0301{ELLIPSIS}")
    assert 380 < picture._draw(fitting, 46).width <= 400
    assert picture._fit("a name", 46, 400) == "a name"


def test_what_no_font_has_becomes_an_ellipsis_and_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(picture, "_has_warned", False)
    picture._has_font.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert picture._fit(f"Ada {NO_FONT_HAS * 2} L", 46, 900) == f"Ada {ELLIPSIS} L"
        assert picture._fit(f"\U000f0000 {NO_FONT_HAS}", 46, 900) == ELLIPSIS
    [record] = caplog.records
    assert "no font has U+10FFFD" in record.getMessage()


@pytest.mark.parametrize("text", ["A", "é", "Ελ", "Я", "1,234.5", "\N{EURO SIGN}", "-"])
def test_what_the_font_of_ours_has_is_drawn(text: str) -> None:
    assert picture._replace_missing(text) == text


def test_a_line_has_its_baseline_where_its_letters_stand() -> None:
    for text in ("a", "ag", "\u00c1"):
        image, _, top = picture._place(text, 48, 0, 100)
        below = image.height + top - 100
        assert (0 <= below <= 2) == ("g" not in text)


def test_the_service_starts_without_libvips_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "pyvips", None)
    names = runpy.run_path(picture.__file__)
    assert not names["can_draw"]()
    names["warn_of_missing_library"]()
    [record] = caplog.records
    assert "no pictures: libvips cannot be loaded (ModuleNotFoundError: " in record.getMessage()
    caplog.clear()
    picture.warn_of_missing_library()
    assert picture.can_draw() and not caplog.records
