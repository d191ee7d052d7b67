"""Time zones by name, from the package tzdata.

The zones of the operating system are not asked: machines differ in them, and so would the moments
at which they end a season."""

from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

MAX_NEAREST = 3  # names that are proposed for one that is not known
# The closest that a text and a name have to be, from 0 to 1, for the name to be proposed.
MIN_LIKENESS = 0.6
MAX_LIKENESS_LENGTH = 64  # characters; a longer text is like no name, and slow to compare

_FILES = files("tzdata")


@cache
def list_zones() -> frozenset[str]:
    """Return the names of all zones."""
    return frozenset((_FILES / "zones").read_text().split())


@cache
def list_places() -> tuple[str, ...]:
    """Return the names to choose from: UTC, and those of places of today, without older names."""
    lines = (_FILES / "zoneinfo" / "zone.tab").read_text().splitlines()
    names = [line.split("\t")[2] for line in lines if not line.startswith("#")]
    return ("UTC", *sorted(names))


@cache
def get_zone(name: str) -> ZoneInfo:
    """Return the zone of a name that `list_zones` has."""
    with (_FILES / "zoneinfo" / name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def find_nearest(text: str) -> list[str]:
    """Return names of zones that are like the text, the likest first. Its case does not count, and
    the city is enough."""
    if len(text) > MAX_LIKENESS_LENGTH:
        return []
    spellings = _list_spellings()
    likest = get_close_matches(text.lower(), spellings, 2 * MAX_NEAREST, MIN_LIKENESS)
    names = dict.fromkeys(name for spelling in likest for name in spellings[spelling])
    return list(names)[:MAX_NEAREST]


@cache
def _list_spellings() -> dict[str, list[str]]:
    """Return the names of zones by what people write for them, in lower case."""
    spellings: dict[str, list[str]] = {}
    for name in sorted(list_zones()):
        for spelling in {name.lower(), name.rpartition("/")[2].lower()}:
            spellings.setdefault(spelling, []).append(name)
    return spellings
