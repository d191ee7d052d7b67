"""HTTP in, HTTP out. Views keep no state and publish nothing: viewers are fed from the store."""

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from leaderboardapp import snapshots
from leaderboardapp.api.responses import assign, json_response
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.fields import BOARD_SETTING_FIELDS, id_field
from leaderboardapp.models import Board, ObjectDoesNotExist
from leaderboardapp.pages import views
from leaderboardapp.realtime import subscribe
from leaderboardapp.realtime.formats import (
    DELETED,
    STREAM,
    channel,
    update_message,
)
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.web import auth, rate_limit
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.requests import cursor_of, read_body, read_cursor, read_limit

PAGE = "text/html"


def create_board(request: HttpRequest) -> HttpResponse:
    body = read_body(request, {"id": id_field, **BOARD_SETTING_FIELDS})
    auth.check_write(request, body.get("id"))
    rate_limit.count_writes(request)
    board = Board(**body).save()
    return json_response(board.row(), 201, {"Location": f"/boards/{board.id}/"})


def list_boards(request: HttpRequest) -> HttpResponse:
    limit, cursor = read_limit(request), read_cursor(request, id_field)
    after = cursor[0] if cursor else ""
    found = Board.get_page(limit + 1, after, private=auth.has_scope(request, "read", None))
    more = len(found) > limit
    return json_response(
        {
            "boards": [board.row() for board in found[:limit]],
            "next": cursor_of(found[limit - 1].id) if more else None,
        }
    )


def read_board(request: HttpRequest, board_id: str) -> HttpResponse:
    wanted = negotiate(request)
    if wanted == PAGE:
        return views.read_board(request, board_id)
    if request.method == "GET" and wanted == STREAM:
        try:
            return subscribe.hold_board(request, board_id, take_snapshot(request, board_id))
        except StoreUnavailable:
            return subscribe.reconnect_response()
    snapshot = take_snapshot(request, board_id)
    response = HttpResponse(snapshot.body, headers=snapshot.headers())
    conditional = get_conditional_response(request, etag=response["ETag"], response=response)
    assert conditional is not None  # it is the response unless that is a 304 or 412
    if request.method == "GET" and conditional.status_code == 304:
        return subscribe.hold_response(request, board_id, snapshot, conditional)
    return conditional


def watch_board(request: HttpRequest, board_id: str) -> HttpResponse:
    """A WebSocket, of which the proxy tells in requests."""
    context = subscribe.websocket(request)
    if context.is_opening():
        try:
            snapshot = take_snapshot(request, board_id)
            to = channel(board_id, snapshot.private)
            subscribe.open_websocket(context, to, update_message(snapshot))
        except ObjectDoesNotExist:
            subscribe.refuse_websocket(context, DELETED)
        except Problem as problem:  # 401 or 403
            subscribe.refuse_websocket(context, 4000 + problem.status)
    subscribe.answer_websocket(context)
    return HttpResponse()


def update_board(request: HttpRequest, board_id: str) -> HttpResponse:
    body = read_body(request, BOARD_SETTING_FIELDS)
    return json_response(assign(Board.get(board_id), body).save().row())


def delete_board(request: HttpRequest, board_id: str) -> HttpResponse:
    Board(board_id).delete()
    return HttpResponse(status=204)


def negotiate(request: HttpRequest) -> str | None:
    """Of a board's three forms the one that the client prefers; JSON if it does not say."""
    # What an EventSource and what a poll sends, before a parser that takes longer than the read.
    accept = request.headers.get("Accept", "").lower()
    if accept == STREAM or "text/" not in accept:
        return accept
    return request.get_preferred_type(["application/json", STREAM, PAGE])


def take_snapshot(request: HttpRequest, board_id: str) -> Snapshot:
    snapshot = snapshots.read_snapshot(board_id)
    if snapshot is None:
        raise ObjectDoesNotExist
    auth.check_read(request, board_id, snapshot.private)
    return snapshot
