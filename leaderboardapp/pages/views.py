"""Pages for browsers, made of templates and ES modules. They load nothing from another host."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from leaderboardapp import snapshots
from leaderboardapp.domain import schedule
from leaderboardapp.domain.board_ids import split_id
from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.domain.time_zones import list_places
from leaderboardapp.domain.types import Row
from leaderboardapp.pages.embed import Look, read_look
from leaderboardapp.pages.sharing import describe_link, reads_links
from leaderboardapp.pages.words import SEASON_TITLES, translate_words
from leaderboardapp.stores import get_store
from leaderboardapp.web import auth
from leaderboardapp.web.methods import takes_any_query
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import PROBLEM, Problem
from leaderboardapp.web.windows import PARAMETER

# Only this service's own scripts, styles and images are loaded, and only it is connected to.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{style}; img-src 'self'; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors {ancestors}"
)
# What no page of ours asks for, nor what somebody might slip into one.
PERMISSIONS = (
    "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), usb=()"
)
PAGE = "text/html"
# Of windows, and with None of boards: what past seasons are called, and the tab of the running one.
PAST_SEASONS = {
    None: _("Past seasons"),
    "day": _("Past days"),
    "week": _("Past weeks"),
    "month": _("Past months"),
}
TABS = {"day": _("Today"), "week": _("This week"), "month": _("This month")}


def render_board_page(request: HttpRequest, board_id: str) -> HttpResponse:
    """Answer the live board, or a window of it, which is readable before its script runs and
    without it."""
    look = read_look(request)
    owner_id, window = split_id(board_id)
    tops = get_store().get_top_players({owner_id, board_id})
    if not {owner_id, board_id} <= tops.keys():  # a window may go a moment after its board
        raise BoardNotFound(board_id)
    (board, _), (shown, rows) = tops[owner_id], tops[board_id]
    auth.require_read(request, owner_id, private=board["private"])
    snapshot = snapshots.Snapshot.from_rows(shown, rows)
    players = snapshots.board_payload(shown, rows)["players"]
    ends = schedule.list_ends_shown(shown, schedule.now())
    title = board["name"] or owner_id
    if window:
        title = f"{title} · {TABS[window]}"
    link = describe_link(request, title, shown, snapshot.fingerprint, players)
    context = {
        "board": board,
        "link": link,
        "managed": owner_id,
        "season": shown["season"],
        "title_now": title_season(window, shown["season"]),
        "next_ends": [schedule.parse(end) for end in ends],
        "players": players,
        "now": datetime.now(UTC),
        "tabs": _list_tabs(request, board, look) if board["windows"] else [],
        **describe_window(request, window),
    }
    return render_page(request, "board", context, look=look)


def prefers_page(request: HttpRequest) -> bool:
    """Return whether the client prefers a page to JSON. Whoever accepts anything gets JSON, but for
    those that read pages to show links to them."""
    if reads_links(request):
        return True
    preferred = request.get_preferred_type(["application/json", PROBLEM, PAGE])
    return PAGE in request.headers.get("Accept", "") and preferred == PAGE


def describe_window(request: HttpRequest, window: str | None) -> dict[str, Any]:
    """Return what pages of a board and of its windows are made of: what a season is called, and the
    query for links between them."""
    parameters = {PARAMETER: window} if window else {}
    return {
        "window": window,
        "season_title": SEASON_TITLES[window],
        "past_seasons": PAST_SEASONS[window],
        "board_query": link_query(request, **parameters),
    }


def title_season(window: str | None, number: int) -> Any:
    """Return what a season of the board, or of a window, is called: a lazy text."""
    return format_lazy(SEASON_TITLES[window], number=number)


def _list_tabs(request: HttpRequest, board: Row, look: Look | None) -> list[dict[str, Any]]:
    has_seasons = board["schedule"] or board["season"] > 1
    whole = {"name": _("This season") if has_seasons else _("All time"), "window": None}
    windows = [{"name": TABS[window], "window": window} for window in board["windows"]]
    kept = look.parameters if look else {}
    for tab in [whole, *windows]:
        chosen = {PARAMETER: tab["window"]} if tab["window"] else {}
        tab["link"] = link_query(request, **kept, **chosen) or "?"
    return [whole, *windows]


@takes_any_query
def render_dashboard_page(request: HttpRequest, board_id: str) -> HttpResponse:
    """Answer the dashboard of a board.

    The page itself has no data. Its script asks for a token, with which it calls the API.
    """
    get_store().get_board(board_id)
    return render_page(request, "manage", {"id": board_id, "zones": list_places()})


@takes_any_query
def render_problem_kinds_page(request: HttpRequest) -> HttpResponse:
    """Answer the page to which the `type` of problem documents leads."""
    return render_page(request, "problem_kinds", {"kinds": list(ProblemKind)})


def render_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    status: int = 200,
    look: Look | None = None,
) -> HttpResponse:
    """Answer a page from the template of that name, with the headers that all pages have.

    A page with a look may be in a frame on any other site (docs/adr/0051). It has no links to other
    pages and writes nothing: a site could have its visitors press a button that they do not see.
    Of a page about a board the context has the board's id as `managed`.

    The page is in the language that the sender prefers, of those that there are. A frame's is
    English: the page around it has a language of its own.
    """
    embed = look is not None
    anybody_writes = settings.ALLOW_ANONYMOUS_WRITES and not embed
    shared = {
        "embed": embed,
        "look": look,
        "anybody_writes": anybody_writes,
        "may_manage": anybody_writes or _may_manage(request, context.get("managed")),
        "query": link_query(request),
    }
    language = "en" if embed else translation.get_language_from_request(request)
    with translation.override(language):
        page = {**context, **shared, "words": translate_words(template, language)}
        response = render(request, f"leaderboardapp/{template}.html", page, status=status)
    style, ancestors = (look.get_source(), "*") if look else ("", "'none'")
    response["Content-Security-Policy"] = POLICY.format(style=style, ancestors=ancestors)
    response["Permissions-Policy"] = PERMISSIONS
    response["Cross-Origin-Resource-Policy"] = "cross-origin" if look else "same-origin"
    response["Content-Language"] = language
    response["Vary"] = "Accept, Accept-Language"
    return response


def _may_manage(request: HttpRequest, board_id: str | None) -> bool:
    """Return whether the request's token opens the board's dashboard. One that is not valid shows
    no less of a public page than none."""
    with suppress(Problem):
        return board_id is not None and auth.has_scope(request, "write", board_id)
    return False


def link_query(request: HttpRequest, **parameters: str) -> str:
    """Return the query for a link to another page: it takes the token along, if there is one."""
    tokens = request.GET.getlist("token")
    if len(tokens) == 1 and tokens[0]:
        parameters["token"] = tokens[0]
    return f"?{urlencode(parameters)}" if parameters else ""
