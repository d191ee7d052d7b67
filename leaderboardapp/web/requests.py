"""Read a request's body, query and headers, each value checked."""

import base64
import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.utils.http import parse_header_parameters

from leaderboardapp.domain.fields import (
    INCREMENT_FIELDS,
    MAX_BULK_ROWS,
    Field,
    InvalidInput,
    RejectedInput,
    check_fields,
    key_field,
    limit_field,
    parse_json,
    require,
)
from leaderboardapp.domain.messages import clean
from leaderboardapp.domain.types import Increment
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem

DEFAULT_LIMIT = 20


def read_body(request: HttpRequest, fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return the fields of the JSON body, checked. An empty body is an empty object.

    Raises Problem or RejectedInput.
    """
    body = _read_json(request, {})
    if not isinstance(body, dict):
        raise InvalidInput('The body must be a JSON object, such as {"name": "Alice"}.')
    return check_fields(body, fields)


def read_increments(request: HttpRequest) -> list[Increment]:
    """Return the increments of a bulk request: a JSON list of `{"player", "amount"?, "season"?,
    "name"?}`.

    The request's idempotency key becomes the key of each increment, and each is ranked with
    `?rank=true`. With either, each player may be listed only once. Raises Problem or RejectedInput.
    """
    rows = _read_json(request, [])
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_BULK_ROWS:
        raise InvalidInput(f"The body must be a JSON list of 1 to {MAX_BULK_ROWS} rows.")
    key, ranked = read_idempotency_key(request), read_flag(request, "rank")
    increments, players = [], set()
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise InvalidInput(f'Row {number}: must be an object, such as {{"player": "alice"}}.')
        fields = check_fields(row, INCREMENT_FIELDS, f"Row {number}: ")
        player = require(fields, "player", f"Row {number}: ")
        # A key counts once per player. Distinct keys for a player's rows would not do: the player
        # remembers the newest hundred, and a long request would push out its own. Ranks between a
        # player's rows would be as many reads, while others wait to write.
        if (key or ranked) and player in players:
            raise InvalidInput(
                f"Row {number}: player: {player} has a row already; with a key or rank=true, it "
                "may have only one."
            )
        players.add(player)
        season, name = fields.get("season"), fields.get("name")
        amount = fields.get("amount", 1)
        increments.append(Increment(player, amount, key, season, name, ranked))
    return increments


def check_query(request: HttpRequest, accepted: Collection[str]) -> None:
    """Raise Problem 422 for a query parameter that is not accepted, or is there twice."""
    for name in request.GET:
        if name not in accepted:
            names = ", ".join(accepted) or "none"
            detail = f"{clean(name)}: not known here as a query parameter; accepted are {names}."
            raise Problem(ProblemKind.INVALID_PARAMETER, detail)
        read_parameter(request, name)


def read_parameter(request: HttpRequest, name: str, default: str = "") -> str:
    """Return a parameter of the query, `default` if it is missing.

    Raises Problem 422 if it is there twice.
    """
    values = request.GET.getlist(name)
    if len(values) > 1:
        detail = f"{name}: is there {len(values)} times; it must be there once."
        raise Problem(ProblemKind.INVALID_PARAMETER, detail)
    return values[0] if values else default


def read_limit(request: HttpRequest, default: int = DEFAULT_LIMIT) -> int:
    """Return `limit` of the query: how many rows the answer may have. Raises Problem 422."""
    return read_integer(request, "limit", limit_field, default)


def read_integer(request: HttpRequest, name: str, field: Field, default: int | None = None) -> int:
    """Return an integer of the query that passes its field, `default` if it is missing.

    Raises Problem 422, also if it is missing and there is no default."""
    text = read_parameter(request, name, "" if default is None else str(default))
    try:
        value: int = field(int(text) if re.fullmatch("-?[0-9]{1,16}", text) else text)
    except ValueError as error:
        detail = f"{name}: must be {error}."
        raise Problem(ProblemKind.INVALID_PARAMETER, detail) from error
    return value


def read_flag(request: HttpRequest, name: str) -> bool:
    """Return a flag of the query, False if it is missing. Raises Problem 422."""
    text = read_parameter(request, name, "false")
    if text not in ("true", "false"):
        raise Problem(ProblemKind.INVALID_PARAMETER, f"{name}: must be true or false.")
    return text == "true"


def read_cursor(request: HttpRequest, *fields: Field) -> list[Any] | None:
    """Return the parts of the query's `cursor`, which an earlier answer gave as `next`.

    None if there is no cursor. Each part must pass its field. Raises Problem 422.
    """
    text = read_parameter(request, "cursor", "")
    if "cursor" not in request.GET:
        return None
    try:
        parts = parse_json(base64.b64decode(text.encode(), altchars=b"-_", validate=True))
        values = [field(part) for field, part in zip(fields, parts, strict=True)]
        if encode_cursor(*values) == text:  # else it was written in another way, not by us
            return values
    except (ValueError, TypeError, RejectedInput):
        pass
    detail = "cursor: must be the next of an earlier answer."
    raise Problem(ProblemKind.INVALID_PARAMETER, detail)


def encode_cursor(*parts: Any) -> str:
    """Return a cursor of these parts, for an answer's `next`."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode()


def read_idempotency_key(request: HttpRequest) -> str | None:
    """Return the header Idempotency-Key, None if it is missing. Raises Problem 400.

    A header that is there twice comes with a comma between its values, so no key has one."""
    key = request.headers.get("Idempotency-Key")
    try:
        if key is not None and "," in key:
            raise ValueError("one key without a comma")
        return None if key is None else key_field(key)
    except ValueError as error:
        detail = f"Idempotency-Key: must be {error}."
        raise Problem(ProblemKind.INVALID_HEADER, detail) from error


def _read_json(request: HttpRequest, default: Any) -> Any:
    """Return the body's JSON value, `default` for an empty body."""
    # Django takes a body of unknown length for an empty one, and an empty score-add means 1.
    if request.headers.get("Transfer-Encoding"):
        raise Problem(ProblemKind.LENGTH_REQUIRED, "The body needs a Content-Length.")
    if len(request.body) != int(request.headers.get("Content-Length") or 0):
        detail = "The body ended before its Content-Length."
        raise Problem(ProblemKind.MALFORMED_REQUEST, detail)
    if not request.body:
        return default
    if request.content_type != "application/json":
        detail = "The body must be JSON, with Content-Type: application/json."
        raise Problem(ProblemKind.UNSUPPORTED_MEDIA_TYPE, detail)
    return parse_json(request.body)


class Request(WSGIRequest):
    """A request whose query is UTF-8, whatever charset its Content-Type names.

    Django would read the query by that charset: with `hex` it fails, and with others it means
    something else."""

    def _set_content_type_params(self, meta: Mapping[str, str]) -> None:
        self.content_type, self.content_params = parse_header_parameters(
            meta.get("CONTENT_TYPE", "")
        )
