"""Problems as pages, for people."""

import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from leaderboardapp.pages.views import page
from leaderboardapp.web.problems import PROBLEM


class ProblemPageMiddleware:
    """For people who look at a page, a problem is a page, too; programs get the document."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not isinstance(response, HttpResponse) or response.get("Content-Type") != PROBLEM:
            return response
        patch_vary_headers(response, ["Accept"])
        if request.method not in ("GET", "HEAD") or not _wants_page(request):
            return response
        return _problem_page(request, response)


def _problem_page(request: HttpRequest, problem: HttpResponse) -> HttpResponse:
    shown = json.loads(problem.content)
    response = page(request, "problem", shown, problem.status_code, embeddable=True)
    for header in ("Allow", "Retry-After", "WWW-Authenticate"):
        if header in problem:
            response[header] = problem[header]
    return response


def _wants_page(request: HttpRequest) -> bool:
    wanted = request.get_preferred_type(["application/json", PROBLEM, "text/html"])
    return "text/html" in request.headers.get("Accept", "") and wanted == "text/html"
