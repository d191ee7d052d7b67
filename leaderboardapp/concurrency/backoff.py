"""Backoff: how long to wait after failures in a row."""

import random

LEAST, MOST = 0.1, 5.0  # seconds


def backoff(failures: int) -> float:
    """Return how many seconds to wait: doubled with each failure, from LEAST to MOST. Jitter, down
    to half of it, spreads out processes that fail at the same moment."""
    delay: float = min(MOST, LEAST * 2.0 ** min(failures, 10))
    return delay * random.uniform(0.5, 1)
