"""Topics of messages, and the filters that choose among them.

A topic is a text, a list of tags, or an object. The order of tags does not count, nor does a
repetition. An object's values are texts, whole numbers, booleans, lists of those, or objects again.
"""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import re2

Topic = str | list[str] | dict[str, Any]

MAX_TOPIC_BYTES = 1_000
RESERVED = "$reql_type$"  # RethinkDB takes an object with this key for a value of its own types
MAX_NUMBER = 2**53 - 1  # RethinkDB's numbers are float64
MAX_DEPTH = 10  # RethinkDB's driver takes 20, and the filter around a pattern needs some of them


def encode_topic(topic: Any) -> str:
    """Encode a topic as JSON; return the same text for equal topics. Raises ValueError."""
    match topic:
        case str() | dict() if topic:
            pass
        case list() if topic and all(isinstance(tag, str) for tag in topic):
            topic = sorted(set(topic))
        case _:
            raise ValueError(f"a topic is a text, a list of texts, or an object, not {topic!r:.50}")
    return _encode(topic, "a topic")


@dataclass(frozen=True)
class Everything:
    """Passes every topic."""

    def matches(self, topic: Topic) -> bool:
        """Return True."""
        return True


@dataclass(frozen=True)
class Regex:
    """Passes texts in which the expression occurs. Its syntax is RE2's, in every store."""

    expression: str

    def matches(self, topic: Topic) -> bool:
        """Return whether the topic passes."""
        return isinstance(topic, str) and _compile(self.expression).search(topic) is not None


@dataclass(frozen=True)
class Tags:
    """Passes lists that have all of these tags."""

    tags: frozenset[str]

    def matches(self, topic: Topic) -> bool:
        """Return whether the topic passes."""
        return isinstance(topic, list) and self.tags.issubset(topic)


@dataclass(frozen=True)
class Pattern:
    """Passes objects in which all of the pattern occurs.

    Values have to be equal, and a list has to have at least the pattern's elements. Null stands for
    any value, and an empty object for any object."""

    text: str  # JSON, so that patterns are hashable

    @functools.cached_property
    def fields(self) -> dict[str, Any]:
        """Return the pattern as an object."""
        fields: dict[str, Any] = json.loads(self.text)
        return fields

    def matches(self, topic: Topic) -> bool:
        """Return whether the topic passes."""
        return _contains(topic, self.fields)


@dataclass(frozen=True, eq=False)  # two functions are equal if they are one
class Reql:
    """Passes the topics that a function of ReQL lets pass, in RethinkDB's server."""

    function: Any = field(repr=False)  # in the driver's form, which has no text

    def matches(self, topic: Topic) -> bool:
        """Raise NotImplementedError: only the server can tell."""
        raise NotImplementedError


Filter = Everything | Regex | Tags | Pattern | Reql


def parse_filter(wanted: Any) -> Filter:
    """Return the filter of a regular expression, tags, a pattern, or None for everything.

    Raises ValueError."""
    match wanted:
        case None:
            return Everything()
        case Reql():
            return wanted
        case str():
            _compile(wanted)
            return Regex(wanted)
        case dict():
            return Pattern(_encode(wanted, "a pattern", allow_null=True))
        case list() | tuple() | set() | frozenset() if all(isinstance(tag, str) for tag in wanted):
            _encode(sorted(wanted), "tags")
            return Tags(frozenset(wanted))
        case _:
            raise ValueError(
                "a filter is a regular expression (text), tags (texts), a pattern (an object), a"
                " predicate (a function of the topic), reql(…) on RethinkDB, or None, not"
                f" {wanted!r:.50}"
            )


def _encode(value: Any, what: str, *, allow_null: bool = False) -> str:
    """Encode a topic or a pattern as JSON; return the text. `what` names it in ValueErrors."""
    _Validator(what, allow_null).validate([value], MAX_DEPTH)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        if len(text.encode()) > MAX_TOPIC_BYTES:
            raise ValueError(f"{what} has at most {MAX_TOPIC_BYTES} bytes of JSON")
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} is Unicode text, without halves of surrogate pairs") from error
    return text


@dataclass(frozen=True)
class _Validator:
    """What every store can keep, and RethinkDB can compare."""

    what: str  # is validated, for messages
    allow_null: bool

    def validate(self, values: Iterable[Any], depth: int) -> None:
        """Raise ValueError if one of the values is not allowed, or nested more than `depth`."""
        if not depth:
            raise ValueError(f"{self.what} is at most {MAX_DEPTH} levels deep")
        for value in values:
            match value:
                case dict():
                    self.validate([*value.values()], depth - 1)
                    self._validate_keys(value)
                case list():
                    if any(isinstance(element, (dict, list, type(None))) for element in value):
                        raise ValueError(
                            f"lists in {self.what} have texts, whole numbers and booleans"
                        )
                    self.validate(value, depth - 1)
                case _:
                    self._validate_scalar(value)

    def _validate_keys(self, value: dict[Any, Any]) -> None:
        if not all(isinstance(key, str) and "\0" not in key for key in value):
            raise ValueError(f"the keys of {self.what} are texts, without NUL")
        if RESERVED in value:
            raise ValueError(f"no key of {self.what} is {RESERVED}")

    def _validate_scalar(self, value: Any) -> None:
        match value:
            case bool():
                pass
            case str() if "\0" in value:
                raise ValueError(f"texts in {self.what} are without NUL")
            case str():
                pass
            case int() if abs(value) <= MAX_NUMBER:
                pass
            case None if self.allow_null:
                pass
            case _:
                raise ValueError(
                    f"{self.what} has texts, whole numbers within ±{MAX_NUMBER}, booleans, lists"
                    f" and objects{', and null' * self.allow_null}, not {value!r:.50}"
                )


@functools.lru_cache(maxsize=1_000)
def _compile(expression: str) -> Any:
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


def _contains(value: Any, pattern: Any) -> bool:
    """Return whether all of the pattern occurs in the value."""
    match pattern:
        case None:
            return value is not None
        case dict():
            return isinstance(value, dict) and all(
                _contains(value.get(key), part) for key, part in pattern.items()
            )
        case list():
            return isinstance(value, list) and all(
                any(_equal(element, part) for element in value) for part in pattern
            )
        case _:
            return _equal(value, pattern)


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other  # in Python True equals 1
