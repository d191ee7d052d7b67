"""Topics, the filters that choose among them, and what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain.topics import encode_topic, parse_filter
from leaderboardapp.pubsub import Exchange

LEAVES = st.text("ab", max_size=2) | st.integers(-1, 2) | st.booleans()
VALUES = st.recursive(
    LEAVES | st.lists(LEAVES, max_size=3),
    lambda values: st.dictionaries(st.sampled_from("abc"), values, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES, min_size=1, max_size=3)
TAGS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3)
TOPICS = st.text("ab.", min_size=1, max_size=5) | TAGS | OBJECTS
PATTERNS = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        LEAVES | st.none() | st.lists(LEAVES, max_size=2),
        lambda values: st.dictionaries(st.sampled_from("abc"), values, max_size=2),
        max_leaves=4,
    ),
    max_size=2,
)
EXPRESSIONS = st.sampled_from(["a", "^a", "b$", r"\.", "^.{3}$", "(?i)B", r"^\w+$", "a|b.", ""])
FILTERS = st.none() | EXPRESSIONS | st.sets(st.sampled_from("abc"), max_size=2) | PATTERNS


@given(TOPICS)
def test_only_equal_topics_have_equal_texts(topic: Any) -> None:
    text = encode_topic(topic)
    again = json.loads(text)
    assert encode_topic(again) == text
    if isinstance(topic, list):
        assert again == sorted(set(topic))
        assert encode_topic([*reversed(topic), *topic]) == text
    else:
        assert again == topic


@given(OBJECTS)
def test_an_object_passes_as_its_own_pattern_and_with_less(topic: dict[str, Any]) -> None:
    assert parse_filter(topic).matches(topic)
    for key in topic:
        rest = {k: value for k, value in topic.items() if k != key}
        assert parse_filter(rest).matches(topic)
        assert parse_filter({key: None}).matches(topic)
        assert not parse_filter({**topic, "another": None}).matches(topic)
        assert not parse_filter({key: "something else"}).matches(topic)


@given(TAGS, st.sets(st.sampled_from("abc")))
def test_tags_pass_if_all_occur(topic: list[str], wanted: set[str]) -> None:
    assert parse_filter(wanted).matches(topic) == (wanted <= {*topic})
    assert parse_filter([*wanted]) == parse_filter(wanted)


def test_a_filter_passes_no_topic_of_another_kind() -> None:
    assert not parse_filter("a").matches(["a"])
    assert not parse_filter(["a"]).matches("a")
    assert not parse_filter({"a": None}).matches("a")
    assert not parse_filter({}).matches(["a"])
    assert not parse_filter({"a": 1}).matches({"a": True})


@pytest.mark.parametrize(
    ("topic", "why"),
    [
        (5, "a text, a list of texts, or an object"),
        ("", "a text, a list"),
        ([], "a text, a list"),
        ({}, "a text, a list"),
        (["a", 1], "a text, a list of texts"),
        ({"a": 1.5}, "whole numbers"),
        ({"a": 2**53}, "whole numbers within"),
        ({"a": None}, "whole numbers"),
        ({1: "a"}, "keys"),
        ({"a\0": 1}, "keys"),
        ({"a": {"$reql_type$": "BINARY"}}, "no key"),
        ({"a": [["b"]]}, "lists"),
        ("a\0b", "NUL"),
        ("\ud800", "surrogate"),
        ("x" * 1_000, "at most 1000 bytes"),
        (json.loads('{"a":' * 30 + "1" + "}" * 30), "levels"),
    ],
)
def test_invalid_topics_are_refused(topic: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Exchange("e").topic(topic)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (5, r"a regular expression.*reql\(…\)"),
        ([1], "a regular expression"),
        ("(?=a)", "RE2"),
        ("(", "RE2"),
        ("\ud800", "Unicode"),
        ({"a": 1.5}, "null"),
        ({"a": [None]}, "lists"),
        (["x" * 1_000], "at most 1000 bytes"),
    ],
)
def test_invalid_filters_are_refused(wanted: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Exchange("e").queue(wanted)


@pytest.mark.parametrize("name", ["", "a b", "é", "x" * 65, "a\n"])
def test_invalid_exchange_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name of an exchange"):
        Exchange(name)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ({1, 2}, "JSON"),
        (float("nan"), "JSON"),
        ("x" * 100_000, "at most 100000 characters"),
    ],
)
def test_invalid_payloads_are_refused(payload: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Exchange("e").topic("t").publish(payload)


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        Exchange("e").queue(limit=0)
