"""Numbers count as they are written, and an object has each key once."""

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leaderboardapp.domain.fields import (
    DuplicateKey,
    integer_field,
    parse_json,
    score_field,
)
from leaderboardapp.domain.types import MAX_SCORE

DIGITS = st.text("0123456789", min_size=1, max_size=25)
WHOLE = DIGITS.map(lambda digits: digits.lstrip("0") or "0")
NUMBERS = st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(["", "-"]),
    WHOLE | st.just(str(MAX_SCORE)),
    st.just("") | DIGITS.map(lambda digits: f".{digits}"),
    st.just("") | st.integers(-40, 40).map(lambda exponent: f"e{exponent}"),
)

# Keys and texts that look like structure, so that what only counts characters is misled.
KEYS = st.sampled_from(["a", "b", "a:", "{", '"', "\\"])
SCALARS = st.none() | st.integers(0, 9) | KEYS
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(st.tuples(KEYS, inner), max_size=3).map(lambda pairs: Pairs(pairs))
    ),
    max_leaves=8,
)


class Pairs(list[tuple[str, Any]]):
    """An object's keys and values, as they are written."""


def write(value: Any) -> str:
    """Return the value as JSON text, keys that are there twice included."""
    if isinstance(value, Pairs):
        members = ", ".join(f"{json.dumps(key)}: {write(part)}" for key, part in value)
        return f"{{{members}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(write, value))}]"
    return json.dumps(value)


def has_duplicate_keys(value: Any) -> bool:
    if isinstance(value, Pairs):
        keys = [key for key, _ in value]
        return len(set(keys)) < len(keys) or any(has_duplicate_keys(part) for _, part in value)
    return isinstance(value, list) and any(map(has_duplicate_keys, value))


@given(NUMBERS)
@example("0.9999999999999999999")
@example("4503599627370497.3")
@example("1e-400")
@example("9007199254740991.00000000000000000000000000000000001")
def test_a_number_is_an_integer_exactly_if_its_text_is_one(text: str) -> None:
    exact = Fraction(text)
    value = parse_json(text.encode())
    if exact.denominator == 1 and abs(exact) <= MAX_SCORE:
        score = score_field(value)
        assert score == exact and type(score) is int
    else:
        with pytest.raises(ValueError, match="an integer from"):
            score_field(value)


HUGE = "9" * 5000
OUT_OF_RANGE = [
    "1e999999999",
    "-1e999999999",
    "1e-999999999",
    "1e400",
    "-0.1",
    "1e9999999999999999999",
    "-1e-9999999999999999999",
    HUGE,
    f"-{HUGE}",
    f"1e{HUGE}",
    f"0.{HUGE}",
]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", OUT_OF_RANGE)
def test_a_number_of_any_size_is_refused_at_once(text: str) -> None:
    with pytest.raises(ValueError, match="an integer from"):
        score_field(parse_json(text.encode()))


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf"), 1.5])
def test_what_is_no_integer_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="an integer from 0 to 5"):
        integer_field(0, 5)(value)


@pytest.mark.parametrize("text", ["0e9999999999999999999", f"-0.00E-{HUGE}", f"0.{'0' * 5000}"])
def test_zero_is_zero_however_it_is_written(text: str) -> None:
    assert score_field(parse_json(text.encode())) == 0


@given(VALUES)
@example([Pairs([("a", 1), ("a", 2)]), Pairs([])])
@example(["{", Pairs([("a", 1), ("a", 2)])])
@example([Pairs([("a", 1), ("a", Pairs([]))])])
def test_an_object_with_a_key_twice_is_refused_and_no_other(value: Any) -> None:
    text = write(value)
    if has_duplicate_keys(value):
        with pytest.raises(DuplicateKey, match="is there twice"):
            parse_json(text.encode())
    else:
        assert parse_json(text.encode()) == json.loads(text)


@pytest.mark.timeout(10)
def test_the_last_of_many_keys_twice_is_found_at_once() -> None:
    text = write(Pairs((str(key), 0) for key in [*range(60_000), 59_999]))
    with pytest.raises(DuplicateKey, match="^59999: "):
        parse_json(text.encode())
