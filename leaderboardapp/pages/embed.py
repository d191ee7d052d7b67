"""The look of a board in a frame of another site, which the query of its address chooses."""

import base64
import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from django.http import HttpRequest

from leaderboardapp.domain.fields import MAX_BOARD_SIZE, integer_field
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.requests import read_integer, read_parameter

EMBED, THEME, ACCENT, ROWS = PARAMETERS = ("embed", "theme", "accent", "rows")
THEMES = ("auto", "light", "dark")
TEXT_CONTRAST = 4.5  # of a text and what is behind it, at least (WCAG 1.4.3)
STEPS = 50  # from a colour to another one
MAX_TINT, LINE = 0.2, 0.5  # of the accent in the first row, and of the mark in the line around it

Colour = tuple[int, ...]  # red, green and blue, up to 255
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


class Scheme(NamedTuple):
    """One of the two sets of colours of base.css."""

    card: Colour  # behind rows
    behind: Colour  # what texts stand on, where their contrast is the least
    text: Colour  # the one with the least contrast
    away: Colour  # towards which the contrast of a text rises


LIGHT = Scheme(WHITE, behind=(0xF5, 0xF4, 0xEF), text=(0x0F, 0x7A, 0x4D), away=BLACK)
DARK = Scheme((0x1A, 0x1C, 0x24), behind=(0x1A, 0x1C, 0x24), text=(0xA9, 0xA7, 0xB8), away=WHITE)


class Look(NamedTuple):
    """How an embedded page looks."""

    style: str = ""  # rules that come after those of base.css
    parameters: Mapping[str, str] = MappingProxyType({})  # those that choose it

    def get_source(self) -> str:
        """Return the source by which a Content-Security-Policy allows the style; "" without any."""
        digest = base64.b64encode(hashlib.sha256(self.style.encode()).digest()).decode()
        return f" 'sha256-{digest}'" if self.style else ""


def read_look(request: HttpRequest) -> Look | None:
    """Return the look that the query asks for; None if it does not ask for an embedded page.

    Raises Problem 422 for a value that is not accepted, which names what is."""
    if EMBED not in request.GET:
        return None
    theme = read_parameter(request, THEME, THEMES[0])
    if theme not in THEMES:
        raise _refuse(THEME, f"one of {', '.join(THEMES)}")
    rules = [] if theme == THEMES[0] else [f":root{{color-scheme:{theme}}}"]
    if ACCENT in request.GET:
        rules.append(_write_accent(read_accent(request)))
    if ROWS in request.GET:
        rows = read_integer(request, ROWS, integer_field(1, MAX_BOARD_SIZE))
        rules.append(f".ranking>:nth-child(n+{rows + 1}){{display:none}}")
    parameters = {name: request.GET[name] for name in PARAMETERS if name in request.GET}
    return Look("".join(rules), parameters)


def read_accent(request: HttpRequest) -> Colour:
    """Return the colour that the query names. Raises Problem 422."""
    digits = read_parameter(request, ACCENT).removeprefix("#")
    if not re.fullmatch("[0-9a-fA-F]{6}", digits):
        raise _refuse(ACCENT, "a colour of six hexadecimal digits, such as e4007f")
    return tuple(bytes.fromhex(digits))


def _refuse(name: str, accepted: str) -> Problem:
    return Problem(ProblemKind.INVALID_PARAMETER, f"{name}: must be {accepted}.")


def _write_accent(accent: Colour) -> str:
    """Return a rule that puts the accent in place of the colours of marks and of the first row."""
    light, dark = (make_legible(accent, scheme) for scheme in (LIGHT, DARK))
    colours = {
        "mark": (light, dark),
        "on-mark": (choose_text(light), choose_text(dark)),
        "first": (make_tint(accent, LIGHT), make_tint(accent, DARK)),
        "first-line": (mix(LIGHT.card, light, LINE), mix(DARK.card, dark, LINE)),
    }
    rules = (
        f"--{name}:light-dark(#{bytes(light).hex()},#{bytes(dark).hex()})"
        for name, (light, dark) in colours.items()
    )
    return f":root{{{';'.join(rules)}}}"


def make_legible(colour: Colour, scheme: Scheme) -> Colour:
    """Return the colour, darker or lighter if a text of it would not be legible in the scheme."""
    mixed = (mix(colour, scheme.away, step / STEPS) for step in range(STEPS + 1))
    return next(each for each in mixed if get_contrast(each, scheme.behind) >= TEXT_CONTRAST)


def make_tint(colour: Colour, scheme: Scheme) -> Colour:
    """Return a card's colour with as much of this one in it as leaves texts legible."""
    shares = (MAX_TINT * step / STEPS for step in reversed(range(STEPS + 1)))
    mixed = (mix(scheme.card, colour, share) for share in shares)
    return next(each for each in mixed if get_contrast(scheme.text, each) >= TEXT_CONTRAST)


def choose_text(behind: Colour) -> Colour:
    """Return black or white, whichever is legible on the colour."""
    return max(BLACK, WHITE, key=lambda text: get_contrast(text, behind))


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return a colour between the two, with this share of the other."""
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))


def get_contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours, from 1 to 21 (WCAG 2.2, contrast ratio)."""
    darker, lighter = sorted(map(_get_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _get_luminance(colour: Colour) -> float:
    parts = (part / 255 for part in colour)
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
