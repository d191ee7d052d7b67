"""What people see: pages for browsers, of templates and ES modules, that need no other host."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from whitenoise.storage import CompressedManifestStaticFilesStorage

from leaderboardapp import access
from leaderboardapp.models import Board

# Whatever is shown, nothing else may run, be loaded or be spoken to.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
)


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no types
    """Hashed names in the `import` lines of ES modules, too."""

    support_js_module_import_aggregation = True


def read_home(request: HttpRequest) -> HttpResponse:
    """The boards."""
    boards = Board.get_page(100, "", private=access.holds(request, "read", None))
    return page(request, "home", {"boards": boards})


def read_board(request: HttpRequest, board: str) -> HttpResponse:
    """The live board; `?embed` for a frame on another site."""
    found = Board.get(board)
    access.check_read(request, board, found.private)
    return page(request, "board", {"board": found}, "embed" in request.GET)


def read_manage(request: HttpRequest, board: str) -> HttpResponse:
    """The dashboard, which shows nothing by itself: it asks for a write token, with which it speaks
    to the API."""
    return page(request, "manage", {"id": board})


def page(
    request: HttpRequest, name: str, shown: dict[str, Any], embed: bool = False
) -> HttpResponse:
    shown = {**shown, "embed": embed, "open": settings.ALLOW_ANONYMOUS_WRITES}
    response = render(request, f"leaderboardapp/{name}.html", shown)
    ancestors = "*" if embed else "'none'"
    response["Content-Security-Policy"] = POLICY.format(ancestors=ancestors)
    response["Cache-Control"] = "no-cache"
    response["Vary"] = "Accept"
    return response
