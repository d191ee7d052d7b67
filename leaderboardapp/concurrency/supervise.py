"""The one retry loop: keep a thread's work going through every failure."""

import logging
import time
from collections.abc import Callable

from leaderboardapp.concurrency.backoff import backoff

logger = logging.getLogger(__name__)

REPEAT_SECONDS = 60.0  # how often the same failure is logged while it goes on
CALM_SECONDS = 30.0  # work that went on for so long before it failed was healthy


def supervise(
    name: str,
    work: Callable[[], float | None],
    wait: Callable[[float], bool],
    expected: tuple[type[Exception], ...] = (),
    on_failure: Callable[[Exception], None] = lambda error: None,
    retry_on: type[Exception] | tuple[type[Exception], ...] = Exception,
    most_pause: float = float("inf"),
) -> None:
    """Call `work` until it returns None, or `wait` says to stop.

    `work` returns the seconds to rest before its next call. `wait` rests so many seconds, and
    returns True, at once, when the loop is to end: `threading.Event.wait` is such a function.

    When `work` raises, `on_failure` is told, and the next call comes after a backoff. Failures in
    a row wait longer and longer, but no longer than `most_pause` seconds, until `work` returns or
    has gone on for CALM_SECONDS. The `expected` failures are logged in a line, the same one each
    REPEAT_SECONDS while they are in a row; any other is logged with its traceback. A failure that
    is none of `retry_on` is raised."""
    failures = 0
    logged, logged_at = "", 0.0
    pause: float | None = 0.0
    while pause is not None and not wait(pause):
        began = time.monotonic()
        try:
            pause, failures = work(), 0
        except retry_on as error:
            if time.monotonic() - began >= CALM_SECONDS:
                failures = 0
            pause, failures = min(most_pause, backoff(failures)), failures + 1
            on_failure(error)
            reason, unexpected = str(error) or type(error).__name__, not isinstance(error, expected)
            is_new = failures == 1 or reason != logged
            if unexpected or is_new or time.monotonic() - logged_at >= REPEAT_SECONDS:
                logged, logged_at = reason, time.monotonic()
                log = "%s: %s; trying again in %.1f s"
                logger.error(log, name, reason, pause, exc_info=unexpected)
