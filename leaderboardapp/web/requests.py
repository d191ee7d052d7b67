"""Read a request's body, query and headers, each value checked."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from leaderboardapp.domain.fields import (
    INCREMENT_FIELDS,
    MAX_BULK_ROWS,
    Field,
    check_fields,
    key_field,
    limit_field,
    parse_json,
    require,
)
from leaderboardapp.domain.types import Increment
from leaderboardapp.web.problems import Problem

DEFAULT_LIMIT = 20


def read_body(request: HttpRequest, fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return the fields of the JSON body, checked. An empty body is an empty object.

    Raises Problem, InvalidInput or MalformedInput.
    """
    body = _read_json(request, {})
    if not isinstance(body, dict):
        raise Problem(422, 'The body must be a JSON object, such as {"name": "Alice"}.')
    return check_fields(body, fields)


def read_increments(request: HttpRequest) -> list[Increment]:
    """Return the increments of a bulk request: a JSON list of `{"player", "amount"?, "season"?}`.

    The request's idempotency key becomes the key of each increment. With a key, each player may be
    listed only once. Raises Problem, InvalidInput or MalformedInput.
    """
    rows = _read_json(request, [])
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_BULK_ROWS:
        raise Problem(422, f"The body must be a JSON list of 1 to {MAX_BULK_ROWS} rows.")
    key, increments, players = read_idempotency_key(request), [], set()
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise Problem(422, f'Row {number}: must be an object, such as {{"player": "alice"}}.')
        fields = check_fields(row, INCREMENT_FIELDS, f"Row {number}: ")
        player = require(fields, "player", f"Row {number}: ")
        # A key counts once per player. Distinct keys for a player's rows would not do: the player
        # remembers the newest hundred, and a long request would push out its own.
        if key and player in players:
            detail = f"Row {number}: player: {player} has a row already; with a key, only one may."
            raise Problem(422, detail)
        players.add(player)
        increments.append(Increment(player, fields.get("amount", 1), key, fields.get("season")))
    return increments


def read_limit(request: HttpRequest, default: int = DEFAULT_LIMIT) -> int:
    """Return `limit` of the query: how many rows the answer may have. Raises Problem 422."""
    text = request.GET.get("limit", str(default))
    try:
        limit: int = limit_field(int(text) if re.fullmatch("[0-9]{1,9}", text) else text)
    except ValueError as error:
        raise Problem(422, f"limit: must be {error}.") from error
    return limit


def read_flag(request: HttpRequest, name: str) -> bool:
    """Return a flag of the query, False if it is missing. Raises Problem 422."""
    text = request.GET.get(name, "false")
    if text not in ("true", "false"):
        raise Problem(422, f"{name}: must be true or false.")
    return text == "true"


def read_cursor(request: HttpRequest, *fields: Field) -> list[Any] | None:
    """Return the parts of the query's `cursor`, which an earlier answer gave as `next`.

    None if there is no cursor. Each part must pass its field. Raises Problem 422.
    """
    text = request.GET.get("cursor")
    if text is None:
        return None
    try:
        parts = json.loads(base64.b64decode(text.encode(), altchars=b"-_", validate=True))
        return [field(part) for field, part in zip(fields, parts, strict=True)]
    except (ValueError, RecursionError, TypeError) as error:
        raise Problem(422, "cursor: must be the next of an earlier answer.") from error


def encode_cursor(*parts: Any) -> str:
    """Return a cursor of these parts, for an answer's `next`."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode()


def read_idempotency_key(request: HttpRequest) -> str | None:
    """Return the header Idempotency-Key, None if it is missing. Raises Problem 400."""
    key = request.headers.get("Idempotency-Key")
    try:
        return None if key is None else key_field(key)
    except ValueError as error:
        raise Problem(400, f"Idempotency-Key: must be {error}.") from error


def _read_json(request: HttpRequest, default: Any) -> Any:
    """Return the body's JSON value, `default` for an empty body."""
    # Django takes a body of unknown length for an empty one, and an empty score-add means 1.
    if request.headers.get("Transfer-Encoding"):
        raise Problem(411, "The body needs a Content-Length.")
    if len(request.body) != int(request.headers.get("Content-Length") or 0):
        raise Problem(400, "The body ended before its Content-Length.")
    if not request.body:
        return default
    if request.content_type != "application/json":
        raise Problem(415, "The body must be JSON, with Content-Type: application/json.")
    return parse_json(request.body)
