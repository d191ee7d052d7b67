"""Headers with a grammar: preferences, and lists of entity tags."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboardapp.web.headers import (
    ANY,
    normalize_origin,
    parse_entity_tags,
    parse_preferences,
)

TOKEN = st.text("!#$%&'*+.^_`|~019azAZ-", min_size=1, max_size=8)
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
SPACE = st.text(" \t", max_size=2)
TAG = st.text('!#$,;=\\az09\xe9"', max_size=8).map(lambda text: f'"{text.replace(chr(34), "")}"')


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("wait=5", "5"),
        ("Wait=5", "5"),
        ("WAIT = 5", "5"),
        ('wait="5"', "5"),
        ("respond-async,wait=5", "5"),
        ("respond-async , wait=5; x=1 , handling=lenient", "5"),
        ("wait=5, wait=9", "5"),
        ('x="a, wait=9, b", wait=5', "5"),
        ('x="\\", wait=9", wait=5', "5"),
        ('x; y="wait=9, wait=8", wait=5', "5"),
        (",, =, wait=5,", "5"),
        ("wait", ""),
        ("wait=", ""),
        ("wait=-5", "-5"),
        ("await=5", None),
        ("x wait=5", None),
        ("wait 5", None),
        ('wait="5', None),
        ("", None),
    ],
)
def test_a_preference_is_read_as_its_grammar_has_it(text: str, wait: str | None) -> None:
    assert parse_preferences(text).get("wait") == wait


@settings(max_examples=50)
@given(
    st.dictionaries(TOKEN.map(str.lower), st.one_of(TOKEN, TEXT.map(quote)), max_size=4),
    SPACE,
    st.lists(st.tuples(TOKEN, TEXT.map(quote)), max_size=2),
)
def test_preferences_are_read_however_they_are_written(
    words: dict[str, str], space: str, parameters: list[tuple[str, str]]
) -> None:
    tail = "".join(f"{space};{space}{name}={value}" for name, value in parameters)
    members = [f"{name.upper()}{space}={space}{word}{tail}" for name, word in words.items()]
    parsed = parse_preferences(f"{space},{space}".join(members))
    assert {
        name: value if value and words[name][0] != '"' else quote(value)
        for name, value in parsed.items()
    } == words


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("*", [ANY]),
        (" * ", [ANY]),
        ('"a"', ['"a"']),
        ('W/"a"', ['W/"a"']),
        ('"a" , W/"b",,"c"', ['"a"', 'W/"b"', '"c"']),
        ('"a,b", "c"', ['"a,b"', '"c"']),
        ('"\\", "c"', ['"\\"', '"c"']),
        ('"a", *', ['"a"']),
        ("a", []),
        ('w/"a"', []),
        ('"a', []),
        ('"a" "b"', []),
        ("", []),
    ],
)
def test_entity_tags_are_read_as_their_grammar_has_it(text: str, tags: list[str]) -> None:
    assert parse_entity_tags(text) == tags


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["", "W/"]), TAG).map("".join), max_size=4), SPACE)
def test_entity_tags_are_read_however_they_are_written(tags: list[str], space: str) -> None:
    assert parse_entity_tags(f"{space},{space}".join(tags)) == tags


@settings(max_examples=200)
@given(st.text('",;=\\W/*a \t\xe9', max_size=40))
def test_no_text_is_too_much_for_the_parsers(text: str) -> None:
    parse_preferences(text)
    assert all(tag == ANY or tag.endswith('"') for tag in parse_entity_tags(text))


@pytest.mark.timeout(60)  # two seconds on a machine with nothing else to do
@pytest.mark.parametrize(
    "piece", ["a=", " ", "\t", '"', '"\\', "\\", 'a="', ";", "a", ",", '"a",', 'W/"', "= ", ';"']
)
def test_no_header_keeps_the_parsers_busy(piece: str) -> None:
    """Fifty headers of sixteen thousand characters. A parser that goes back would take hours."""
    for text in (piece * (800_000 // len(piece)), f"a={piece * 400_000}(", f'a{piece * 400_000}"('):
        parse_preferences(text)
        parse_entity_tags(text)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://Game.example", "https://game.example"),
        ("https://game.example:443", "https://game.example"),
        ("HTTP://game.example:80", "http://game.example"),
        ("https://game.example:80", "https://game.example:80"),
        ("http://[::443]", "http://[::443]"),
        ("*", "*"),
        ("null", "null"),
    ],
)
def test_an_origin_is_normalized(text: str, origin: str) -> None:
    assert normalize_origin(text) == origin
