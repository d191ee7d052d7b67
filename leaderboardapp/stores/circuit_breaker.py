"""The knowledge that a store's server is away."""

import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable

OPEN_SECONDS = 0.5  # between two questions whether the server is back


class Unreachable(StoreUnavailable):
    """There is no connection to be had, or it broke before anything was done."""


class CircuitBreaker:
    """While the server does not answer, one question at a time finds out whether it is back, and
    all others fail at once: threads that wait for it could answer nobody else."""

    def __init__(self, server: str, answer_seconds: float) -> None:
        self.server, self.answer_seconds = server, answer_seconds
        self.open_until = 0.0  # by time.monotonic(); 0 if it is there
        self.local = threading.local()  # asks: whether the thread is asking

    def check(self) -> None:
        """Raises StoreUnavailable while the server is known to be away."""
        if time.monotonic() < self.open_until:
            raise StoreUnavailable(f"{self.server} did not answer just now")

    @contextmanager
    def guard(self) -> Iterator[None]:
        """What a question consists of may be questions, too."""
        if getattr(self.local, "asks", False):
            yield
            return
        self.check()
        if self.open_until:
            self.open_until = time.monotonic() + self.answer_seconds
        self.local.asks = True
        open_until = 0.0
        try:
            yield
        except (OutcomeUnknown, Unreachable):
            open_until = time.monotonic() + OPEN_SECONDS
            raise
        finally:
            self.local.asks = False
            self.open_until = open_until


def peer_closed(descriptor: int) -> bool:
    """Between questions a connection is silent; if there is something to read, that is the end."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
