"""Problem pages: what a person in a browser is shown in place of a problem document."""

import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from leaderboardapp.pages.embed import Look, read_look
from leaderboardapp.pages.views import prefers_page, render_page
from leaderboardapp.web.problems import PROBLEM, SAFE_METHODS, Problem

KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")


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
        return _render_problem(request, response)


def _render_problem(request: HttpRequest, document: HttpResponse) -> HttpResponse:
    problem = json.loads(document.content)
    page = render_page(request, "problem", problem, document.status_code, look=_read_look(request))
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
