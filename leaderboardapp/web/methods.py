"""Dispatch a request by its method."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from leaderboardapp.web import auth, cross_site, preconditions, proxy, rate_limit
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.rate_limit import View


def by_method(**views: View) -> View:
    """Return the view of one URL, which calls the function for the request's method.

    It raises Problem 405, with Allow, for other methods. A write is refused if a page of another
    site sent it. A write on a board is allowed by the sender's token, and counted against the rate
    limit, before the function is called. Preconditions are held to the ETag that there is.
    """
    allowed = [*views, "HEAD"] if "GET" in views else [*views]

    def view(request: HttpRequest, **ids: Any) -> HttpResponse:
        # A client opens a WebSocket with a GET, which the proxy passes on as a POST of its own.
        reads = request.method == "HEAD" or proxy.is_websocket(request)
        method = "GET" if reads else str(request.method)
        if method not in views:
            allow = ", ".join(allowed)
            raise Problem(405, f"Accepted here: {allow}.", {"Allow": allow})
        if method == "GET":
            return preconditions.apply(request, views[method](request, **ids))
        cross_site.require_same_origin(request)
        if "board_id" in ids:
            auth.require_write(request, ids["board_id"])
            if not rate_limit.is_counted_by_view(views[method]):
                rate_limit.count_writes(request)
        if not preconditions.is_required_by_view(views[method]):
            preconditions.require(request, tags=[], exists="GET" in views)
        return views[method](request, **ids)

    return view
