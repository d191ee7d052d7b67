"""Failures of requests."""

import httpx


class LeaderboardError(Exception):
    """A request failed for good: the service refused it, or the retry budget is used up.

    `status` is that of the last answer, or 0 if there was none. The message says why. `type` is the
    kind of problem, such as "/docs/problems/#board-not-found", and does not change between
    releases. It is "about:blank" if only the status is known.
    """

    def __init__(self, status: int, detail: str, type: str = "about:blank") -> None:
        super().__init__(detail)
        self.status, self.type = status, type


class StreamRefusedError(Exception):
    """The service answered a stream's request with another status than 200."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response


def connection_error(error: httpx.TransportError) -> LeaderboardError:
    return LeaderboardError(0, str(error) or type(error).__name__)


def status_error(response: httpx.Response) -> LeaderboardError:
    """Return the error for a failed request, with the problem's detail and type if there are."""
    try:
        problem = response.json()
        detail, type = str(problem["detail"]), str(problem.get("type", "about:blank"))
    except (ValueError, KeyError, TypeError):
        detail, type = response.text[:200] or response.reason_phrase, "about:blank"
    return LeaderboardError(response.status_code, detail, type)
