"""Problem pages: what a person in a browser is shown in place of a problem document. Who has left
out a path's last slash, or has one too many, is led to the page."""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from leaderboardapp.pages.embed import Look, read_look
from leaderboardapp.pages.views import prefers_page, render_page
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import PROBLEM, SAFE_METHODS, Problem, find_meant_path

KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
# The title and the detail that people are shown, where the document's are for who makes clients. A
# page asks for a token only if it is of a private board.
ENDED = (
    "This link has ended",
    "Or a part of it is missing. Ask the host of the board for a new one.",
)
FOR_PEOPLE = {
    ProblemKind.TOKEN_REQUIRED.type: (
        "This board is private",
        "Open it by the whole link that its host gave you.",
    ),
    ProblemKind.INVALID_TOKEN.type: ENDED,
    ProblemKind.INVALID_TICKET.type: ENDED,
    ProblemKind.INSUFFICIENT_SCOPE.type: (
        "This link is for another board",
        "Ask the host of this one for a link to it.",
    ),
    ProblemKind.WINDOW_NOT_FOUND.type: (
        "There is no such ranking",
        "It was turned off, or has never been.",
    ),
    ProblemKind.SEASON_NOT_FOUND.type: (
        "There is no such past season",
        "It has not ended yet, or is not kept any more.",
    ),
    ProblemKind.PLAYER_NOT_FOUND.type: (
        "There is no such player",
        "Nobody has this address on the board, or not any more.",
    ),
    ProblemKind.STORE_UNAVAILABLE.type: (
        "Nothing can be shown at the moment",
        "It does not depend on you. Try again soon.",
    ),
}


class ProblemPageMiddleware:
    """Answer a problem with a page if the client prefers pages; programs get the document."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not isinstance(response, HttpResponse) or response.get("Content-Type") != PROBLEM:
            return response
        patch_vary_headers(response, ["Accept"])
        if request.method not in SAFE_METHODS or not prefers_page(request):
            return response
        problem = json.loads(response.content)
        if problem["type"] == ProblemKind.PATH_NOT_FOUND.type and (
            path := find_meant_path(request)
        ):
            return _redirect(request, path)
        return _render_problem(request, response, problem)


def _redirect(request: HttpRequest, path: str) -> HttpResponse:
    query = request.META.get("QUERY_STRING", "")
    location = f"{path}?{query}" if query else path
    return HttpResponsePermanentRedirect(location, headers={"Vary": "Accept"})


def _render_problem(
    request: HttpRequest, document: HttpResponse, problem: dict[str, Any]
) -> HttpResponse:
    title, detail = FOR_PEOPLE.get(problem["type"], (problem["title"], problem["detail"]))
    context = {**problem, "title": title, "detail": detail}
    page = render_page(request, "problem", context, document.status_code, look=_read_look(request))
    for header in KEPT_HEADERS:
        if header in document:
            page[header] = document[header]
    return page


def _read_look(request: HttpRequest) -> Look | None:
    """Return the look of the page; the usual one if the problem is that none can be read."""
    try:
        return read_look(request)
    except Problem:
        return Look()
