"""Data of a player: a small JSON object that the service keeps and gives back (ADR 37).

Every store keeps it as text, so that none changes it. All that a client may read differently from
what another one wrote is refused.
"""

import json
import re
from decimal import Decimal
from json import JSONDecoder
from typing import Any, NoReturn

from leaderboardapp.domain.types import MAX_SCORE, Row

MAX_DATA_BYTES = 1024  # of its text
MAX_DATA_DEPTH = 8  # objects and lists within each other, the outermost counted
MAX_SHOWN_KEYS = 5
MAX_SHOWN_KEY_LENGTH = 64  # characters
MAX_SHOWN_BYTES = 64  # of a value's text

DATA_ACCEPTED = (
    f"a JSON object of at most {MAX_DATA_BYTES:,} bytes (in UTF-8, without blanks between values), "
    f"at most {MAX_DATA_DEPTH} objects and lists deep; without NUL characters and lone surrogates; "
    f"with numbers from {-MAX_SCORE} to {MAX_SCORE} that a float64 has in full"
)
SHOW_ACCEPTED = (
    f"a list of at most {MAX_SHOWN_KEYS} different keys of players' data, each text of 1 to "
    f"{MAX_SHOWN_KEY_LENGTH} characters without NUL characters and lone surrogates"
)
_UNSAFE = re.compile("[\0\ud800-\udfff]")


def data_field(value: Any) -> Row:
    """Accept the data of a player; return it with numbers as they are stored."""
    try:
        data = _read_object(value, MAX_DATA_DEPTH) if isinstance(value, dict) else None
    except ValueError:
        data = None
    if data is None or _measure(data) > MAX_DATA_BYTES:
        raise ValueError(DATA_ACCEPTED)
    return data


def show_field(value: Any) -> list[str]:
    """Accept the keys of players' data that a board shows."""
    if (
        not isinstance(value, list)
        or len(value) > MAX_SHOWN_KEYS
        or not all(map(_is_shown_key, value))
        or len(set(value)) < len(value)
    ):
        raise ValueError(SHOW_ACCEPTED)
    return list(value)


def select_shown(show: list[str], data: Row) -> Row:
    """Return the values of these keys that are short enough, and no objects or lists."""
    return {key: data[key] for key in show if key in data and _is_short(data[key])}


def encode_data(data: Row | None) -> str | None:
    """Return the text that a store keeps of the data; None for none."""
    return _encode(data) if data else None


def decode_data(text: Any) -> Row:
    """Return the data that a store has kept as this text.

    Another program may have written there what is not accepted: that is no data."""
    if not isinstance(text, str):
        return {}
    try:
        data = _DECODER.decode(text)
        # What reads as it was written is the service's own.
        return data if _is_own(data, text) else data_field(data)
    except (ValueError, RecursionError):
        return {}


def _is_own(data: Any, text: str) -> bool:
    return isinstance(data, dict) and _encode(data) == text


def _read_object(value: Row, depth: int) -> Row:
    return {_read_text(key): _read(item, depth - 1) for key, item in value.items()}


def _read(value: Any, depth: int) -> Any:
    """Return a value within the data. Raises ValueError if it is not accepted."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _read_text(value)
    if isinstance(value, int | float | Decimal):
        return _read_number(value)
    if depth and isinstance(value, dict):
        return _read_object(value, depth)
    if depth and isinstance(value, list):
        return [_read(item, depth - 1) for item in value]
    raise ValueError("too deep, or nothing that JSON has")


def _read_text(value: Any) -> str:
    if not isinstance(value, str) or _UNSAFE.search(value):
        raise ValueError("not a text that every store carries")
    return value


def _read_number(value: float | Decimal) -> int | float:
    # The range comes first, because to make an integer of 1e999999 takes long.
    if isinstance(value, Decimal) and value.is_nan() or not -MAX_SCORE <= value <= MAX_SCORE:
        raise ValueError("out of range")
    number = float(value)
    if isinstance(value, Decimal) and Decimal(repr(number)) != value:
        raise ValueError("more digits than a float64 has")
    return int(number) if number.is_integer() else number


def _is_shown_key(value: Any) -> bool:
    is_text = isinstance(value, str) and not _UNSAFE.search(value)
    return is_text and 1 <= len(value) <= MAX_SHOWN_KEY_LENGTH


def _is_short(value: Any) -> bool:
    return not isinstance(value, dict | list) and _measure(value) <= MAX_SHOWN_BYTES


def _measure(value: Any) -> int:
    """Return the number of bytes of the value's text."""
    return len(_encode(value).encode())


def _encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"{name} is not a JSON number")


_DECODER = JSONDecoder(parse_constant=_refuse_constant)
