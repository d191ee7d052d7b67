"""The texts by which players are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain.searching import MAX_KEY_LENGTH, fold, key_field


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ADA", "ada"),
        ("Straße", "strasse"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("Zoe\u0308", "zo\u00eb"),
        ("ﬁn ９", "fin 9"),
        ("  \u200fa\u200db", "ab"),
        ("a b ", "a b "),
        ("ﷺ" * 100, fold("ﷺ" * 6)[:MAX_KEY_LENGTH]),
    ],
)
def test_texts_that_look_the_same_but_for_their_case_are_one(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert key_field(folded) == folded


@given(st.text(st.characters(categories=["Lu", "Ll", "Nd"]), max_size=50))
def test_case_never_counts(text: str) -> None:
    assert fold(text) == fold(text.casefold())
