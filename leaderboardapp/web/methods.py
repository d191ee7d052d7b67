"""Dispatch a request by its method."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from leaderboardapp.web import auth, proxy, rate_limit
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.rate_limit import View


def by_method(**views: View) -> View:
    """One URL's view: the function for the request's method, or 405 with Allow."""
    allowed = [*views, "HEAD"] if "GET" in views else [*views]

    def view(request: HttpRequest, **ids: Any) -> HttpResponse:
        # A WebSocket is opened by a GET, and told of by the proxy's POST.
        reads = request.method == "HEAD" or proxy.is_websocket(request)
        method = "GET" if reads else str(request.method)
        if method not in views:
            allow = ", ".join(allowed)
            raise Problem(405, f"Accepted here: {allow}.", {"Allow": allow})
        if method != "GET" and "board_id" in ids:
            auth.check_write(request, ids["board_id"])
            if not rate_limit.is_counted_by_view(views[method]):
                rate_limit.count_writes(request)
        return views[method](request, **ids)

    return view
