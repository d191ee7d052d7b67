"""Routes: which of a broker's messages are shown to whom.

A route is a pattern of routing keys and the address whose viewers are shown matching messages:

    invoice.paid=/events/invoices/  match.{board}.goal=/boards/{board}/  alert.#=/events/alerts/

Patterns are those of a topic exchange: words between dots, `*` for any one word, `#` for any number
of them. `{name}` is any one word, too, which the address may repeat.

Settings import this module, so it needs no Django.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from leaderboardapp.domain.types import ID_PATTERN

MAX_PATTERN = 255  # bytes of a routing key
PLACEHOLDER = r"\{([a-z]+)\}"


class Target(NamedTuple):
    """Where a message is shown."""

    kind: str  # "boards" or "events"
    id: str  # of the board or the channel


class Route(NamedTuple):
    """One entry of AMQP_ROUTES."""

    pattern: str
    binding: str  # the pattern in the broker's syntax
    key_expression: re.Pattern[str]  # of routing keys, with a dot before each word
    kind: str  # as a target's
    id: str  # as a target's, with placeholders

    def find_target(self, key: str) -> Target | None:
        """Return where a message with this routing key is shown; None if the key does not match.

        Raises ValueError if the key makes no id."""
        match = self.key_expression.fullmatch(_prefix_words(key))
        if not match:
            return None
        id = re.sub(PLACEHOLDER, lambda placeholder: match[placeholder[1]], self.id)
        if not re.fullmatch(ID_PATTERN, id):
            raise ValueError(f"the route {self.pattern} makes of this key the id {id!r:.100}")
        return Target(self.kind, id)

    def can_reach(self, target: Target) -> bool:
        """Return whether some routing key leads to the target."""
        ids = re.sub(PLACEHOLDER, "[A-Za-z0-9_-]*", self.id)
        return self.kind == target.kind and bool(re.fullmatch(ids, target.id))


def parse(text: str) -> Route:
    """Parse an entry of AMQP_ROUTES; return the route. Raises ValueError, which says what is
    wrong."""
    pattern, sign, address = text.partition("=")
    match = re.fullmatch(r"/(boards|events)/([^/]+)/", address)
    if not sign or not match:
        raise ValueError("it leads to no /events/{channel}/ and no /boards/{board}/")
    names = re.findall(PLACEHOLDER, pattern)
    if len(names) > len(set(names)):
        raise ValueError("a name stands twice in the pattern")
    words = pattern.split(".")
    if len(pattern.encode()) > MAX_PATTERN or not all(map(_is_word, words)):
        raise ValueError("the pattern is not words, *, # and {names} between dots")
    kind, id = match.groups()
    is_id = re.fullmatch(ID_PATTERN, re.sub(PLACEHOLDER, "x", id))
    if not {*re.findall(PLACEHOLDER, id)} <= {*names} or not is_id:
        raise ValueError(
            "the address has other characters than A-Z, a-z, 0-9, _ and -, or a {name} that the "
            "pattern has not"
        )
    binding = re.sub(PLACEHOLDER, "*", pattern)
    return Route(pattern, binding, re.compile("".join(map(_word_expression, words))), kind, id)


def find_targets(routes: Iterable[Route], key: str) -> set[Target]:
    """Return where a message with this routing key is shown, each target once.

    Raises ValueError if the key makes no id."""
    return {target for route in routes if (target := route.find_target(key))}


def _is_word(word: str) -> bool:
    return word in ("*", "#") or bool(re.fullmatch(PLACEHOLDER + r"|[^*#{}]+", word))


def _word_expression(word: str) -> str:
    match word:
        case "#":
            return r"(?:\.[^.]*)*"
        case "*":
            return r"\.[^.]*"
    placeholder = re.fullmatch(PLACEHOLDER, word)
    return rf"\.(?P<{placeholder[1]}>[^.]*)" if placeholder else rf"\.{re.escape(word)}"


def _prefix_words(key: str) -> str:
    """Put a dot before each word, so that a `#` takes its words with their dots.

    The empty key has no word."""
    return f".{key}" if key else ""
