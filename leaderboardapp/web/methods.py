"""Dispatch a request by its method."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from leaderboardapp.web import auth, proxy, rate_limit
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.rate_limit import View
from leaderboardapp.web.requests import check_query

# Query parameters of every read: neither an EventSource nor a WebSocket can send a header.
READ_PARAMETERS = ("token",)

_parameters: dict[View, tuple[str, ...] | None] = {}  # by view; None: it is called with any


def takes_query(*names: str) -> Callable[[View], View]:
    """Mark a view that reads these query parameters. All others are refused before it is called."""

    def mark(view: View) -> View:
        _parameters[view] = names
        return view

    return mark


def takes_any_query(view: View) -> View:
    """Mark a view that is called with any query.

    It is a page, to whose links other sites append parameters of theirs, or it calls `check_query`
    itself.
    """
    _parameters[view] = None
    return view


def by_method(**views: View) -> View:
    """Return the view of one URL, which calls the function for the request's method.

    It raises Problem 405, with Allow, for other methods, and 422 for a query parameter that the
    function does not read. A write on a board is allowed by the sender's token, and counted against
    the rate limit, before the function is called.
    """
    allowed = [*views, "HEAD"] if "GET" in views else [*views]

    def view(request: HttpRequest, **ids: Any) -> HttpResponse:
        # A client opens a WebSocket with a GET, which the proxy passes on as a POST of its own.
        reads = request.method == "HEAD" or proxy.is_websocket(request)
        method = "GET" if reads else str(request.method)
        if method not in views:
            allow = ", ".join(allowed)
            detail = f"Accepted here: {allow}."
            raise Problem(ProblemKind.METHOD_NOT_ALLOWED, detail, {"Allow": allow})
        writes_board = method != "GET" and "board_id" in ids
        if writes_board:
            auth.require_write(request, ids["board_id"])
        parameters = _parameters.get(views[method], ())
        if parameters is not None:
            check_query(request, (*parameters, *READ_PARAMETERS) if method == "GET" else parameters)
        if writes_board and not rate_limit.is_counted_by_view(views[method]):
            rate_limit.count_writes(request)
        return views[method](request, **ids)

    return view
