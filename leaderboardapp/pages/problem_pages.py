"""Problem pages: what a person in a browser is shown in place of a problem document. Who has left
out a path's last slash, or has one too many, is led to the page."""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_noop as _

from leaderboardapp.pages.embed import Look, read_look
from leaderboardapp.pages.views import prefers_page, render_page
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import PROBLEM, SAFE_METHODS, Problem, find_meant_path

KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
# The title and the detail that people are shown, where the document's are for who makes clients. A
# page asks for a token only if it is of a private board.
ENDED = (
    _("This link has ended"),
    _("Or a part of it is missing. Ask the host of the board for a new one."),
)
FOR_PEOPLE = {
    ProblemKind.PATH_NOT_FOUND.type: (
        _("There is no such page"),
        _("The address may have been typed or copied wrongly."),
    ),
    ProblemKind.BOARD_NOT_FOUND.type: (
        _("There is no such board"),
        _("It was deleted, or has never been."),
    ),
    ProblemKind.TOKEN_REQUIRED.type: (
        _("This board is private"),
        _("Open it by the whole link that its host gave you."),
    ),
    ProblemKind.INVALID_TOKEN.type: ENDED,
    ProblemKind.INVALID_TICKET.type: ENDED,
    ProblemKind.INSUFFICIENT_SCOPE.type: (
        _("This link is for another board"),
        _("Ask the host of this one for a link to it."),
    ),
    ProblemKind.WINDOW_NOT_FOUND.type: (
        _("There is no such ranking"),
        _("It was turned off, or has never been."),
    ),
    ProblemKind.SEASON_NOT_FOUND.type: (
        _("There is no such past season"),
        _("It has not ended yet, or is not kept any more."),
    ),
    ProblemKind.PLAYER_NOT_FOUND.type: (
        _("There is no such player"),
        _("Nobody has this address on the board, or not any more."),
    ),
    ProblemKind.STORE_UNAVAILABLE.type: (
        _("Nothing can be shown at the moment"),
        _("It does not depend on you. Try again soon."),
    ),
}
# Of a failure of which only the status is known.
UNTYPED = (_("That did not work"), _("Try again soon."))


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
    context = {**problem, **_describe(problem)}
    page = render_page(request, "problem", context, document.status_code, look=_read_look(request))
    for header in KEPT_HEADERS:
        if header in document:
            page[header] = document[header]
    return page


def _describe(problem: dict[str, Any]) -> dict[str, str]:
    """Return the title of the page, the detail in English, and what other languages have for it:
    the meaning of the problem's kind."""
    type, title, detail = problem["type"], problem["title"], problem["detail"]
    if type in FOR_PEOPLE:
        title, detail = FOR_PEOPLE[type]
        return {"title": title, "detail": detail, "meaning": detail}
    kinds = {kind.type: kind for kind in ProblemKind}
    if type in kinds:
        return {"title": title, "detail": detail, "meaning": kinds[type].meaning}
    return {"title": UNTYPED[0], "detail": detail, "meaning": UNTYPED[1]}


def _read_look(request: HttpRequest) -> Look | None:
    """Return the look of the page; the usual one if the problem is that none can be read."""
    try:
        return read_look(request)
    except Problem:
        return Look()
