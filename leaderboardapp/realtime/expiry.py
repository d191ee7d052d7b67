"""When streams and WebSockets of private boards end: soon after the token has expired that opened
them.

The proxy holds them, and knows nothing of tokens. So each is held on a second GRIP channel, for the
time of day at which it ends, and the listener publishes the end to each of these in its turn
(ADR 36).
"""

import random
import time
from collections.abc import Iterator

from leaderboardapp.web.tickets import CLOCK_DIFFERENCE_SECONDS

DAY_SECONDS = 86_400
STEP_SECONDS = 5  # of time, which share a GRIP channel
STEPS = DAY_SECONDS // STEP_SECONDS
# Of streams that were opened with one token, which would otherwise come back together.
JITTER_SECONDS = 20
# How far back the listener publishes ends that may have been missed, such as while it was away.
MAX_LATE_SECONDS = 3_600
# No stream is held longer. So the channel of a time that is past has none that is to end tomorrow.
MAX_HOLD_SECONDS = DAY_SECONDS - MAX_LATE_SECONDS - 2 * JITTER_SECONDS


def choose_end(token_exp: int) -> float:
    """Return when to end what is opened now with a token that expires at `token_exp`.

    Both are in seconds since 1970. The token is refused by then, so that nobody comes back with
    it."""
    now = time.time()
    refused_at = max(now, token_exp + CLOCK_DIFFERENCE_SECONDS)
    return min(refused_at, now + MAX_HOLD_SECONDS) + random.uniform(0, JITTER_SECONDS)


def end_channel(end: float) -> str:
    """Return the GRIP channel of what ends at this time, on whichever day."""
    return _channel(int(end // STEP_SECONDS))


def list_end_channels(after: float, until: float) -> Iterator[str]:
    """Return the GRIP channels whose time was over after the first of these times, and is by the
    second, the oldest first. Of times that are long past, the newest MAX_LATE_SECONDS count."""
    after = max(after, until - MAX_LATE_SECONDS)
    return map(_channel, range(int(after // STEP_SECONDS), int(until // STEP_SECONDS)))


def _channel(step: int) -> str:
    return f"expires-{step % STEPS}"
