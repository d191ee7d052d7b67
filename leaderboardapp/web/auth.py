"""Who may do what: bearer tokens (RFC 6750) that are JWTs, signed with a key of TOKEN_KEYS.

A token says `scope` ("read", "write" or "read write"; who may write may read), perhaps `boards` (a
list of ids; without it, all), and `exp`. Everybody may read boards that are not private.
"""

import time
from collections.abc import Collection
from typing import Any, NamedTuple

import jwt
from django.conf import settings
from django.http import HttpRequest

from leaderboardapp.web.problems import Problem
from leaderboardapp.web.proxy import is_websocket

SCOPES = ("read", "write")


class Grant(NamedTuple):
    """What the sender of a request may do beyond reading what is public."""

    scopes: frozenset[str] = frozenset()
    boards: frozenset[str] | None = frozenset()  # None: all of them

    def allows(self, scope: str, board: str | None) -> bool:
        """`board` None: one that has no id yet."""
        return scope in self.scopes and (self.boards is None or board in self.boards)


def create_token(scopes: Collection[str], boards: Collection[str] | None, seconds: int) -> str:
    """Signed with the first secret (HS256) of TOKEN_KEYS; StopIteration if there is none."""
    secret = next(key for algorithm, key in settings.TOKEN_KEYS if algorithm == "HS256")
    claims: dict[str, Any] = {"scope": " ".join(scopes), "exp": int(time.time()) + seconds}
    if boards is not None:
        claims["boards"] = sorted(boards)
    return jwt.encode(claims, secret, algorithm="HS256")


def check_write(request: HttpRequest, board: str | None) -> None:
    """Raises Problem 401 or 403."""
    if not settings.ALLOW_ANONYMOUS_WRITES:
        _check(request, "write", board)


def check_read(request: HttpRequest, board: str, private: bool) -> None:
    """Raises Problem 401 or 403."""
    if private:
        _check(request, "read", board)


def has_scope(request: HttpRequest, scope: str, board: str | None) -> bool:
    """Whether a token with that came with it; `board` None: for all boards. Raises Problem 401 for
    one that is not valid."""
    return _grant(request).allows(scope, board)


def _check(request: HttpRequest, scope: str, board: str | None) -> None:
    if not _token(request):
        detail = f"This needs a token with the scope {scope}, as Authorization: Bearer ..."
        raise Problem(401, detail, {"WWW-Authenticate": "Bearer"})
    if not _grant(request).allows(scope, board):
        limited = f'Bearer error="insufficient_scope", scope="{scope}"'
        detail = f"The token does not allow {scope} here."
        raise Problem(403, detail, {"WWW-Authenticate": limited})


def _grant(request: HttpRequest) -> Grant:
    """Nothing without a token. Raises Problem 401 for one that is not valid."""
    token = _token(request)
    if not token:
        return Grant()
    for algorithm, key in settings.TOKEN_KEYS:
        try:
            claims = jwt.decode(
                token, key, algorithms=[algorithm], options={"require": ["exp", "scope"]}
            )
            return _read_claims(claims)
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
            continue  # another key may be its
        except (jwt.InvalidTokenError, TypeError) as error:
            raise _invalid(str(error)) from error
    raise _invalid("it is not signed with a key that is known here")


def _read_claims(claims: dict[str, Any]) -> Grant:
    """Raises TypeError for claims of another form."""
    scopes, boards = claims["scope"], claims.get("boards")
    if not isinstance(scopes, str):
        raise TypeError("scope must be a string")
    if boards is not None and not isinstance(boards, list):
        raise TypeError("boards must be a list")
    granted = frozenset(scopes.split())
    if "write" in granted:
        granted |= {"read"}
    return Grant(granted, None if boards is None else frozenset(map(str, boards)))


def _token(request: HttpRequest) -> str:
    """From the header, or, for a read, from the URL: in browsers, neither an EventSource nor a
    WebSocket sends headers of one's own."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    reads = request.method in ("GET", "HEAD") or is_websocket(request)
    return request.GET.get("token", "") if reads else ""


def _invalid(why: str) -> Problem:
    header = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return Problem(401, f"The token is not valid: {why}.", header)
