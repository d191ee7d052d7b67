"""Boards of the doctor's own, on which it changes what it likes."""

import itertools
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from leaderboardapp.models import Board, ObjectDoesNotExist, Player
from leaderboardapp.stores import get_store
from leaderboardapp.web.auth import create_token

PLAYER = "probe"
RUN_SECONDS = 600  # no run takes as long, so boards that are older are nobody's
MOST_LEFT = 100
PREFIX = "doctor-probe-"
ID = re.compile(rf"{PREFIX}([0-9a-f]{{8}})-[0-9a-f]{{8}}-[0-9]+")  # when it was made, by which run


def name_boards() -> Iterator[str]:
    """Yield ids of boards, without end, which no other run yields."""
    run = f"{PREFIX}{int(time.time()):08x}-{secrets.token_hex(4)}"
    for number in itertools.count():
        yield f"{run}-{number}"


@contextmanager
def probe_boards(ids: Sequence[str]) -> Iterator[str]:
    """Make boards with these ids, each with a player; yield a token that reads them. Deletes them
    at the end, and those that an interruption has left. Raises StoreUnavailable.

    They are public, for a moment, and the token is empty, if TOKEN_KEYS has no secret to sign
    with."""
    _delete(_list_left())
    try:
        token = create_token(["read"], ids, RUN_SECONDS)
    except StopIteration:
        token = ""
    try:
        for id in ids:
            board = Board(id=id, name="The doctor's", private=bool(token)).save()
            Player(board=board, id=PLAYER, name="Probe").save()
        yield token
    finally:
        _delete(ids)


def _list_left() -> list[str]:
    """Return boards of runs that ended before they could delete them. Raises StoreUnavailable."""
    ids = [row["id"] for row in get_store().list_boards(PREFIX, MOST_LEFT, private=True)]
    made = [(id, int(match[1], 16)) for id in ids if (match := ID.fullmatch(id))]
    return [id for id, at in made if abs(time.time() - at) > RUN_SECONDS]


def _delete(ids: Iterable[str]) -> None:
    for id in ids:
        with suppress(ObjectDoesNotExist):
            Board(id=id).delete()
