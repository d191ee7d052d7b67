"""Bearer tokens (RFC 6750): what the sender of a request may do.

A token is a JWT, signed with a key of TOKEN_KEYS. Its claims:

- `scope`: "read", "write" or "read write". The scope write includes read.
- `boards`: a list of board ids; `eu-*` stands for all that begin with `eu-`. Without it the token is
  for all boards.
- `exp`: when the token expires.

Boards that are not private are read without a token.
"""

import logging
import time
from collections.abc import Collection
from typing import Any, NamedTuple

import jwt
from django.conf import settings
from django.http import HttpRequest

from leaderboardapp.domain.messages import clean
from leaderboardapp.web.caching import mark_private
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.proxy import is_websocket
from leaderboardapp.web.requests import read_parameter

logger = logging.getLogger(__name__)

MAX_REASON = 200  # characters, in a message
SCOPES = ("read", "write")
CLOCK_DIFFERENCE_SECONDS = 10  # between whoever signs tokens and us


class Grant(NamedTuple):
    """The rights that a token gives. Without a token there are none."""

    scopes: frozenset[str] = frozenset()
    boards: frozenset[str] | None = frozenset()  # ids, and beginnings with a "*"; None: all boards

    def allows(self, scope: str, board_id: str | None) -> bool:
        """Return whether the scope is granted on this board.

        `board_id` is None for a board that has no id yet, and for the list of all boards.
        """
        return scope in self.scopes and (
            self.boards is None or (board_id is not None and self._names(board_id))
        )

    def _names(self, board_id: str) -> bool:
        assert self.boards is not None
        beginnings = (f"{board_id[:length]}*" for length in range(len(board_id) + 1))
        return board_id in self.boards or not self.boards.isdisjoint(beginnings)


def create_token(scopes: Collection[str], boards: Collection[str] | None, seconds: int) -> str:
    """Return a token that is valid for so many seconds, for these board ids, or beginnings of
    ids with a `*`, or, with None, for all.

    It is signed with the first secret (HS256) of TOKEN_KEYS. Raises StopIteration if there is none.
    """
    secret = next(key for algorithm, key in settings.TOKEN_KEYS if algorithm == "HS256")
    claims: dict[str, Any] = {"scope": " ".join(scopes), "exp": int(time.time()) + seconds}
    if boards is not None:
        claims["boards"] = sorted(boards)
    return jwt.encode(claims, secret, algorithm="HS256")


def warn_of_anonymous_writes() -> None:
    """Warn if anybody may write, which is meant for development."""
    if settings.ALLOW_ANONYMOUS_WRITES and not settings.DEBUG:
        logger.warning("ALLOW_ANONYMOUS_WRITES=1: anybody who reaches this service may write")


def require_write(request: HttpRequest, board_id: str | None) -> None:
    """Raise Problem 401 or 403 unless the sender may write on the board.

    `board_id` is None for a board that has no id yet.
    """
    mark_private(request)
    if not settings.ALLOW_ANONYMOUS_WRITES:
        _require_scope(request, "write", board_id)


def require_read(request: HttpRequest, board_id: str, *, private: bool) -> None:
    """Raise Problem 401 or 403 if the board is private and the sender may not read it."""
    if private:
        mark_private(request)
        _require_scope(request, "read", board_id)


def has_scope(request: HttpRequest, scope: str, board_id: str | None) -> bool:
    """Return whether the request's token has this scope on the board.

    With `board_id` None the token must be for all boards. Raises Problem 401 if the token is not
    valid.
    """
    is_granted = _read_grant(request).allows(scope, board_id)
    if is_granted:
        mark_private(request)
    return is_granted


def read_token(request: HttpRequest) -> str:
    """Return the request's token, unverified; an empty text if there is none.

    A request that reads may have it in the URL: in a browser, neither an EventSource nor a
    WebSocket can send an Authorization header.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    reads = request.method in ("GET", "HEAD") or is_websocket(request)
    return read_parameter(request, "token") if reads else ""


def _require_scope(request: HttpRequest, scope: str, board_id: str | None) -> None:
    if not read_token(request):
        detail = f"This needs a token with the scope {scope}, as Authorization: Bearer ..."
        raise Problem(ProblemKind.TOKEN_REQUIRED, detail, {"WWW-Authenticate": "Bearer"})
    if not _read_grant(request).allows(scope, board_id):
        challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
        detail = f"The token does not allow {scope} here."
        raise Problem(ProblemKind.INSUFFICIENT_SCOPE, detail, {"WWW-Authenticate": challenge})


def _read_grant(request: HttpRequest) -> Grant:
    """Return the rights that the request's token gives.

    Raises Problem 401 if the token is not valid.
    """
    token = read_token(request)
    if not token:
        return Grant()
    for algorithm, key in settings.TOKEN_KEYS:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                options={"require": ["exp", "scope"]},
                leeway=CLOCK_DIFFERENCE_SECONDS,
            )
            return _parse_claims(claims)
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
            continue  # another key may have signed it
        except (jwt.InvalidTokenError, TypeError) as error:
            raise _invalid_token(str(error)) from error
    raise _invalid_token("it is not signed with a key that is known here")


def _parse_claims(claims: dict[str, Any]) -> Grant:
    """Return the rights that these claims give.

    Raises TypeError for a claim of the wrong type.
    """
    scopes, boards = claims["scope"], claims.get("boards")
    if not isinstance(scopes, str):
        raise TypeError("scope must be a string")
    if boards is not None and not isinstance(boards, list):
        raise TypeError("boards must be a list")
    granted = frozenset(scopes.split())
    if "write" in granted:
        granted |= {"read"}
    return Grant(granted, None if boards is None else frozenset(map(str, boards)))


def _invalid_token(reason: str) -> Problem:
    header = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return Problem(
        ProblemKind.INVALID_TOKEN, f"The token is not valid: {clean(reason, MAX_REASON)}.", header
    )
