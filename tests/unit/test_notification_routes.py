"""Routes match as a topic exchange does; tests/amqp asks a real one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.rabbitmq.notification_routes import Target, find_targets, parse

WORDS = st.sampled_from(["a", "b", "c-1", "", "é"])
KEYS = st.lists(WORDS, max_size=5).map(".".join)
PATTERNS = st.lists(st.sampled_from(["a", "b", "c-1", "*", "#"]), min_size=1, max_size=5)


def matches(pattern: list[str], key: list[str]) -> bool:
    """Return whether the key matches, by the AMQP specification."""
    if not pattern:
        return not key
    first, *others = pattern
    if first == "#":
        return matches(others, key) or bool(key) and matches(pattern, key[1:])
    return bool(key) and first in ("*", key[0]) and matches(others, key[1:])


@given(PATTERNS, KEYS)
def test_a_star_is_one_word_and_a_hash_any_number(pattern: list[str], key: str) -> None:
    route = parse(f"{'.'.join(pattern)}=/events/all/")
    expected = matches(pattern, key.split(".") if key else [])
    assert route.find_target(key) == (Target("events", "all") if expected else None)


def test_a_name_is_one_word_that_the_address_repeats() -> None:
    route = parse("match.{board}.{event}=/boards/{board}-{event}/")
    assert route.binding == "match.*.*"
    assert route.find_target("match.cup.goal") == Target("boards", "cup-goal")
    assert route.find_target("match.cup") is None
    assert route.find_target("match.cup.goal.late") is None


@pytest.mark.parametrize("word", ["", "a b", "é", "x" * 65])
def test_a_word_that_makes_no_id_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=re.escape("match.{board}")):
        parse("match.{board}=/boards/{board}/").find_target(f"match.{word}")


def test_a_key_may_lead_to_several_addresses_but_to_each_once() -> None:
    routes = map(parse, ["a.*=/events/one/", "a.#=/events/one/", "#=/boards/two/", "b=/events/no/"])
    assert find_targets(list(routes), "a.b") == {Target("events", "one"), Target("boards", "two")}


def test_a_route_can_reach_the_targets_of_some_key() -> None:
    fixed, named = parse("a=/events/one/"), parse("a.{who}=/events/for-{who}/")
    assert fixed.can_reach(Target("events", "one"))
    assert not fixed.can_reach(Target("events", "two"))
    assert not fixed.can_reach(Target("boards", "one"))
    assert named.can_reach(Target("events", "for-alice"))
    assert not named.can_reach(Target("events", "alice"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a=",
        "=/events/all/",
        "a=events/all/",
        "a=/events/all",
        "a=/players/all/",
        "a=/events/a/b/",
        "a=/events/a b/",
        "a=/events/ä/",
        "a..b=/events/all/",
        "a*=/events/all/",
        "a.#b=/events/all/",
        "{a}.{a}=/events/{a}/",
        "{a}=/events/{b}/",
        "a.{1}=/events/all/",
        "a.{b=/events/all/",
        f"{'a' * 256}=/events/all/",
    ],
)
def test_invalid_routes_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


@given(st.text(alphabet="ab.*#{}=/evnts", max_size=30), KEYS)
def test_any_text_is_a_route_or_refused(text: str, key: str) -> None:
    try:
        target = parse(text).find_target(key)
    except ValueError:
        return
    assert target is None or re.fullmatch("[A-Za-z0-9_-]{1,64}", target.id)
