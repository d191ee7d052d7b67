"""Problem pages: what a person in a browser is shown in place of a problem document. Who has left
out a path's last slash, or has one too many, is led to the page."""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from leaderboardapp.pages.views import prefers_page, render_page
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import PROBLEM, SAFE_METHODS, find_meant_path

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
    page = render_page(request, "problem", problem, document.status_code, embeddable=True)
    for header in KEPT_HEADERS:
        if header in document:
            page[header] = document[header]
    return page
