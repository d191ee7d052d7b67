"""Dispatch a request by its method."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from leaderboardapp.stores import get_store
from leaderboardapp.web import cross_site, preconditions, proxy, rate_limit, rights, windows
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.rate_limit import View
from leaderboardapp.web.requests import check_query

# Query parameters of every GET: neither an EventSource nor a WebSocket can send a header.
READ_PARAMETERS = ("token", "ticket")

# A client opens a WebSocket with a GET, which the proxy passes on as a POST of its own.
WEBSOCKET = "WEBSOCKET"

_reads: set[View] = set()  # those that answer a POST
_parameters: dict[View, tuple[str, ...] | None] = {}  # by view; None: it is called with any


def takes_query(*names: str) -> Callable[[View], View]:
    """Mark a view that reads these query parameters. All others are refused before it is called."""

    def mark(view: View) -> View:
        _parameters[view] = names
        return view

    return mark


def takes_any_query(view: View) -> View:
    """Mark a view that is called with any query.

    It is one to which others append parameters of theirs: a page, a document or a health check. Or
    it calls `check_query` itself.
    """
    _parameters[view] = None
    return view


def writes_nothing(view: View) -> View:
    """Mark a view that answers a POST, and only reads, so that it is called as for a GET. Its
    answer is kept by no cache."""
    _reads.add(view)
    return view


def by_method(**views: View) -> View:
    """Return the view of one URL, which calls the function for the request's method.

    It raises Problem 405, with Allow, for other methods, and 422 for a query parameter that the
    function does not read. A write is refused if a page of another site sent it. A write on a board
    is allowed by the sender's token, as rights.py says, and counted against the rate limit, before
    the function is called. Preconditions are held to the ETag that there is. The function for
    WEBSOCKET answers what the proxy sends for a WebSocket, which no other function is called with.
    """
    methods = [method for method in views if method != WEBSOCKET]
    allow = ", ".join([*methods, "HEAD"] if "GET" in views else methods)

    def view(request: HttpRequest, **ids: Any) -> HttpResponseBase:
        method = _get_method(request)
        if method not in views:
            detail = f"Accepted here: {allow}."
            raise Problem(ProblemKind.METHOD_NOT_ALLOWED, detail, {"Allow": allow})
        function = views[method]
        if method in ("GET", WEBSOCKET) or function in _reads:
            # A POST can send a header, and no token or ticket is taken from its URL.
            _check_query(request, function, () if method == "POST" else READ_PARAMETERS)
            return preconditions.apply(request, _read(request, function, ids))
        cross_site.require_same_origin(request)
        if "board_id" in ids:
            rights.require_write(request, function, **ids)
        _check_query(request, function)
        if "board_id" in ids and not rate_limit.is_counted_by_view(function):
            rate_limit.count_writes(request)
        if not preconditions.is_required_by_view(function):
            try:
                preconditions.require(request, tags=[], exists="GET" in views)
            except Problem:
                _require_existence(**ids)
                raise
        return function(request, **ids)

    return view


def _read(request: HttpRequest, view: View, ids: dict[str, Any]) -> HttpResponseBase:
    """Return what the view answers, of the window that the request names."""
    if not windows.takes_window(view):
        return view(request, **ids)
    with windows.chosen_board(request, ids["board_id"]) as board_id:
        return view(request, **{**ids, "board_id": board_id})


def _get_method(request: HttpRequest) -> str:
    """Return the method by whose function the request is answered."""
    if proxy.is_websocket(request):
        return WEBSOCKET
    return "GET" if request.method == "HEAD" else str(request.method)


def _require_existence(board_id: str = "", player_id: str = "", **_: Any) -> None:
    """Raise BoardNotFound or PlayerNotFound: no precondition is about what is not there."""
    if player_id:
        get_store().get_player(board_id, player_id)
    elif board_id:
        get_store().get_board(board_id)


def _check_query(request: HttpRequest, view: View, others: tuple[str, ...] = ()) -> None:
    """Raise Problem 422 for a query parameter that neither the view reads nor `others` name."""
    parameters = _parameters.get(view, ())
    if parameters is not None:
        own = (windows.PARAMETER,) if windows.takes_window(view) else ()
        check_query(request, (*parameters, *own, *others))
