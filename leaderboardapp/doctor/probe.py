"""Boards of the doctor's own, on which it changes what it likes."""

import itertools
import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from leaderboardapp.models import Board, ObjectDoesNotExist, Player
from leaderboardapp.stores import get_store
from leaderboardapp.web.auth import create_token

PLAYER = "probe"
TOKEN_SECONDS = 60
MOST_LEFT = 100


def name_boards() -> Iterator[str]:
    """Yield ids of boards, without end: the same ones each time on this machine."""
    for number in itertools.count():
        yield f"{_prefix()}{number}"


@contextmanager
def probe_boards(ids: Sequence[str]) -> Iterator[str]:
    """Make boards with these ids, each with a player; yield a token that reads them. Deletes them
    at the end, and those that an interruption has left. Raises StoreUnavailable.

    They are public, for a moment, and the token is empty, if TOKEN_KEYS has no secret to sign
    with."""
    delete_left()
    try:
        token = create_token(["read"], ids, TOKEN_SECONDS)
    except StopIteration:
        token = ""
    try:
        for id in ids:
            board = Board(id=id, name="The doctor's", private=bool(token)).save()
            Player(board=board, id=PLAYER, name="Probe").save()
        yield token
    finally:
        delete_left()


def delete_left() -> None:
    """Delete all boards of the doctor on this machine. Raises StoreUnavailable."""
    for row in get_store().list_boards(_prefix(), MOST_LEFT, private=True):
        if row["id"].startswith(_prefix()):
            with suppress(ObjectDoesNotExist):
                Board(id=row["id"]).delete()


def _prefix() -> str:
    return f"doctor-{uuid.uuid5(uuid.NAMESPACE_DNS, socket.gethostname()).hex[:12]}-"
