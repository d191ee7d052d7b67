"""The look of an embedded board: whatever colour is asked for, its texts stay legible."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.pages import embed
from leaderboardapp.pages.embed import DARK, LIGHT, Colour, Scheme, get_contrast
from tests.unit.test_scripts import STATIC

COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


def parse_tokens() -> dict[str, tuple[Colour, Colour]]:
    """Return the colours of base.css by name, of the light scheme and of the dark one."""
    css = (STATIC / "base.css").read_text()
    found = re.findall(r"--([\w-]+): light-dark\(#(\w+), #(\w+)\);", css)
    return {name: (parse(light), parse(dark)) for name, light, dark in found}


def parse(digits: str) -> Colour:
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    return tuple(bytes.fromhex(digits))


def test_contrasts_are_those_of_wcag() -> None:
    assert get_contrast((0, 0, 0), (255, 255, 255)) == 21
    assert round(get_contrast((0x77, 0x77, 0x77), (255, 255, 255)), 2) == 4.48


@given(COLOURS)
def test_any_accent_is_legible_in_both_schemes(accent: Colour) -> None:
    for scheme in (LIGHT, DARK):
        mark = embed.make_legible(accent, scheme)
        for behind in (scheme.behind, scheme.card):
            assert get_contrast(mark, behind) >= 4.5
        assert get_contrast(embed.choose_text(mark), mark) >= 4.5


@given(COLOURS)
def test_all_texts_are_legible_in_the_first_row(accent: Colour) -> None:
    tokens = parse_tokens()
    for index, scheme in enumerate((LIGHT, DARK)):
        first = embed.make_tint(accent, scheme)
        for name in ("ink", "soft", "good", "warn", "bad"):
            assert get_contrast(tokens[name][index], first) >= 4.5, name


@pytest.mark.parametrize(("scheme", "index"), [(LIGHT, 0), (DARK, 1)])
def test_the_schemes_are_those_of_the_style_sheet(scheme: Scheme, index: int) -> None:
    tokens = {name: pair[index] for name, pair in parse_tokens().items()}
    assert scheme.card == tokens["card"]
    assert scheme.behind in (tokens["card"], tokens["paper"])
    assert scheme.text in tokens.values()


def test_a_legible_accent_is_left_as_it_is() -> None:
    assert embed.make_legible((0x4A, 0x3F, 0xD0), LIGHT) == (0x4A, 0x3F, 0xD0)
