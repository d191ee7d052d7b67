"""What arguments must be, checked before anything is sent."""

import re
from typing import Any

ID_PATTERN = r"[A-Za-z0-9_-]{1,64}"
KEY_PATTERN = "[!-+\\--~]{1,255}"  # visible ASCII but for the comma
MAX_PAGE_ROWS = 100
MAX_SCORE = 2**53 - 1
MAX_SEASON = 2**31 - 1


def require_id(id: str) -> str:
    """Return the id, which stands in paths. Raises ValueError if it is none: ".." would lead to
    another resource."""
    if not isinstance(id, str) or not re.fullmatch(ID_PATTERN, id):
        raise ValueError(f"id {id!r}: must be 1 to 64 of the characters A-Z, a-z, 0-9, _ and -")
    return id


def require_key(key: str) -> str:
    """Return the idempotency key. Raises ValueError if it is none: on the way to the service an
    empty header gets lost, and so do blanks around a value."""
    if not isinstance(key, str) or not re.fullmatch(KEY_PATTERN, key):
        raise ValueError(f"key {key!r}: must be 1 to 255 visible ASCII characters without a comma")
    return key


def require_integer(name: str, value: int, most: int) -> None:
    """Raise ValueError unless the value is an integer from 1 to `most`."""
    if type(value) is not int or not 1 <= value <= most:  # True is an int, too
        raise ValueError(f"{name} {value!r}: must be an integer from 1 to {most}")


def score_fields(season: int | None, name: str | None) -> dict[str, Any]:
    """Return the fields of a body that say for which season a score is, and who a new player is."""
    if season is not None:
        require_integer("season", season, MAX_SEASON)
    fields = {"season": season, "name": name}
    return {field: value for field, value in fields.items() if value is not None}


def season_path(season: int | None) -> str:
    """Return where a past season is, below its board; "" without one."""
    if season is None:
        return ""
    require_integer("season", season, MAX_SEASON)
    return f"seasons/{season}/"


def rank_query(rank: bool) -> str:
    """Return the query that asks for the rank, or none."""
    return "?rank=true" if rank else ""
