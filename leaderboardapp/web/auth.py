"""Bearer tokens (RFC 6750): what the sender of a request may do.

A token is a JWT, signed with a key of TOKEN_KEYS. Its claims:

- `scope`: one or more of SCOPES, with spaces in between. Others say nothing here.
- `player`: the id of the player that a token with the scope play is for.
- `boards`: a list of board ids; `eu-*` stands for all that begin with `eu-`. Without it the token
  is for all boards.
- `exp`: when the token expires.

Boards that are not private are read without a token. rights.py says what each write needs.
"""

import logging
import time
from collections.abc import Collection
from typing import Any, NamedTuple

import jwt
from django.conf import settings
from django.http import HttpRequest

from leaderboardapp.domain.board_ids import owner_of
from leaderboardapp.domain.fields import id_field
from leaderboardapp.domain.messages import clean
from leaderboardapp.web.caching import mark_private
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.proxy import is_websocket
from leaderboardapp.web.requests import read_parameter
from leaderboardapp.web.tickets import CLOCK_DIFFERENCE_SECONDS, use_ticket

logger = logging.getLogger(__name__)

MAX_REASON = 200  # characters, in a message
# Each scope with those that it includes. None includes play: that is for one player.
SCOPES = {
    "read": ("read",),
    "play": ("play", "read"),
    "write": ("write", "read"),
    "admin": ("admin", "write", "read"),
}


class Grant(NamedTuple):
    """The rights that a token gives. Without a token there are none."""

    scopes: frozenset[str] = frozenset()
    boards: frozenset[str] | None = frozenset()  # ids, and beginnings with a "*"; None: all boards
    player: str | None = None  # for whom the scope play is; None without that scope
    exp: int = 0  # when the token expires, in seconds since 1970
    is_used_up: bool = False  # whether it was a ticket's, which gives it once

    def allows(self, scope: str, board_id: str | None) -> bool:
        """Return whether the scope is granted on this board.

        `board_id` is None for a board that has no id yet, and for the list of all boards.
        """
        return scope in self.scopes and self._is_for(board_id)

    def get_lack(self, scope: str, board_id: str | None) -> str:
        """Return, for a message, what the token lacks that does not allow the scope here."""
        if scope not in self.scopes:
            return "lacks that scope"
        return "is not for all boards" if board_id is None else "is not for this board"

    def _is_for(self, board_id: str | None) -> bool:
        if self.boards is None or board_id is None:
            return self.boards is None
        board_id = owner_of(board_id)  # whose windows a token for the board is for, too
        beginnings = (f"{board_id[:length]}*" for length in range(len(board_id) + 1))
        return board_id in self.boards or not self.boards.isdisjoint(beginnings)


def create_token(
    scopes: Collection[str],
    boards: Collection[str] | None,
    seconds: int,
    player: str | None = None,
) -> str:
    """Return a token that is valid for so many seconds, for these board ids, or beginnings of
    ids with a `*`, or, with None, for all. The scope play needs a player's id.

    It is signed with the first secret (HS256) of TOKEN_KEYS. Raises StopIteration if there is none.
    """
    secret = next(key for algorithm, key in settings.TOKEN_KEYS if algorithm == "HS256")
    claims: dict[str, Any] = {"scope": " ".join(scopes), "exp": int(time.time()) + seconds}
    if boards is not None:
        claims["boards"] = sorted(boards)
    if player is not None:
        claims["player"] = player
    return jwt.encode(claims, secret, algorithm="HS256")


def warn_of_anonymous_writes() -> None:
    """Warn if anybody may write, which is meant for development."""
    if settings.ALLOW_ANONYMOUS_WRITES and not settings.DEBUG:
        logger.warning("ALLOW_ANONYMOUS_WRITES=1: anybody who reaches this service may write")


def require_scope(request: HttpRequest, scope: str, board_id: str | None) -> None:
    """Raise Problem 401 or 403 unless the sender has the scope on the board, which is one that
    writes, or anybody may write.

    `board_id` is None for a board that has no id yet.
    """
    mark_private(request)
    if not settings.ALLOW_ANONYMOUS_WRITES:
        _require_scope(request, scope, board_id)


def get_own_player(request: HttpRequest, board_id: str) -> str | None:
    """Return the id of the only player as whom the sender writes on the board.

    None if the sender may write for all players, or for none. Raises Problem 401.
    """
    if settings.ALLOW_ANONYMOUS_WRITES:
        return None
    grant = read_grant(request)
    is_own = grant.allows("play", board_id) and not grant.allows("write", board_id)
    return grant.player if is_own else None


def require_read(request: HttpRequest, board_id: str, *, private: bool) -> None:
    """Raise Problem 401 or 403 if the board is private and the sender may not read it.

    The sender has a token, or a ticket, which this uses up."""
    if not private:
        return
    mark_private(request)
    board_id = owner_of(board_id)
    ticket = _read_from_url(request, "ticket")
    if not ticket or read_token(request):
        _require_scope(request, "read", board_id)
    else:
        reads = frozenset({"read"})
        exp = use_ticket(ticket, board_id)
        grant = Grant(reads, frozenset({board_id}), exp=exp, is_used_up=True)
        request.grant = grant  # type: ignore[attr-defined]


def require_token(request: HttpRequest, scope: str, board_id: str | None) -> None:
    """Raise Problem 401 or 403 unless the sender has a token with the scope on the board, also if
    anybody may write, or the board is public."""
    mark_private(request)
    _require_scope(request, scope, board_id)


def has_scope(request: HttpRequest, scope: str, board_id: str | None) -> bool:
    """Return whether the request's token has this scope on the board.

    With `board_id` None the token must be for all boards. Raises Problem 401 if the token is not
    valid.
    """
    is_granted = read_grant(request).allows(scope, board_id)
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
    return _read_from_url(request, "token")


def _read_from_url(request: HttpRequest, name: str) -> str:
    """Return a parameter of the query if the request reads, else an empty text."""
    reads = request.method in ("GET", "HEAD") or is_websocket(request)
    return read_parameter(request, name) if reads else ""


def _require_scope(request: HttpRequest, scope: str, board_id: str | None) -> None:
    if not read_token(request):
        detail = f"This needs a token with the scope {scope}, as Authorization: Bearer ..."
        raise Problem(ProblemKind.TOKEN_REQUIRED, detail, {"WWW-Authenticate": "Bearer"})
    grant = read_grant(request)
    if not grant.allows(scope, board_id):
        challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
        detail = f"The token does not allow {scope} here: it {grant.get_lack(scope, board_id)}."
        raise Problem(ProblemKind.INSUFFICIENT_SCOPE, detail, {"WWW-Authenticate": challenge})


def read_grant(request: HttpRequest) -> Grant:
    """Return the rights that the request's token gives, which is verified once.

    Raises Problem 401 if the token is not valid.
    """
    grant: Grant | None = getattr(request, "grant", None)
    if grant is None:
        token = read_token(request)
        grant = _verify(token) if token else Grant()
        request.grant = grant  # type: ignore[attr-defined]
    return grant


def _verify(token: str) -> Grant:
    """Return the rights that the token gives. Raises Problem 401 if it is not valid."""
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
    is_list = isinstance(boards, list) and all(isinstance(board, str) for board in boards)
    if boards is not None and not is_list:
        raise TypeError("boards must be a list of strings")
    granted = frozenset(name for scope in scopes.split() for name in SCOPES.get(scope, ()))
    player = _parse_player(claims) if "play" in granted else None
    named = None if boards is None else frozenset(boards)
    return Grant(granted, named, player, int(claims["exp"]))


def _parse_player(claims: dict[str, Any]) -> str:
    """Return the player that a token with the scope play is for. Raises TypeError."""
    if "player" not in claims:
        raise TypeError("with the scope play it must have the claim player, an id")
    try:
        return id_field(claims["player"])
    except ValueError as error:
        raise TypeError(f"player must be {error}") from error


def _invalid_token(reason: str) -> Problem:
    header = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    detail = f"The token is not valid: {clean(reason.rstrip('.'), MAX_REASON)}."
    return Problem(ProblemKind.INVALID_TOKEN, detail, header)
