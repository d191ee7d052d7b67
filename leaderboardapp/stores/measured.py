"""Time the calls of a store, and count its failures."""

import functools
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.metrics import Counter, Histogram
from leaderboardapp.stores.base import Store

S = TypeVar("S", bound=Store)

CALL_SECONDS = Histogram(
    "leaderboard_store_call_seconds", "Calls of the store, failed ones included", "call"
)
FAILURES = Counter(
    "leaderboard_store_failures", "Calls of the store that failed, by what was done", "call", "done"
)
# They ask no server.
UNMEASURED = {"check", "close"}

_thread = threading.local()  # .is_calling: whether this thread is inside a call


def measure(kind: type[S]) -> type[S]:
    """Return the store's class with its calls measured. Calls inside another one are part of it."""
    names = Store.__abstractmethods__ - UNMEASURED | {Store.read_change_numbers.__name__}
    for name, done in itertools.product(names, ("no", "unknown")):
        FAILURES.count(name, done, by=0)
    return type(kind.__name__, (kind,), {name: _measure(getattr(kind, name)) for name in names})


def _measure(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        if getattr(_thread, "is_calling", False):
            return method(*args, **kwargs)
        _thread.is_calling = True
        began = time.perf_counter()
        try:
            return method(*args, **kwargs)
        except StoreUnavailable as error:
            done = "unknown" if isinstance(error, OutcomeUnknown) else "no"
            FAILURES.count(method.__name__, done)
            raise
        finally:
            _thread.is_calling = False
            CALL_SECONDS.observe(time.perf_counter() - began, method.__name__)

    return call
