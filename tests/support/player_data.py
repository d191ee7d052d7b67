"""Strategies for players' data."""

from typing import Any

from hypothesis import strategies as st

from leaderboardapp.domain.player_data import MAX_DATA_BYTES, encode_data
from leaderboardapp.domain.types import MAX_SCORE

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
keys = texts | st.sampled_from(["$reql_type$", "__proto__", "", "1", "id"])
numbers = st.integers(-MAX_SCORE, MAX_SCORE) | st.floats(-1e15, 1e15).filter(
    lambda number: not number.is_integer()
)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


def _fits(data: dict[str, Any]) -> bool:
    return len((encode_data(data) or "").encode()) <= MAX_DATA_BYTES


player_data = st.dictionaries(keys, values, max_size=4).filter(_fits)
