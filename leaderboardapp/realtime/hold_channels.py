"""The GRIP channels of holds, by which the listener learns of each viewer who joins (ADR 43).

A viewer's first snapshot is read before the proxy holds the viewer. So a change in between would be
missed. A stream and a WebSocket are therefore held on one more GRIP channel, which is theirs alone
and names the snapshot that they have. The proxy tells the listener of it, and the listener sends
what is newer.
"""

import secrets
from typing import NamedTuple

from leaderboardapp.realtime.formats import PLAYER_PUBLIC, PRIVATE, PUBLIC
from leaderboardapp.snapshots import Snapshot

# What differs comes last: ZeroMQ has an entry for each letter with which two names do not begin.
_HOLD = "hold.{viewed}.{fingerprint}.{nonce}"
_PREFIX = "hold."
NO_BOARD = "deleted"  # in place of a fingerprint, of a board that is gone or has never been


class Hold(NamedTuple):
    """Viewers who have begun to be held: one, or those of a GRIP channel of a board or player."""

    channel: str
    board: str  # the id
    private: bool  # the board's visibility when they were held
    fingerprint: str | None  # of the snapshot that the viewer has, or NO_BOARD; None: for several
    player: str | None = None  # whose own rank they are shown; None: they are shown the board

    @property
    def has(self) -> str:
        """Return `published_fingerprint` of the snapshot that the viewer has."""
        return _published(self.fingerprint, self.private)


def published_fingerprint(snapshot: Snapshot | None) -> str:
    """Return a text that identifies what the proxies are sent; None is a deleted board.

    It differs from the snapshot's fingerprint, because a board that becomes private has an equal
    snapshot, but is published to other viewers."""
    return _published(snapshot.fingerprint, snapshot.private) if snapshot else NO_BOARD


def visibility(snapshot: Snapshot | None) -> bool | None:
    """Return whether the board is private; None if it was deleted."""
    return snapshot.private if snapshot else None


def hold_channel(viewed: str, fingerprint: str) -> str:
    """Return a new GRIP channel for one viewer of a GRIP channel of a board or player."""
    return _HOLD.format(nonce=secrets.token_hex(8), fingerprint=fingerprint, viewed=viewed)


def parse_hold(channel: str) -> Hold | None:
    """Return whom the proxy holds on a GRIP channel; None if it is none of a board or player."""
    viewed, fingerprint = channel, None
    if channel.startswith(_PREFIX):
        named, _, _ = channel.removeprefix(_PREFIX).rpartition(".")
        viewed, _, fingerprint = named.rpartition(".")
    for form in (PUBLIC, PLAYER_PUBLIC):
        before, _, _ = form.partition("{}")
        if viewed.startswith(before):
            return _parse_ids(channel, viewed.removeprefix(before), fingerprint)
    return None


def _published(fingerprint: str | None, private: bool) -> str:
    return f"private {fingerprint}" if private else str(fingerprint)


def _parse_ids(channel: str, ids: str, fingerprint: str | None) -> Hold:
    """Return whom the proxy holds, by the GRIP channel without its beginning."""
    after = PRIVATE.format("").removeprefix(PUBLIC.format(""))
    board, _, player = ids.removesuffix(after).partition(".")
    return Hold(channel, board, ids.endswith(after), fingerprint, player or None)
