"""When to send a request again, and how long to wait before."""

import math
import random
import time

import httpx

TRANSIENT = {429, 500, 502, 503, 504}
NOT_APPLIED = {429, 503}  # transient, and the request surely had no effect
MAX_PAUSE_SECONDS = 5.0


class RetryBudget:
    """The seconds that are left for retries, and the pause before the next one."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.pause = 0.2
        self.restart()

    def restart(self) -> None:
        """Start the budget anew, because something has succeeded."""
        self.end = time.monotonic() + self.seconds
        self.factor = 1.0

    def lift(self) -> None:
        """Let retries go on without end."""
        self.seconds = math.inf
        self.restart()

    def wait(self, failure: Exception, retry_after: str | None = None) -> None:
        """Sleep before the next attempt. Raise `failure` if that would exceed the budget.

        `retry_after` is the header's value. A date in it is ignored.
        """
        pause = min(self.pause * self.factor, MAX_PAUSE_SECONDS) * random.uniform(0.8, 1.2)
        if retry_after and retry_after.isdecimal():
            pause = max(pause, float(retry_after) * random.uniform(1.0, 1.2))  # never earlier
        if time.monotonic() + pause > self.end:
            raise failure
        time.sleep(pause)
        self.factor *= 2


def is_transient(response: httpx.Response, statuses: set[int] = TRANSIENT) -> bool:
    """Return whether a failed request may succeed when it is sent again.

    A Pushpin that has just started answers 500 in plain text. A 500 of the service is a problem
    document, and would be the same again.
    """
    content_type = response.headers.get("Content-Type", "")
    from_service = content_type.startswith("application/problem+json")
    return response.status_code in statuses and not (response.status_code == 500 and from_service)
