"""Which names show something, by the properties of Unicode, and which addresses hide nothing."""

import re
import sys
import unicodedata
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from leaderboardapp.domain.fields import MAX_NAME_LENGTH, email_field, name_field
from leaderboardapp.domain.joining import check_new_player
from leaderboardapp.pages.api_reference import DESCRIPTION

# A sample by hand: the field must find these by their properties.
INVISIBLE = (
    " \u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u180e\u2000\u200b\u200c\u200d\u200e\u2028\u2060"
    "\u2063\u2800\u3000\u3164\ufe0f\ufeff\uffa0\ufff9\U00016fe4\U0001bc9d\U0001d159\U0001d173\U00013441\U000e0001"
    "\U000e0041\U000e0100"
)
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
CONTROLS = "\x00\t\n\r\x1f\x7f\x85\x9f\ud800\udfff"

visible = st.characters(categories=["L", "N", "P", "Sm", "Sc"]).filter(
    lambda character: (
        character not in INVISIBLE and unicodedata.name(character, "")[-6:] != "FILLER"
    )
)


def is_refused(name: Any) -> bool:
    try:
        return bool(name_field(name) != name)
    except ValueError as error:
        assert str(error).startswith("text of 1 to 100 characters, not blank")
        return True


@pytest.mark.parametrize(
    "name",
    [
        "Alice",
        "می\u200cخواهم",  # Persian, with a non-joiner
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family, with joiners
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # England's flag
        "\u2764\ufe0f",
        "\u200fשלום\u200e",
        "e\u0301",
        "\u0301",
        "한\u115f",
        "\u0600",  # a format character that is drawn
        "\ue000",
        "a\u2028b",
        "a" * MAX_NAME_LENGTH,
    ],
)
def test_a_name_of_which_something_is_seen_stays_as_it_is(name: str) -> None:
    assert not is_refused(name)


@given(st.text(INVISIBLE, max_size=8))
@example("")
@example("\u3164")
def test_a_name_of_which_nothing_is_seen_is_blank(name: str) -> None:
    assert is_refused(name)


@given(st.text(INVISIBLE, max_size=8), visible, st.text(INVISIBLE, max_size=8))
def test_one_visible_character_is_enough(before: str, character: str, after: str) -> None:
    assert not is_refused(before + character + after)


@given(st.text(max_size=5), st.sampled_from(CONTROLS + TURNING), st.text(max_size=5))
def test_control_characters_and_overrides_of_direction_are_refused(
    before: str, character: str, after: str
) -> None:
    assert is_refused(f"{before}x{character}{after}")


@pytest.mark.parametrize("name", [None, 7, [], "a" * (MAX_NAME_LENGTH + 1)])
def test_what_is_no_name_is_refused(name: Any) -> None:
    assert is_refused(name)


def test_the_description_of_the_api_accepts_the_same_names() -> None:
    schema = yaml.safe_load(DESCRIPTION.read_text())["components"]["schemas"]["Name"]
    # To Python, "$" is also before a last line break.
    matches = re.compile(schema["pattern"].removesuffix("$") + r"\Z").search
    # The other planes have nothing but unassigned characters, ideographs and private ones.
    codes = (*range(0xD800), *range(0xE000, 0x20000), *range(0xE0000, 0xE1000), sys.maxunicode)
    characters = map(chr, codes)
    for name in (name for character in characters for name in (character, f"x{character}")):
        assert bool(matches(name)) != is_refused(name), ascii(name)


@pytest.mark.parametrize("hidden", ["\u200b", "\u00ad", "\u202e", "\ufeff", "\u3164"])
def test_an_address_that_only_looks_like_another_ones_is_none(hidden: str) -> None:
    assert email_field("a@EXAMPLE.com") == "a@example.com"
    for email in (f"a{hidden}@example.com", f"a@exam{hidden}ple.com"):
        with pytest.raises(ValueError, match="an email address"):
            email_field(email)


def test_fields_of_a_new_player_that_are_none_are_left_out() -> None:
    player = {"id": "alice", "name": "Alice", "score": None, "email": None}
    assert check_new_player(player) == {"id": "alice", "name": "Alice"}
