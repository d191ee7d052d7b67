"""Tickets: each opens one stream or WebSocket of a private board, in place of a token in the URL.

A ticket is a JWT, signed with a key that is made of SECRET_KEY, so no token is a ticket and no
ticket a token. Nothing is stored when one is made. The store remembers the id of each that was
used, for so long that the ticket has surely expired (ADR 36).
"""

import hashlib
import secrets
import time
from functools import lru_cache
from typing import NamedTuple

import jwt
from django.conf import settings

from leaderboardapp.stores import get_store
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem

TICKET_SECONDS = 60
# How long the store remembers a ticket that was used. Clocks may differ by minutes before one is
# forgotten that is still valid.
KEPT_SECONDS = 600
# Between the clocks of whoever signs tokens, of machines that make tickets, and of this one.
CLOCK_DIFFERENCE_SECONDS = 10
FAR_FUTURE = 2**53 - 1  # seconds; a token may name an end of a thousand digits
ALGORITHM = "HS256"


class Ticket(NamedTuple):
    """A ticket, and for how many seconds it is valid."""

    text: str
    seconds: int


def create_ticket(board_id: str, token_exp: int) -> Ticket:
    """Return a ticket for the board, made from a token that expires at `token_exp`, in seconds
    since 1970. The ticket does not outlast the token."""
    now = int(time.time())
    seconds = max(0, min(TICKET_SECONDS, token_exp - now))
    claims = {
        "iat": now,
        "exp": now + seconds,
        "jti": secrets.token_urlsafe(16),
        "board": board_id,
        "token_exp": min(token_exp, FAR_FUTURE),
    }
    text = jwt.encode(claims, _get_key(settings.SECRET_KEY), algorithm=ALGORITHM)
    return Ticket(text, seconds)


def use_ticket(ticket: str, board_id: str) -> int:
    """Use the ticket, once, to read the board. Return when the token expires that it is made from.

    Raises Problem 401 unless the ticket is for this board, valid, and not used before. Raises
    StoreUnavailable, after which the ticket may have been used."""
    try:
        claims = jwt.decode(
            ticket,
            _get_key(settings.SECRET_KEY),
            algorithms=[ALGORITHM],
            leeway=CLOCK_DIFFERENCE_SECONDS,
        )
    except jwt.ExpiredSignatureError as error:
        raise _refuse("it has expired") from error
    except jwt.InvalidTokenError as error:
        raise _refuse("it was not made by this service") from error
    if claims["board"] != board_id:
        raise _refuse("it is for another board")
    if not get_store().use_ticket(claims["jti"]):
        raise _refuse("it was used before")
    return int(claims["token_exp"])


def _refuse(reason: str) -> Problem:
    header = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return Problem(ProblemKind.INVALID_TICKET, f"The ticket is not valid: {reason}.", header)


@lru_cache(maxsize=1)
def _get_key(secret_key: str) -> bytes:
    """Return the key of tickets, from which nobody learns SECRET_KEY."""
    return hashlib.sha256(b"tickets of streams " + secret_key.encode()).digest()
