"""Circuit breaker: fail fast while the store's server is unreachable."""

import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.metrics import Counter

OPEN_SECONDS = 0.5  # between two probes of a server that does not answer

OPENED = Counter(
    "leaderboard_breaker_opened", "Times that the circuit breaker opened, or a probe failed"
)
REFUSED = Counter("leaderboard_breaker_refused", "Calls that failed at once, with an open breaker")


class Unreachable(StoreUnavailable):
    """There is no connection to be had, or it broke before anything was done."""


class NoAnswer(OutcomeUnknown):
    """The connection broke, or no answer came in time. Other unknown outcomes are answers, which
    say that the server does not know either."""


class CircuitBreaker:
    """Opens when the server does not answer.

    While it is open, one query at a time probes the server, and all others fail at once: threads
    that waited for the server could answer no other request."""

    def __init__(self, server: str, answer_seconds: float) -> None:
        """Begin closed. `server` is its name in messages; `answer_seconds` is how long a probe may
        take."""
        self.server, self.answer_seconds = server, answer_seconds
        self.open_until = 0.0  # by time.monotonic(); 0 while closed
        self.local = threading.local()  # .guarded: whether this thread is inside a guard

    def check(self) -> None:
        """Raise StoreUnavailable while the breaker is open."""
        if time.monotonic() < self.open_until:
            REFUSED.count()
            raise StoreUnavailable(f"{self.server} did not answer just now")

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run the body's queries, and open or close by their outcome. Raises StoreUnavailable
        without running them while the breaker is open. A guard inside another one does nothing."""
        if getattr(self.local, "guarded", False):
            yield
            return
        self.check()
        if self.open_until:  # this thread probes the server, and others fail meanwhile
            self.open_until = time.monotonic() + self.answer_seconds
        self.local.guarded = True
        open_until = 0.0
        try:
            yield
        except (NoAnswer, Unreachable):
            open_until = time.monotonic() + OPEN_SECONDS
            OPENED.count()
            raise
        finally:
            self.local.guarded = False
            self.open_until = open_until


def peer_closed(descriptor: int) -> bool:
    """Return whether the other end has closed an idle connection. Between two queries there is
    nothing to read, unless it is the connection's end."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
