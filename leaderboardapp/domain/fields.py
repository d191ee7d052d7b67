"""What a client may send. Each failure is a Problem that names the field and what is accepted."""

import base64
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest

from leaderboardapp.domain.schedule import SCHEDULES
from leaderboardapp.stores.base import MAX_SCORE, RANKINGS, Increment
from leaderboardapp.web.problems import Problem

ID_PATTERN = r"[A-Za-z0-9_-]{1,64}"
MAX_NAME = 100
MAX_EMAIL = 254
MAX_SIZE = 100
MAX_LIMIT = 100  # rows in one answer
MAX_ROWS = 1000  # in one request
DEFAULT_LIMIT = 20

Field = Callable[
    [Any], Any
]  # takes the JSON value; returns it, or raises ValueError(what is accepted)


def id_field(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(ID_PATTERN, value):
        raise ValueError("1 to 64 of the characters A-Z, a-z, 0-9, _ and -")
    return value


def name_field(value: Any) -> str:
    # Control characters break terminals and logs; half a surrogate pair has no UTF-8 form.
    if (
        not isinstance(value, str)
        or not 1 <= len(value) <= MAX_NAME
        or not value.strip()
        or any(unicodedata.category(character) in ("Cc", "Cs") for character in value)
    ):
        raise ValueError(f"text of 1 to {MAX_NAME} characters, not blank, no control characters")
    return value


def email_field(value: Any) -> str:
    """In lower case, so that each address is one however it is written."""
    try:
        assert isinstance(value, str) and len(value) <= MAX_EMAIL
        validate_email(value)
    except (AssertionError, ValidationError) as error:
        raise ValueError(f"an email address of at most {MAX_EMAIL} characters") from error
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
limit_field = integer_field(1, MAX_LIMIT)
season_field = integer_field(1, 2**31 - 1)

KEY_FIELDS = (score_field, integer_field(0, MAX_SCORE), id_field)
ROW_FIELDS = {"player": id_field, "amount": amount_field, "season": season_field}
BOARD_FIELDS: dict[str, Field] = {
    "name": name_field,
    "size": integer_field(1, MAX_SIZE),
    "order": choice_field("desc", "asc"),
    "ranking": choice_field(*RANKINGS),
    "min": none_or(integer_field(-MAX_SCORE, 0)),
    "max": none_or(integer_field(0, MAX_SCORE)),
    "max_amount": none_or(integer_field(1, MAX_SCORE)),
    "private": flag_field,
    "ask_email": flag_field,
    "schedule": none_or(choice_field(*SCHEDULES)),
}


def read_body(request: HttpRequest, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The body's fields, checked; an empty body is an empty object."""
    body = _read_json(request, {})
    if not isinstance(body, dict):
        raise Problem(422, 'The body must be a JSON object, such as {"name": "Alice"}.')
    return check_fields(body, fields)


def read_increments(request: HttpRequest) -> list[Increment]:
    """A list of `{"player", "amount"?, "season"?}`. The request's key is that of each player."""
    rows = _read_json(request, [])
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_ROWS:
        raise Problem(422, f"The body must be a JSON list of 1 to {MAX_ROWS} rows.")
    key, increments, players = idempotency_key(request), [], set()
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise Problem(422, f'Row {number}: must be an object, such as {{"player": "alice"}}.')
        checked = check_fields(row, ROW_FIELDS, f"Row {number}: ")
        player = require(checked, "player", f"Row {number}: ")
        # A player remembers so many keys only, and more rows than that would push out their own.
        if key and player in players:
            detail = f"Row {number}: player: {player} has a row already; with a key, only one may."
            raise Problem(422, detail)
        players.add(player)
        increments.append(Increment(player, checked.get("amount", 1), key, checked.get("season")))
    return increments


def read_limit(request: HttpRequest, default: int = DEFAULT_LIMIT) -> int:
    text = request.GET.get("limit", str(default))
    try:
        limit: int = limit_field(int(text) if re.fullmatch("[0-9]{1,9}", text) else text)
    except ValueError as error:
        raise Problem(422, f"limit: must be {error}.") from error
    return limit


def read_flag(request: HttpRequest, name: str) -> bool:
    """A switch in the URL, off if it is not there."""
    text = request.GET.get(name, "false")
    if text not in ("true", "false"):
        raise Problem(422, f"{name}: must be true or false.")
    return text == "true"


def read_cursor(request: HttpRequest, *fields: Field) -> list[Any] | None:
    """The parts of the cursor that some earlier answer gave as `next`, if there is one."""
    text = request.GET.get("cursor")
    if text is None:
        return None
    try:
        parts = json.loads(base64.b64decode(text.encode(), altchars=b"-_", validate=True))
        return [field(part) for field, part in zip(fields, parts, strict=True)]
    except (ValueError, RecursionError, TypeError) as error:
        raise Problem(422, "cursor: must be the next of an earlier answer.") from error


def cursor_of(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode()


def require(body: dict[str, Any], name: str, where: str = "") -> Any:
    if name not in body:
        raise Problem(422, f"{where}{name}: missing.")
    return body[name]


def idempotency_key(request: HttpRequest) -> str | None:
    key = request.headers.get("Idempotency-Key")
    try:
        return None if key is None else key_field(key)
    except ValueError as error:
        raise Problem(400, f"Idempotency-Key: must be {error}.") from error


def check_fields(
    values: dict[str, Any], fields: Mapping[str, Field], where: str = ""
) -> dict[str, Any]:
    """Raises Problem 422."""
    checked = {}
    for name, value in values.items():
        if name not in fields:
            accepted = ", ".join(fields)
            raise Problem(422, f"{where}{name}: not known here; accepted are {accepted}.")
        try:
            checked[name] = fields[name](value)
        except ValueError as error:
            raise Problem(422, f"{where}{name}: must be {error}.") from error
    return checked


def _read_json(request: HttpRequest, empty: Any) -> Any:
    # Django takes a body of unknown length for an empty one, and an empty score-add means 1.
    if request.headers.get("Transfer-Encoding"):
        raise Problem(411, "The body needs a Content-Length.")
    if len(request.body) != int(request.headers.get("Content-Length") or 0):
        raise Problem(400, "The body ended before its Content-Length.")
    if not request.body:
        return empty
    if request.content_type != "application/json":
        raise Problem(415, "The body must be JSON, with Content-Type: application/json.")
    return parse_json(request.body)


def parse_json(body: bytes) -> Any:
    """Raises Problem 400."""
    try:
        return json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"The body is not JSON in UTF-8: {error}.") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
