"""Count and time the requests, for Prometheus."""

import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from leaderboardapp.metrics import Counter, Histogram

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
NONE = "none"

REQUESTS = Counter("leaderboard_requests", "Requests", "method", "route", "status")
REQUEST_SECONDS = Histogram(
    "leaderboard_request_seconds",
    "From a request to its answer, or to the first byte of a download",
    *("method", "route"),
)


class MetricsMiddleware:
    """Count and time each request. In MIDDLEWARE with METRICS_WEB only."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        method, route = get_method(request), get_route(request)
        REQUESTS.count(method, route, str(response.status_code))
        REQUEST_SECONDS.observe(time.perf_counter() - began, method, route)
        return response


def get_method(request: HttpRequest) -> str:
    """Return the method; "other" for one that clients have made up, which could be any text."""
    return request.method if request.method in METHODS else "other"


def get_route(request: HttpRequest) -> str:
    """Return the path's pattern in the URL table; "none" for a path that leads nowhere, for static
    files, and for what was refused before the path was looked at."""
    return request.resolver_match.route or "/" if request.resolver_match else NONE
