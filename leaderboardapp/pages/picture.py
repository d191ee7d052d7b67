"""Draw the picture of a board's first players, which other sites show beside a link to the board.

Pango lays the texts out, in whatever fonts the machine has (docs/adr/0051). What is in none of them
it would draw as a box. It becomes an ellipsis.
"""

import logging
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import regex  # the standard library's `re` does not know grapheme clusters
from django.template.loader import render_to_string
from django.utils.html import escape

from leaderboardapp.domain.score_formats import format_score
from leaderboardapp.domain.types import Row

os.environ.setdefault("FONTCONFIG_FILE", str(Path(__file__).parent / "fonts" / "fonts.conf"))
try:
    import pyvips  # what it draws texts with reads the variable
except Exception as error:  # of several kinds: there is no libvips, or none that this machine loads
    pyvips, REASON = None, f"{type(error).__name__}: {error}"

logger = logging.getLogger(__name__)

Layer = tuple[Any, int, int]  # a text's image, and where its left upper corner is

WIDTH, HEIGHT = 1200, 630  # pixels, the size that other sites ask for
SHOWN = 3  # players
FONT = "Noto Sans Bold"
BLANK_FONT = "Leaderboard Blank"  # one of ours: its only character is an x without ink
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
INK, ON_MEDAL = "#1c1b22", "#2b1d00"
TITLE, TITLE_WIDTH = (160, 118), 976  # pixels; the left end of its baseline
FIRST_ROW, ROW = 180, 140  # from the top to the first row, and from each row to the next
BASELINE = 77  # of a row's texts, from its top
MEDAL, NAME, SCORE = 134, 204, 1096  # the middle of a medal, the left of names, the right of scores
GAP, MAX_SCORE_WIDTH = 32, 600
SCORE_SIZES = range(48, 27, -2)
# An x without ink, of twice the size, makes each line so high that its baseline is at the same
# height, whatever fonts the line's characters come from.
STRUT = f'<span font_family="{BLANK_FONT}" size="200%">x</span>'
ASCENT = 2 * 1.069  # of a line, in its text's sizes
FSI, PDI = "\u2068", "\u2069"  # around a text, whose direction is not that of the x
ABOVE, BELOW = 1.2, 0.5  # what is seen of a line above and below its baseline, in sizes

_has_warned = False

if pyvips:
    pyvips.cache_set_max(0)  # or it would keep texts in memory
    pyvips.concurrency_set(1)  # threads for one picture: requests have threads of their own


def can_draw() -> bool:
    """Return whether this machine has what pictures are drawn with. The service runs without."""
    return pyvips is not None


def warn_of_missing_library() -> None:
    """Warn if no picture can be drawn."""
    if not can_draw():
        logger.warning("links to boards have no pictures: libvips cannot be loaded (%s)", REASON)


def draw_picture(title: str, format: Row, players: Sequence[Row]) -> bytes:
    """Return a PNG of a board's title and first players, as its snapshot has them, best first."""
    shown = players[:SHOWN]
    ranks = [player["rank"] for player in shown] + [None] * (SHOWN - len(shown))
    rows = [{"top": FIRST_ROW + ROW * index, "rank": rank} for index, rank in enumerate(ranks)]
    svg = render_to_string("leaderboardapp/picture.svg", {"rows": rows})
    layers = [_place(_fit(title, 56, TITLE_WIDTH), 56, *TITLE)]
    for row, player in zip(rows, shown, strict=False):
        score = format_score(player["score"], format)
        layers += _write_row(row["top"] + BASELINE, str(row["rank"]), player["name"], score)
    images, lefts, tops = zip(*layers, strict=True)
    background = pyvips.Image.svgload_buffer(svg.encode())
    picture = background.composite(list(images), "over", x=list(lefts), y=list(tops))
    png: bytes = picture.flatten().pngsave_buffer(keep="none")
    return png


def _write_row(baseline: int, rank: str, name: str, score: str) -> Iterator[Layer]:
    yield _place(rank, 44, MEDAL - _draw(rank, 44).width // 2, baseline, ON_MEDAL)
    score = _replace_missing(score)
    sizes = (size for size in SCORE_SIZES if _draw(score, size).width <= MAX_SCORE_WIDTH)
    size = next(sizes, SCORE_SIZES[-1])  # in which the number fits, if not its unit
    score = _fit(score, size, MAX_SCORE_WIDTH)
    left = SCORE - _draw(score, size).width
    yield _place(score, size, left, baseline)
    yield _place(_fit(name, 46, left - GAP - NAME), 46, NAME, baseline)


def _place(text: str, size: int, left: int, baseline: int, colour: str = INK) -> Layer:
    """Return the text's image, and where it is put. What is far from the baseline is cut off."""
    image = _draw(text, size, colour)
    line = round(ASCENT * size)  # the baseline, from the top of the layout
    top = max(image.yoffset, line - round(ABOVE * size))
    bottom = min(image.yoffset + image.height, line + round(BELOW * size))
    image = image.crop(0, top - image.yoffset, image.width, max(1, bottom - top))
    return image, left, baseline + top - line


def _fit(text: str, size: int, width: int) -> str:
    """Return the text, or as much of its beginning as fits into the width, and an ellipsis."""
    clusters = regex.findall(r"\X", " ".join(text.split()))

    def shorten(count: int) -> str:
        beginning = "".join(clusters[:count])
        return beginning if count == len(clusters) else beginning.rstrip() + ELLIPSIS

    def is_too_long(count: int) -> bool:
        return bool(_draw(shorten(count), size).width > width)

    if not is_too_long(len(clusters)):
        return _replace_missing(shorten(len(clusters)))
    count = bisect_right(range(len(clusters)), False, key=is_too_long)
    return _replace_missing(shorten(count - 1))


def _replace_missing(text: str) -> str:
    """Return the text with an ellipsis for what no font has."""
    clusters = regex.findall(r"\X", text)
    known = "".join(cluster if _is_known(cluster) else ELLIPSIS for cluster in clusters)
    return regex.sub(rf"{ELLIPSIS}(?:\s*{ELLIPSIS})+", ELLIPSIS, known)


def _is_known(cluster: str) -> bool:
    """Return whether there are fonts for what is visible of the characters."""
    visible = regex.sub(r"[\p{Default_Ignorable_Code_Point}\p{White_Space}]", "", cluster)
    return cluster.isascii() or all(map(_has_font, visible))


@lru_cache(maxsize=20_000)
def _has_font(character: str) -> bool:
    """Return whether the machine has a font with the character.

    Pango draws a box for it: the same, whether it may choose another font or not."""
    markups = [f'<span fallback="{may}">{escape(character)}</span>' for may in ("true", "false")]
    try:
        images = [
            pyvips.Image.text(markup, font=f"{BLANK_FONT} 20", rgba=True) for markup in markups
        ]
    except pyvips.Error:  # a blank, in a font that has it
        return True
    chosen, box = (image.write_to_memory() for image in images)
    if chosen == box:
        _warn_of_fonts(f"U+{ord(character):04X}")
    return bool(chosen != box)


def _warn_of_fonts(character: str) -> None:
    global _has_warned
    if not _has_warned:
        _has_warned = True
        logger.warning(
            "no font has %s, nor perhaps others: pictures of boards have an ellipsis in its place. "
            "docs/deployment.md says which fonts to install",
            character,
        )


def _draw(text: str, size: int, colour: str = INK) -> Any:
    """Return an image of the text's ink, with its place in the layout, or of an ellipsis if it has
    none."""
    ink = f'<span foreground="{colour}">{FSI}{escape(text)}{PDI}</span>'
    try:
        return pyvips.Image.text(STRUT + ink, font=f"{FONT} {size}", dpi=72, rgba=True)
    except pyvips.Error:
        if text == ELLIPSIS:
            raise
        return _draw(ELLIPSIS, size, colour)
