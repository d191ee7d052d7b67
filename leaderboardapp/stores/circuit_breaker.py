"""The knowledge that a store's server is away."""

import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable

AWAY_SECONDS = 0.5  # between two questions whether the server is back


class Unreachable(StoreUnavailable):
    """There is no connection to be had, or it broke before anything was done."""


class Away:
    """While the server does not answer, one question at a time finds out whether it is back, and
    all others fail at once: threads that wait for it could answer nobody else."""

    def __init__(self, server: str, answer_seconds: float) -> None:
        self.server, self.answer_seconds = server, answer_seconds
        self.until = 0.0  # by time.monotonic(); 0 if it is there
        self.local = threading.local()  # asks: whether the thread is asking

    def check(self) -> None:
        """Raises StoreUnavailable while the server is known to be away."""
        if time.monotonic() < self.until:
            raise StoreUnavailable(f"{self.server} did not answer just now")

    @contextmanager
    def asking(self) -> Iterator[None]:
        """What a question consists of may be questions, too."""
        if getattr(self.local, "asks", False):
            yield
            return
        self.check()
        if self.until:
            self.until = time.monotonic() + self.answer_seconds
        self.local.asks = True
        until = 0.0
        try:
            yield
        except (OutcomeUnknown, Unreachable):
            until = time.monotonic() + AWAY_SECONDS
            raise
        finally:
            self.local.asks = False
            self.until = until


def has_ended(descriptor: int) -> bool:
    """Between questions a connection is silent; if there is something to read, that is the end."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
