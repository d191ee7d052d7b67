"""Which of a broker's messages are shown to whom.

A route is a pattern of routing keys and the address whose viewers are shown what matches it:

    invoice.paid=/events/invoices/  match.{board}.goal=/boards/{board}/  alert.#=/events/alerts/

Patterns are those of a topic exchange: words between dots, `*` for any one word, `#` for any number
of them. `{name}` is any one word, too, which the address may repeat.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

MAX_PATTERN = 255  # bytes of a routing key
ID = r"[A-Za-z0-9_-]{1,64}"
PLACE = r"\{([a-z]+)\}"


class Target(NamedTuple):
    kind: str  # "boards" or "events"
    id: str  # of the board or the channel


class Route(NamedTuple):
    pattern: str
    binding: str  # the pattern as a broker has it
    keys: re.Pattern[str]  # with a dot before each word
    kind: str
    id: str

    def target(self, key: str) -> Target | None:
        """Of a message with this routing key. Raises ValueError if the key makes no id."""
        found = self.keys.fullmatch(_dotted(key))
        if not found:
            return None
        id = re.sub(PLACE, lambda place: found[place[1]], self.id)
        if not re.fullmatch(ID, id):
            raise ValueError(f"the route {self.pattern} makes of this key the id {id!r:.100}")
        return Target(self.kind, id)

    def can_reach(self, target: Target) -> bool:
        """Whether some key does."""
        ids = re.sub(PLACE, "[A-Za-z0-9_-]*", self.id)
        return self.kind == target.kind and bool(re.fullmatch(ids, target.id))


def parse(text: str) -> Route:
    """Raises ValueError, which says what is wrong."""
    pattern, sign, address = text.partition("=")
    found = re.fullmatch(r"/(boards|events)/([^/]+)/", address)
    if not sign or not found:
        raise ValueError("it leads to no /events/{channel}/ and no /boards/{board}/")
    names = re.findall(PLACE, pattern)
    if len(names) > len(set(names)):
        raise ValueError("a name stands twice in the pattern")
    words = pattern.split(".")
    if len(pattern.encode()) > MAX_PATTERN or not all(map(_is_word, words)):
        raise ValueError("the pattern is not words, *, # and {names} between dots")
    kind, id = found.groups()
    if not {*re.findall(PLACE, id)} <= {*names} or not re.fullmatch(ID, re.sub(PLACE, "x", id)):
        raise ValueError(
            "the address has other characters than A-Z, a-z, 0-9, _ and -, or a {name} that the "
            "pattern has not"
        )
    binding = re.sub(PLACE, "*", pattern)
    return Route(pattern, binding, re.compile("".join(map(_expression, words))), kind, id)


def find_targets(routes: Iterable[Route], key: str) -> set[Target]:
    """Raises ValueError."""
    return {target for route in routes if (target := route.target(key))}


def _is_word(word: str) -> bool:
    return word in ("*", "#") or bool(re.fullmatch(PLACE + r"|[^*#{}]+", word))


def _expression(word: str) -> str:
    match word:
        case "#":
            return r"(?:\.[^.]*)*"
        case "*":
            return r"\.[^.]*"
    place = re.fullmatch(PLACE, word)
    return rf"\.(?P<{place[1]}>[^.]*)" if place else rf"\.{re.escape(word)}"


def _dotted(key: str) -> str:
    """So that a `#` takes its words with their dots. The empty key has no word."""
    return f".{key}" if key else ""
