"""The page with the list of boards, where one is found and made."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from leaderboardapp.domain.fields import id_field, integer_field, name_field
from leaderboardapp.domain.searching import ORDERS, BoardPosition, fold, key_field
from leaderboardapp.domain.types import Row
from leaderboardapp.pages.views import link_query, render_page
from leaderboardapp.stores import get_store
from leaderboardapp.web import auth
from leaderboardapp.web.methods import takes_any_query
from leaderboardapp.web.requests import encode_cursor, read_cursor, read_parameter

PAGE_SIZE = 24  # boards
ORDER_NAMES = {"newest": _("Newest first"), "name": _("By name")}
OWN_PARAMETERS = ("search", "order", "cursor")


@takes_any_query
def render_home_page(request: HttpRequest) -> HttpResponse:
    """Answer a page of boards, in an order, or of those whom a text finds. If there is only one,
    and the sender cannot make another, answer a redirect to it."""
    is_admin = auth.has_scope(request, "admin", None)
    text, order = read_parameter(request, "search").strip(), read_parameter(request, "order")
    order = order if order in ORDERS else ORDERS[0]
    after = _read_position(request, order, text)
    page = get_store().find_boards(order, _fold(text), PAGE_SIZE, after, private=is_admin)
    is_listed = is_admin or any(name in request.GET for name in OWN_PARAMETERS)
    if len(page.rows) == 1 and not (is_listed or settings.ALLOW_ANONYMOUS_WRITES):
        path = f"/boards/{page.rows[0]['id']}/{link_query(request)}"
        return HttpResponseRedirect(path, headers={"Vary": "Accept"})
    own = {"search": text} if text else {"order": order}
    next_page = page.last and link_query(request, **own, cursor=encode_cursor(*page.last))
    context = {
        "boards": _describe(page.rows),
        "text": text,
        "orders": [
            {"name": name, "link": link_query(request, order=each), "current": each == order}
            for each, name in ORDER_NAMES.items()
        ],
        "next": next_page,
        "first": after and link_query(request, **own),
    }
    return render_page(request, "home", context)


def _fold(text: str) -> str:
    """Return the folded text. One with which no name can begin finds nothing."""
    try:
        return fold(name_field(text)) if text else ""
    except ValueError:
        return "\ufffd" * 2


def _read_position(request: HttpRequest, order: str, text: str) -> BoardPosition | None:
    is_newest = order == "newest" and not text
    field = integer_field(-(2**62), 0) if is_newest else key_field
    cursor = read_cursor(request, field, id_field)
    return BoardPosition(*cursor) if cursor else None


def _describe(boards: Iterable[Row]) -> list[dict[str, Any]]:
    """Return what the page says of boards: who leads, and how many players have a rank."""
    rows, store = list(boards), get_store()
    leaders = store.get_leaders([row["id"] for row in rows])
    described = []
    for row in rows:
        leader, players = leaders.get(row["id"]), store.get_selection(row["id"], []).of
        described.append(
            {
                "id": row["id"],
                "name": row["name"] or row["id"],
                "shows_id": bool(row["name"]) and not _is_uuid(row["id"]),
                "private": row["private"],
                "leader": leader and leader["name"],
                "score": leader and leader["score"],
                "format": row["format"],
                "players": players,
            }
        )
    return described


def _is_uuid(id: str) -> bool:
    """Return whether the id was made up, and says nothing to people."""
    try:
        return str(UUID(id)) == id
    except ValueError:
        return False
