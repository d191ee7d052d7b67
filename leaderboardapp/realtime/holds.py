"""The GRIP channels of holds, by which the listener learns of each viewer who joins (ADR 43).

A viewer's first snapshot is read before the proxy holds the viewer. So a change in between would be
missed. A stream and a WebSocket are therefore held on one more GRIP channel, which is theirs alone
and names the snapshot that they have. The proxy tells the listener of it, and the listener sends
what is newer.
"""

import secrets
from typing import NamedTuple

from leaderboardapp.realtime.formats import PRIVATE, PUBLIC

# What differs comes last: ZeroMQ has an entry for each letter with which two names do not begin.
_HOLD = "hold.{board_channel}.{fingerprint}.{nonce}"
_PREFIX = "hold."
NO_BOARD = "deleted"  # in place of a fingerprint, of a board that is gone or has never been


class Hold(NamedTuple):
    """Viewers who have begun to be held: one, or those of a board's GRIP channel."""

    channel: str
    board: str  # the id
    private: bool  # the board's visibility when they were held
    fingerprint: str | None  # of the snapshot that the viewer has, or NO_BOARD; None: for several


def hold_channel(board_channel: str, fingerprint: str) -> str:
    """Return a new GRIP channel for one viewer of a board's GRIP channel."""
    return _HOLD.format(
        nonce=secrets.token_hex(8), fingerprint=fingerprint, board_channel=board_channel
    )


def parse_hold(channel: str) -> Hold | None:
    """Return whom the proxy holds on a GRIP channel of a board, None if it is none of a board."""
    board_channel, fingerprint = channel, None
    if channel.startswith(_PREFIX):
        board_channel, fingerprint, _ = channel.removeprefix(_PREFIX).rsplit(".", 2)
    board, private = parse_board_channel(board_channel)
    return None if board is None else Hold(channel, board, private, fingerprint)


def parse_board_channel(channel: str) -> tuple[str | None, bool]:
    """Return the board's id, None if it is no GRIP channel of a board, and whether that is the one
    of a private board."""
    before = PUBLIC.format("")
    if not channel.startswith(before):
        return None, False
    after = PRIVATE.format("").removeprefix(before)
    return channel.removeprefix(before).removesuffix(after), channel.endswith(after)
