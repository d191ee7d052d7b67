"""Headers whose values have a grammar, parsed as it says. Members that it does not allow are
skipped.

Sources: RFC 9110 (5.6, lists and tokens; 8.8.3, entity tags), RFC 7240 (2, preferences), RFC 6454
(6.2, origins).
"""

from collections.abc import Iterator

# Not re, whose groups that give nothing back go wrong in Python 3.11.2, which Debian 12 has.
import regex as re

ANY = "*"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}

# No repetition gives back what it took ("++", "*+"), so that reading takes time by length alone.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
# A comma within quotes parts nothing. A quote that is never closed takes the rest of the text.
_PREFERENCES = re.compile(r'(?:"(?:[^"\\]|\\.)*+(?:"|\\?$)|[^,"])++')
_PREFERENCE = re.compile(rf"({_TOKEN})(?:[ \t]*+=[ \t]*+({_TOKEN}|{_QUOTED})?+)?+[ \t]*+(?:;.*+)?+")
# In a tag, a backslash is a character like others.
_ENTITY_TAGS = re.compile(r'(?:"[^"]*+(?:"|$)|[^,"])++')
_ENTITY_TAG = re.compile(r'(?:W/)?"[!#-~\x80-\xff]*"')


def parse_preferences(text: str) -> dict[str, str]:
    """Return the preferences of a `Prefer` header, {name in small letters: value or ""}.

    Of preferences with the same name the first counts. Parameters are left out."""
    preferences: dict[str, str] = {}
    for member in _PREFERENCES.findall(text):
        if parsed := _PREFERENCE.fullmatch(member.strip(" \t")):
            preferences.setdefault(parsed[1].lower(), _unquote(parsed[2] or ""))
    return preferences


def parse_entity_tags(text: str) -> list[str]:
    """Return the entity tags of an `If-Match` or `If-None-Match` header, quotes and `W/` included.

    The text `*` gives `[ANY]`."""
    return [ANY] if text.strip(" \t") == ANY else list(_find_entity_tags(text))


def normalize_origin(origin: str) -> str:
    """Return a page's origin as browsers write it: in small letters, without a default port."""
    origin = origin.lower()
    port = _DEFAULT_PORTS.get(origin.partition("://")[0])
    return origin.removesuffix(port) if port else origin


def _find_entity_tags(text: str) -> Iterator[str]:
    for member in _ENTITY_TAGS.findall(text):
        if tag := _ENTITY_TAG.fullmatch(member.strip(" \t")):
            yield tag[0]


def _unquote(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word
