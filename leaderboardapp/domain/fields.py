"""Check what a client sends: a field is a function that takes one JSON value.

It returns the value, perhaps normalized. If it does not accept the value, it raises ValueError with
a description of what it accepts, such as "true or false".
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from json import JSONDecoder
from typing import Any, NoReturn

import regex  # the standard library's `re` does not know the properties of Unicode
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from leaderboardapp.domain.messages import DISTORTING, clean
from leaderboardapp.domain.player_data import show_field
from leaderboardapp.domain.schedule import schedule_field
from leaderboardapp.domain.score_formats import MAX_PLACES, MAX_UNIT_LENGTH
from leaderboardapp.domain.types import (
    ID_PATTERN,
    MAX_SCORE,
    PLAYER_WRITES,
    RANKINGS,
    WINDOWS,
)
from leaderboardapp.domain.windows import sort_windows

Field = Callable[[Any], Any]

MAX_NAME_LENGTH = 100  # characters
MAX_EMAIL_LENGTH = 254  # characters
MAX_BOARD_SIZE = 100  # players in a snapshot
MAX_PAGE_ROWS = 100  # rows in one answer
MAX_BULK_ROWS = 1000  # increments in one request
MAX_SELECTED = 500  # ids of players in one request
MAX_BOARDS = 50  # ids of boards in one request
MAX_SEASON = 2**31 - 1
MAX_INT_LENGTH = 300  # characters of a number of JSON that becomes an int

FORMAT_ACCEPTED = (
    f'{{"type": "points"}}, {{"type": "decimal", "places": 1 to {MAX_PLACES}}} or '
    '{"type": "time"}; the first two may have a "unit", a text of 1 to '
    f"{MAX_UNIT_LENGTH} characters, not blank, no control characters or overrides of direction"
)

_FORBIDDEN_IN_NAMES = regex.compile(f"[{DISTORTING}]")
# Symbols that are drawn as empty space or not at all, which no property says: the braille pattern
# without dots, the blank hieroglyphs, Khitan's filler, Duployan's selector and the null notehead.
_EMPTY_SYMBOLS = "\u2800\U00013441\U00013442\U00016fe4\U0001bc9d\U0001d159"
_VISIBLE = regex.compile(
    r"[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Cs}" + _EMPTY_SYMBOLS + "]"
    r"|\p{Prepended_Concatenation_Mark}"  # format characters (Cf) that are drawn
)
_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{C}]")


class RejectedInput(Exception):
    """Input that is refused. `detail` is the reason, a sentence for the sender."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidInput(RejectedInput):
    """JSON that is not accepted. `errors` are all reasons, of which `detail` is the first."""

    def __init__(self, detail: str, *others: str) -> None:
        super().__init__(detail)
        self.errors = [detail, *others]


class MalformedInput(RejectedInput):
    """Bytes that are not JSON."""


class DuplicateKey(RejectedInput):
    """JSON with an object that has two values for one key."""


def id_field(value: Any) -> str:
    """Accept an id."""
    if not isinstance(value, str) or not re.fullmatch(ID_PATTERN, value):
        raise ValueError("1 to 64 of the characters A-Z, a-z, 0-9, _ and -")
    return value


def name_field(value: Any) -> str:
    """Accept the name of a board or a player, of which something is visible."""
    if not _is_readable(value, MAX_NAME_LENGTH):
        raise ValueError(
            f"text of 1 to {MAX_NAME_LENGTH} characters, not blank, no control characters "
            "or overrides of direction"
        )
    return str(value)


def _is_readable(value: Any, most: int) -> bool:
    """Return whether the value is a text of up to so many characters that can be read."""
    return (
        isinstance(value, str)
        and len(value) <= most
        and bool(_VISIBLE.search(value))
        and not _FORBIDDEN_IN_NAMES.search(value)
    )


def email_field(value: Any) -> str:
    """Accept an email address; return it in lower case, so that two spellings are equal."""
    try:
        if not isinstance(value, str) or len(value) > MAX_EMAIL_LENGTH or _INVISIBLE.search(value):
            raise ValidationError("not an address")
        validate_email(value)
    except ValidationError as error:
        raise ValueError(f"an email address of at most {MAX_EMAIL_LENGTH} characters") from error
    return value.lower()


def integer_field(least: int, most: int) -> Field:
    """Return a field that accepts integers from `least` to `most`."""

    def field(value: Any) -> int:
        # True is an int, too. In JSON 1.0 and 1e2 are integers. The range comes first, because to
        # make an int of 1e999999 takes long.
        is_number = type(value) in (int, float, Decimal)
        if not is_number or not least <= value <= most or value != int(value):
            raise ValueError(f"an integer from {least} to {most}")
        return int(value)

    return field


def key_field(value: Any) -> str:
    """Accept an idempotency key."""
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]{1,255}", value):
        raise ValueError("1 to 255 visible ASCII characters")
    return value


def choice_field(*choices: str) -> Field:
    """Return a field that accepts one of the choices."""

    def field(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return value

    return field


def flag_field(value: Any) -> bool:
    """Accept true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def format_field(value: Any) -> dict[str, Any]:
    """Accept what a score is: points, a decimal number or a time."""
    given = value if isinstance(value, dict) else {}
    kind, others = given.get("type"), given.keys() - {"type", "unit"}
    accepted = {"type": kind}
    is_known = kind in ("points", "time") and not others
    if kind == "decimal" and others == {"places"}:
        try:
            accepted["places"] = integer_field(1, MAX_PLACES)(given["places"])
            is_known = True
        except ValueError:
            pass
    if "unit" in given:
        accepted["unit"] = given["unit"]
        is_known = is_known and kind != "time" and _is_readable(given["unit"], MAX_UNIT_LENGTH)
    if not is_known:
        raise ValueError(FORMAT_ACCEPTED)
    return accepted


def nullable_field(field: Field) -> Field:
    """Return a field that accepts null, or what `field` accepts."""

    def nullable(value: Any) -> Any:
        try:
            return None if value is None else field(value)
        except ValueError as error:
            raise ValueError(f"null or {error}") from error

    return nullable


def windows_field(value: Any) -> list[str]:
    """Accept a list of windows; return each once, the shortest first."""
    if not isinstance(value, list) or any(window not in WINDOWS for window in value):
        raise ValueError(f"a list of some of {', '.join(WINDOWS)}")
    return sort_windows(value)


def selected_ids_field(value: Any) -> list[str]:
    """Accept a list of players' ids, some perhaps twice."""
    try:
        if isinstance(value, list) and len(value) <= MAX_SELECTED:
            return [id_field(id) for id in value]
    except ValueError as error:
        raise ValueError(f"a list of ids, each {error}") from error
    raise ValueError(f"a list of at most {MAX_SELECTED} ids")


def board_ids_field(value: Any) -> list[str]:
    """Accept a text of different ids of boards, with commas in between; return them in order."""
    ids = value.split(",") if isinstance(value, str) else []
    try:
        if 1 <= len(ids) == len({*ids}) <= MAX_BOARDS:
            return [id_field(id) for id in ids]
    except ValueError as error:
        raise ValueError(f"ids with commas in between, each {error}") from error
    raise ValueError(f"1 to {MAX_BOARDS} different ids with commas in between")


score_field = integer_field(-MAX_SCORE, MAX_SCORE)
amount_field = score_field
limit_field = integer_field(1, MAX_PAGE_ROWS)
rank_field = integer_field(1, MAX_SCORE)
season_field = integer_field(1, MAX_SEASON)
RANK_POSITION_FIELDS = (score_field, integer_field(0, MAX_SCORE), id_field)
INCREMENT_FIELDS = {
    "player": id_field,
    "amount": amount_field,
    "season": season_field,
    "name": name_field,
}
BOARD_SETTING_FIELDS: dict[str, Field] = {
    "name": name_field,
    "size": integer_field(1, MAX_BOARD_SIZE),
    "order": choice_field("desc", "asc"),
    "ranking": choice_field(*RANKINGS),
    "min": nullable_field(integer_field(-MAX_SCORE, 0)),
    "max": nullable_field(integer_field(0, MAX_SCORE)),
    "max_amount": nullable_field(integer_field(1, MAX_SCORE)),
    "private": flag_field,
    "ask_email": flag_field,
    "player_writes": choice_field(*PLAYER_WRITES),
    "show": show_field,
    "format": format_field,
    "schedule": nullable_field(schedule_field),
    "keep_seasons": nullable_field(integer_field(1, MAX_SEASON)),
    "windows": windows_field,
}


def require(body: dict[str, Any], name: str, prefix: str = "") -> Any:
    """Return the value of that name. Raises InvalidInput if it is missing.

    `prefix` begins the reason, for example "Row 3: ".
    """
    if name not in body:
        raise InvalidInput(f"{prefix}{name}: missing.")
    return body[name]


def check_fields(
    values: dict[str, Any], fields: Mapping[str, Field], prefix: str = ""
) -> dict[str, Any]:
    """Return the values as their fields return them; values may be missing.

    Raises InvalidInput for names that have no field, and for values that their fields do not
    accept. `prefix` begins each reason.
    """
    accepted, errors = {}, []
    for name, value in values.items():
        if name not in fields:
            names = ", ".join(fields)
            errors.append(f"{prefix}{clean(name)}: not known here; accepted are {names}.")
            continue
        try:
            accepted[name] = fields[name](value)
        except ValueError as error:
            errors.append(f"{prefix}{name}: must be {error}.")
    if errors:
        raise InvalidInput(*errors)
    return accepted


def parse_json(body: bytes) -> Any:
    """Return the JSON value in the bytes. Raises MalformedInput, DuplicateKey.

    Numbers that are not written as integers are Decimal: a float would round them. So are integers
    with very many digits.
    """
    try:
        text = body.decode()
        value = DECODER.decode(text)
        if not _has_distinct_keys(text, value):
            DECODER_OF_DISTINCT_KEYS.decode(text)
    except (ValueError, RecursionError) as error:
        raise MalformedInput(f"The body is not JSON in UTF-8: {error}.") from error
    return value


def _has_distinct_keys(text: str, value: Any) -> bool:
    """Return whether no key is there twice, as far as counting can tell; False says nothing.

    It is so for an object, and for a list of objects, if the text has no more colons than they have
    keys: each key that is written has one. To look at each object as it is parsed takes twice as
    long.
    """
    objects = value if isinstance(value, list) else [value]
    return set(map(type, objects)) == {dict} and text.count(":") == sum(map(len, objects))


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"{name} is not a JSON number")


def _parse_integer(text: str) -> int | Decimal:
    """Return the number. Python makes an int of some thousand digits at most, and slowly."""
    return int(text) if len(text) <= MAX_INT_LENGTH else Decimal(text)


def _parse_decimal(text: str) -> Decimal:
    """Return the number. If no Decimal has its exponent, it is 0, infinite, or nearly 0."""
    try:
        return Decimal(text)
    except InvalidOperation:
        mantissa, _, exponent = text.lower().partition("e")
        limit = "1e-999999999" if exponent.startswith("-") else "Infinity"
        return Decimal(limit).copy_sign(Decimal(mantissa)) if Decimal(mantissa) else Decimal(0)


def _require_distinct(pairs: list[tuple[str, Any]]) -> None:
    """Raise DuplicateKey if an object's keys are not distinct."""
    keys = set()
    for key, _ in pairs:
        if key in keys:
            detail = f"{clean(key)}: is there twice in one object; each key must be there once."
            raise DuplicateKey(detail)
        keys.add(key)


DECODER = JSONDecoder(
    parse_int=_parse_integer, parse_float=_parse_decimal, parse_constant=_refuse_constant
)
DECODER_OF_DISTINCT_KEYS = JSONDecoder(
    parse_int=str, parse_float=str, object_pairs_hook=_require_distinct
)
