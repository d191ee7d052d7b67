"""What people see: pages for browsers, of templates and ES modules, that need no other host."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from whitenoise.storage import CompressedManifestStaticFilesStorage

from leaderboardapp import access, snapshots
from leaderboardapp.models import Board, ObjectDoesNotExist
from leaderboardapp.problems import PROBLEM

# Whatever is shown, nothing else may run, be loaded or be spoken to.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
)
MAX_LISTED = 100


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no types
    """Put hashed names in the `import` lines of our ES modules, too. A library's files are stored
    as they are: to search Swagger UI's 1.6 MB of JavaScript for such lines would take seconds."""

    support_js_module_import_aggregation = True
    _patterns: dict[str, Any]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._patterns = {f"leaderboardapp/{name}": each for name, each in self._patterns.items()}


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


def read_home(request: HttpRequest) -> HttpResponse:
    """The boards, or the only one."""
    boards = Board.get_page(MAX_LISTED + 1, "", private=access.holds(request, "read", None))
    if len(boards) == 1:
        headers = {"Cache-Control": "no-cache", "Vary": "Accept"}
        return HttpResponseRedirect(f"/boards/{boards[0].id}/{_query(request)}", headers=headers)
    shown = {
        "boards": boards[:MAX_LISTED],
        "more": len(boards) > MAX_LISTED,
        "address": request.build_absolute_uri("/boards/"),
    }
    return page(request, "home", shown)


def read_board(request: HttpRequest, board: str) -> HttpResponse:
    """The live board, readable before its script runs and without it."""
    found = Board.get(board)
    access.check_read(request, board, found.private)
    snapshot = snapshots.take([board]).get(board)
    if snapshot is None:
        raise ObjectDoesNotExist
    players = json.loads(snapshot.body)["players"]
    for player in players:
        player["points"] = f"{player['score']:,}"
    shown = {"board": found, "players": players, "now": datetime.now(UTC)}
    return page(request, "board", shown, embeddable=True)


def read_manage(request: HttpRequest, board: str) -> HttpResponse:
    """The dashboard, which shows nothing by itself: it asks for a write token, with which it speaks
    to the API."""
    return page(request, "manage", {"id": board})


def page(
    request: HttpRequest,
    name: str,
    shown: dict[str, Any],
    status: int = 200,
    embeddable: bool = False,
) -> HttpResponse:
    """`?embed` is for a frame on another site: without the way to other pages, and without writing,
    so that no site can have its visitors press a button that they do not see."""
    embed = embeddable and "embed" in request.GET
    open = settings.ALLOW_ANONYMOUS_WRITES and not embed
    shown = {**shown, "embed": embed, "open": open, "query": _query(request)}
    response = render(request, f"leaderboardapp/{name}.html", shown, status=status)
    ancestors = "*" if embed else "'none'"
    response["Content-Security-Policy"] = POLICY.format(ancestors=ancestors)
    response["Cache-Control"] = "no-cache"
    response["Vary"] = "Accept"
    return response


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


def _query(request: HttpRequest) -> str:
    """What a link to another page takes along."""
    token = request.GET.get("token")
    return f"?{urlencode({'token': token})}" if token else ""
