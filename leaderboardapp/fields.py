"""What a client may send. Each failure is a Problem that names the field and what is accepted."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from django.http import HttpRequest

from leaderboardapp.problems import Problem
from leaderboardapp.stores.base import MAX_SCORE

ID_PATTERN = r"[A-Za-z0-9_-]{1,64}"
MAX_NAME = 100
MAX_SIZE = 100

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


def integer_field(least: int, most: int) -> Field:
    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:  # True is an int, too
            raise ValueError(f"an integer from {least} to {most}")
        return value

    return check


amount_field = integer_field(-MAX_SCORE, MAX_SCORE)
size_field = integer_field(1, MAX_SIZE)


def read_body(request: HttpRequest, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The body's fields, checked; an empty body is an empty object."""
    body = _read_object(request)
    checked = {}
    for name, value in body.items():
        if name not in fields:
            raise Problem(422, f"{name}: not known here; accepted are {', '.join(fields)}.")
        try:
            checked[name] = fields[name](value)
        except ValueError as error:
            raise Problem(422, f"{name}: must be {error}.") from error
    return checked


def require(body: dict[str, Any], name: str) -> Any:
    if name not in body:
        raise Problem(422, f"{name}: missing.")
    return body[name]


def idempotency_key(request: HttpRequest) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(r"[!-~]{1,255}", key):
        raise Problem(400, "Idempotency-Key: must be 1 to 255 visible ASCII characters.")
    return key


def _read_object(request: HttpRequest) -> dict[str, Any]:
    # Django takes a body of unknown length for an empty one, and an empty score-add means 1.
    if request.headers.get("Transfer-Encoding"):
        raise Problem(411, "The body needs a Content-Length.")
    if len(request.body) != int(request.headers.get("Content-Length") or 0):
        raise Problem(400, "The body ended before its Content-Length.")
    if not request.body:
        return {}
    if request.content_type != "application/json":
        raise Problem(415, "The body must be JSON, with Content-Type: application/json.")
    try:
        value = json.loads(request.body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"The body is not JSON in UTF-8: {error}.") from error
    if not isinstance(value, dict):
        raise Problem(422, 'The body must be a JSON object, such as {"name": "Alice"}.')
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
