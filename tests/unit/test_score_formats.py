"""Scores as text. clients/js/test/format.test.js has the same cases."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain.fields import FORMAT_ACCEPTED, format_field, score_field
from leaderboardapp.domain.score_formats import format_score
from leaderboardapp.domain.types import BOARD_DEFAULTS, MAX_SCORE
from tests.support.programs import PROJECT

MINUS = "\N{MINUS SIGN}"
CASES = json.loads((PROJECT / "tests" / "score_formats.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"])
def test_a_score_is_written_as_its_format_says(case: dict[str, Any]) -> None:
    assert score_field(case["score"]) == case["score"]
    assert format_score(case["score"], format_field(case["format"])) == case["text"]


@given(st.integers(-MAX_SCORE, MAX_SCORE), st.integers(1, 6))
def test_a_decimal_number_has_all_digits_of_the_score(score: int, places: int) -> None:
    text = format_score(score, {"type": "decimal", "places": places}).replace(MINUS, "-")
    whole, fraction = text.split(".")
    assert len(fraction) == places
    assert int((whole + fraction).replace(",", "")) == score


@given(st.integers(-MAX_SCORE, MAX_SCORE))
def test_a_time_adds_up_to_the_score(score: int) -> None:
    text = format_score(score, {"type": "time"})
    clock, fraction = text.lstrip(MINUS).replace(",", "").split(".")
    total = int(fraction)
    for power, part in enumerate(reversed(clock.split(":"))):
        total += int(part) * 1000 * 60**power
    assert total == abs(score) and text.startswith(MINUS) == (score < 0)


@pytest.mark.parametrize(
    "value",
    [
        {"type": "points"},
        {"type": "points", "unit": "km"},
        {"type": "points", "unit": "x" * 16},
        {"type": "decimal", "places": 1},
        {"type": "decimal", "places": 6, "unit": "m/s"},
        {"type": "time"},
    ],
)
def test_a_format_is_accepted(value: dict[str, Any]) -> None:
    assert format_field(value) == value


@pytest.mark.parametrize(
    "value",
    [
        *(None, "points", [], {}, {"type": "hex"}, {"type": ["points"]}, {"type": None}),
        *({"type": "points", "places": 2}, {"type": "time", "places": 3}),
        {"type": "time", "unit": "s"},
        *({"type": "decimal", "places": places} for places in (0, 7, 1.5, True, "2", None, 1e99)),
        *({"type": "decimal"}, {"type": "decimal", "places": 2, "more": 1}),
        *({"type": "points", "unit": unit} for unit in ("", " ", "x" * 17, None, 7, "a\nb")),
        {"type": "points", "unit": "\u202ekm"},
    ],
)
def test_another_format_is_refused(value: Any) -> None:
    with pytest.raises(ValueError) as raised:
        format_field(value)
    assert str(raised.value) == FORMAT_ACCEPTED


def test_the_default_is_accepted() -> None:
    assert format_field(BOARD_DEFAULTS["format"]) == BOARD_DEFAULTS["format"]
