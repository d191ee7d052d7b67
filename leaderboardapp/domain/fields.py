"""Check what a client sends. Each failure names the field and says what is accepted."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from leaderboardapp.domain.schedule import SCHEDULES
from leaderboardapp.domain.types import MAX_SCORE, RANKINGS

ID_PATTERN = r"[A-Za-z0-9_-]{1,64}"
MAX_NAME_LENGTH = 100
MAX_EMAIL_LENGTH = 254
MAX_BOARD_SIZE = 100
MAX_PAGE_ROWS = 100  # rows in one answer
MAX_BULK_ROWS = 1000  # in one request
Field = Callable[
    [Any], Any
]  # takes the JSON value; returns it, or raises ValueError(what is accepted)


class RejectedInput(Exception):
    """Input that is refused. `detail` is the reason, a sentence for its sender."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidInput(RejectedInput):
    """Well-formed input that is not accepted."""


class MalformedInput(RejectedInput):
    """Text that is not JSON."""


def id_field(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(ID_PATTERN, value):
        raise ValueError("1 to 64 of the characters A-Z, a-z, 0-9, _ and -")
    return value


def name_field(value: Any) -> str:
    # Control characters break terminals and logs; half a surrogate pair has no UTF-8 form.
    if (
        not isinstance(value, str)
        or not 1 <= len(value) <= MAX_NAME_LENGTH
        or not value.strip()
        or any(unicodedata.category(character) in ("Cc", "Cs") for character in value)
    ):
        raise ValueError(
            f"text of 1 to {MAX_NAME_LENGTH} characters, not blank, no control characters"
        )
    return value


def email_field(value: Any) -> str:
    """In lower case, so that each address is one however it is written."""
    try:
        assert isinstance(value, str) and len(value) <= MAX_EMAIL_LENGTH
        validate_email(value)
    except (AssertionError, ValidationError) as error:
        raise ValueError(f"an email address of at most {MAX_EMAIL_LENGTH} characters") from error
    return value.lower()


def integer_field(least: int, most: int) -> Field:
    def check(value: Any) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)  # to JSON, 1.0 is 1
        if type(value) is not int or not least <= value <= most:  # True is an int, too
            raise ValueError(f"an integer from {least} to {most}")
        return value

    return check


def key_field(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]{1,255}", value):
        raise ValueError("1 to 255 visible ASCII characters")
    return value


def choice_field(*choices: str) -> Field:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return value

    return check


def flag_field(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def none_or(field: Field) -> Field:
    def check(value: Any) -> Any:
        try:
            return None if value is None else field(value)
        except ValueError as error:
            raise ValueError(f"null or {error}") from error

    return check


score_field = integer_field(-MAX_SCORE, MAX_SCORE)
amount_field = score_field
limit_field = integer_field(1, MAX_PAGE_ROWS)
season_field = integer_field(1, 2**31 - 1)
RANK_POSITION_FIELDS = (score_field, integer_field(0, MAX_SCORE), id_field)
INCREMENT_FIELDS = {"player": id_field, "amount": amount_field, "season": season_field}
BOARD_SETTING_FIELDS: dict[str, Field] = {
    "name": name_field,
    "size": integer_field(1, MAX_BOARD_SIZE),
    "order": choice_field("desc", "asc"),
    "ranking": choice_field(*RANKINGS),
    "min": none_or(integer_field(-MAX_SCORE, 0)),
    "max": none_or(integer_field(0, MAX_SCORE)),
    "max_amount": none_or(integer_field(1, MAX_SCORE)),
    "private": flag_field,
    "ask_email": flag_field,
    "schedule": none_or(choice_field(*SCHEDULES)),
}


def require(body: dict[str, Any], name: str, where: str = "") -> Any:
    if name not in body:
        raise InvalidInput(f"{where}{name}: missing.")
    return body[name]


def check_fields(
    values: dict[str, Any], fields: Mapping[str, Field], where: str = ""
) -> dict[str, Any]:
    """Raises InvalidInput."""
    checked = {}
    for name, value in values.items():
        if name not in fields:
            accepted = ", ".join(fields)
            raise InvalidInput(f"{where}{name}: not known here; accepted are {accepted}.")
        try:
            checked[name] = fields[name](value)
        except ValueError as error:
            raise InvalidInput(f"{where}{name}: must be {error}.") from error
    return checked


def parse_json(body: bytes) -> Any:
    """Raises MalformedInput."""
    try:
        return json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedInput(f"The body is not JSON in UTF-8: {error}.") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
