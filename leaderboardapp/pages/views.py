"""What people see: pages for browsers, of templates and ES modules, that need no other host."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from leaderboardapp import snapshots
from leaderboardapp.models import Board, ObjectDoesNotExist
from leaderboardapp.web import auth

# Whatever is shown, nothing else may run, be loaded or be spoken to.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
)
MAX_HOME_BOARDS = 100


def read_home(request: HttpRequest) -> HttpResponse:
    """The boards, or the only one."""
    boards = Board.get_page(MAX_HOME_BOARDS + 1, "", private=auth.has_scope(request, "read", None))
    if len(boards) == 1:
        headers = {"Cache-Control": "no-cache", "Vary": "Accept"}
        return HttpResponseRedirect(f"/boards/{boards[0].id}/{_query(request)}", headers=headers)
    shown = {
        "boards": boards[:MAX_HOME_BOARDS],
        "more": len(boards) > MAX_HOME_BOARDS,
        "address": request.build_absolute_uri("/boards/"),
    }
    return page(request, "home", shown)


def read_board(request: HttpRequest, board_id: str) -> HttpResponse:
    """The live board, readable before its script runs and without it."""
    board = Board.get(board_id)
    auth.check_read(request, board_id, board.private)
    snapshot = snapshots.read_snapshots([board_id]).get(board_id)
    if snapshot is None:
        raise ObjectDoesNotExist
    players = json.loads(snapshot.body)["players"]
    for player in players:
        player["points"] = f"{player['score']:,}"
    shown = {"board": board, "players": players, "now": datetime.now(UTC)}
    return page(request, "board", shown, embeddable=True)


def read_manage(request: HttpRequest, board_id: str) -> HttpResponse:
    """The dashboard, which shows nothing by itself: it asks for a write token, with which it speaks
    to the API."""
    return page(request, "manage", {"id": board_id})


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


def _query(request: HttpRequest) -> str:
    """What a link to another page takes along."""
    token = request.GET.get("token")
    return f"?{urlencode({'token': token})}" if token else ""
