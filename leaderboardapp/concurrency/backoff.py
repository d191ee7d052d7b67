"""How long to wait after failures."""

import random

LEAST, MOST = 0.1, 5.0  # seconds


def backoff(failures: int) -> float:
    """Seconds, doubling from least to most, jittered so that several processes spread out."""
    delay: float = min(MOST, LEAST * 2.0 ** min(failures, 10))
    return delay * random.uniform(0.5, 1)
