"""Topics of messages, and the filters that choose among them.

A topic is a string, a list of tags (of which neither the order nor a repetition counts), or an
object, whose values are strings, whole numbers, booleans, lists of those, or objects again.
"""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import re2

Topic = str | list[str] | dict[str, Any]

MAX_TOPIC_BYTES = 1_000
RESERVED = "$reql_type$"  # in RethinkDB such an object is something else
MAX_NUMBER = 2**53 - 1  # as RethinkDB's numbers are float64
MAX_DEPTH = 10  # RethinkDB's driver takes 20, of which the filter around it needs some


def encode_topic(topic: Any) -> str:
    """The one text of a topic, JSON: equal topics, equal texts. Raises ValueError."""
    match topic:
        case str() | dict() if topic:
            pass
        case list() if topic and all(isinstance(tag, str) for tag in topic):
            topic = sorted(set(topic))
        case _:
            raise ValueError(f"a topic is a text, a list of texts, or an object, not {topic!r:.50}")
    return _text(topic, "a topic")


@dataclass(frozen=True)
class Everything:
    def matches(self, topic: Topic) -> bool:
        return True


@dataclass(frozen=True)
class Regex:
    """Strings in which the expression is found. Its syntax is RE2's, in every store."""

    expression: str

    def matches(self, topic: Topic) -> bool:
        return isinstance(topic, str) and _compiled(self.expression).search(topic) is not None


@dataclass(frozen=True)
class Tags:
    """Lists that have all of these tags."""

    tags: frozenset[str]

    def matches(self, topic: Topic) -> bool:
        return isinstance(topic, list) and self.tags.issubset(topic)


@dataclass(frozen=True)
class Pattern:
    """Objects that have all that the pattern has: equal values, at least the elements of its lists;
    any value where it has null, any object where it has an empty one."""

    text: str

    @functools.cached_property
    def fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads(self.text)
        return fields

    def matches(self, topic: Topic) -> bool:
        return _has(topic, self.fields)


Filter = Everything | Regex | Tags | Pattern


def filter_of(wanted: Any) -> Filter:
    """Of a regular expression, tags, a pattern, or None for everything. Raises ValueError."""
    match wanted:
        case None:
            return Everything()
        case str():
            _compiled(wanted)
            return Regex(wanted)
        case dict():
            return Pattern(_text(wanted, "a pattern", nulls=True))
        case list() | tuple() | set() | frozenset() if all(isinstance(tag, str) for tag in wanted):
            _text(sorted(wanted), "tags")
            return Tags(frozenset(wanted))
        case _:
            raise ValueError(
                "a filter is a regular expression (text), tags (texts), a pattern (an object), a"
                f" predicate (a function of the topic), or None, not {wanted!r:.50}"
            )


def _text(value: Any, what: str, nulls: bool = False) -> str:
    _check([value], what, nulls, MAX_DEPTH)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        if len(text.encode()) > MAX_TOPIC_BYTES:
            raise ValueError(f"{what} has at most {MAX_TOPIC_BYTES} bytes of JSON")
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} is Unicode text, without halves of surrogate pairs") from error
    return text


def _check(values: Iterable[Any], what: str, nulls: bool, depth: int) -> None:
    if not depth:
        raise ValueError(f"{what} is at most {MAX_DEPTH} levels deep")
    for value in values:
        match value:
            case dict():
                _check([*value.values()], what, nulls, depth - 1)
                if not all(isinstance(key, str) and "\0" not in key for key in value):
                    raise ValueError(f"the keys of {what} are texts, without NUL")
                if RESERVED in value:
                    raise ValueError(f"no key of {what} is {RESERVED}")
            case list():
                if any(isinstance(element, (dict, list, type(None))) for element in value):
                    raise ValueError(f"lists in {what} have texts, whole numbers and booleans")
                _check(value, what, nulls, depth - 1)
            case bool():
                pass
            case str() if "\0" in value:
                raise ValueError(f"texts in {what} are without NUL")
            case str():
                pass
            case int() if abs(value) <= MAX_NUMBER:
                pass
            case None if nulls:
                pass
            case _:
                raise ValueError(
                    f"{what} has texts, whole numbers within ±{MAX_NUMBER}, booleans, lists and"
                    f" objects{', and null' * nulls}, not {value!r:.50}"
                )


@functools.lru_cache(maxsize=1_000)
def _compiled(expression: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(expression, options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0].decode() if isinstance(error, re2.error) else "it is no Unicode text"
        raise ValueError(
            f"{expression!r:.50} is not a regular expression of RE2"
            f" (github.com/google/re2/wiki/Syntax): {reason}"
        ) from error


def _has(value: Any, wanted: Any) -> bool:
    match wanted:
        case None:
            return value is not None
        case dict():
            return isinstance(value, dict) and all(
                _has(value.get(key), each) for key, each in wanted.items()
            )
        case list():
            return isinstance(value, list) and all(
                any(_equal(element, each) for element in value) for each in wanted
            )
        case _:
            return _equal(value, wanted)


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other  # in Python True equals 1
