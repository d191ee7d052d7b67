"""Endpoints of boards.

Views keep no state and publish nothing: the listener reads the changes from the store.
"""

from django.http import HttpRequest, HttpResponse

from leaderboardapp import snapshots
from leaderboardapp.api.responses import (
    assign_fields,
    entity_tag,
    json_response,
    settings_data,
    settings_response,
)
from leaderboardapp.domain.board_ids import owner_of, window_id
from leaderboardapp.domain.exceptions import BoardNotFound, StoreUnavailable
from leaderboardapp.domain.fields import BOARD_SETTING_FIELDS, board_ids_field, id_field
from leaderboardapp.domain.types import Row
from leaderboardapp.models import Board
from leaderboardapp.models.board import ROW_FIELDS
from leaderboardapp.pages import sharing, views
from leaderboardapp.realtime import subscribe
from leaderboardapp.realtime.formats import STREAM, board_channel, to_line, update_message
from leaderboardapp.snapshots import Snapshot, compute_fingerprint
from leaderboardapp.stores import get_store
from leaderboardapp.web import auth, preconditions, rate_limit, rights, tickets
from leaderboardapp.web.methods import READ_PARAMETERS, takes_any_query, takes_query, writes_nothing
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.requests import (
    check_query,
    encode_cursor,
    read_body,
    read_cursor,
    read_limit,
    read_parameter,
)
from leaderboardapp.web.windows import PARAMETER, chosen_board, read_window, reads_windows

IDS = "ids"  # the parameter that names several boards
BOARD_PARAMETERS = (PARAMETER, *READ_PARAMETERS)


def create_board(request: HttpRequest) -> HttpResponse:
    """Create a board; answer 201 with its settings and Location."""
    body = read_body(request, {"id": id_field, **BOARD_SETTING_FIELDS})
    auth.require_scope(request, "admin", body.get("id"))
    rate_limit.count_writes(request)
    board = Board(**body).save()
    return settings_response(board, 201, Location=f"/boards/{board.id}/")


@takes_query("limit", "cursor", IDS, PARAMETER)
def list_boards(request: HttpRequest) -> HttpResponse:
    """Answer a page of boards by id; private ones only to an admin token for all boards.

    With `ids`, answer the boards that these name."""
    if IDS in request.GET:
        return read_boards(request)
    if PARAMETER in request.GET:
        raise Problem(
            ProblemKind.INVALID_PARAMETER, f"{PARAMETER}: must not be there without {IDS}."
        )
    limit, cursor = read_limit(request), read_cursor(request, id_field)
    after = cursor[0] if cursor else ""
    boards = Board.get_page(limit + 1, after, private=auth.has_scope(request, "admin", None))
    has_more = len(boards) > limit
    return json_response(
        {
            "boards": [settings_data(board) for board in boards[:limit]],
            "next": encode_cursor(boards[limit - 1].id) if has_more else None,
        }
    )


def read_boards(request: HttpRequest) -> HttpResponse:
    """Answer the boards that `ids` names: one stream of all, or their snapshots as JSON."""
    ids = read_ids(request)
    if request.method == "GET" and negotiate(request) == STREAM:
        try:
            return subscribe.hold_boards(request, get_readable_snapshots(request, ids))
        except StoreUnavailable as error:
            return subscribe.reconnect_response(error)
    boards = get_readable_snapshots(request, ids)
    bodies = ",".join(snapshot.body for snapshot in boards.values() if snapshot)
    missing = to_line([owner_of(id) for id, snapshot in boards.items() if snapshot is None])
    body = f'{{"boards":[{bodies}],"missing":{missing}}}'
    headers = {"ETag": f'"{compute_fingerprint(body)}"', "Vary": "Accept"}
    return HttpResponse(body, content_type="application/json", headers=headers)


def read_ids(request: HttpRequest) -> list[str]:
    """Return the ids that `ids` of the query has, or those of the boards' windows.

    Raises Problem 422."""
    for name in ("limit", "cursor"):
        if name in request.GET:
            detail = f"{name}: must not be there together with {IDS}."
            raise Problem(ProblemKind.INVALID_PARAMETER, detail)
    try:
        ids = board_ids_field(read_parameter(request, IDS))
    except ValueError as error:
        raise Problem(ProblemKind.INVALID_PARAMETER, f"{IDS}: must be {error}.") from error
    window = read_window(request)
    return [window_id(id, window) for id in ids] if window else ids


@takes_any_query
@reads_windows
def read_board(request: HttpRequest, board_id: str) -> HttpResponse:
    """Answer the board in the form that the client accepts.

    The forms are a page, an event stream that the proxy holds, and the snapshot as JSON. If the
    client names the newest snapshot, the latter is a 304, at once or after a long-poll.
    """
    accepted = negotiate(request)
    if accepted == views.PAGE:
        return views.render_board_page(request, board_id)
    check_query(request, BOARD_PARAMETERS)
    if request.method == "GET" and accepted == STREAM:
        try:
            snapshot = get_readable_snapshot(request, board_id)
            channel = board_channel(board_id, snapshot.private)
            return subscribe.hold_snapshot(request, channel, snapshot)
        except StoreUnavailable as error:
            return subscribe.reconnect_response(error)
    snapshot = get_readable_snapshot(request, board_id)
    response = HttpResponse(snapshot.body, headers=snapshot.headers())
    response = preconditions.apply(request, response)
    if request.method == "GET" and response.status_code == 304:
        return subscribe.hold_response(request, board_id, snapshot, response)
    return response


@takes_any_query
def watch_board(request: HttpRequest, board_id: str) -> HttpResponse:
    """Answer the proxy's events of a board's WebSocket (WebSocket-over-HTTP)."""
    context = subscribe.websocket(request)
    if context.is_opening():
        with subscribe.refuses_websocket(context):
            check_query(request, BOARD_PARAMETERS)
            with chosen_board(request, board_id) as chosen_id:
                snapshot = get_readable_snapshot(request, chosen_id)
            channel = board_channel(chosen_id, snapshot.private)
            grip_channels = subscribe.get_grip_channels(request, {channel: snapshot})
            subscribe.open_websocket(context, grip_channels, update_message(snapshot))
    subscribe.answer_websocket(context)
    return HttpResponse()


@preconditions.requires_own
def update_board(request: HttpRequest, board_id: str) -> HttpResponse:
    """Change settings of the board; answer all of them.

    A change needs the scope admin. Without one it is a read of the settings, for who may write."""
    body = read_body(request, BOARD_SETTING_FIELDS)
    if body:
        auth.require_scope(request, "admin", board_id)
    board = assign_fields(Board.get(board_id), body)
    board.save(preconditions.build(request, lambda: read_tags(board_id)))
    return settings_response(board)


@rights.needs_admin
@preconditions.requires_own
def delete_board(request: HttpRequest, board_id: str) -> HttpResponse:
    """Delete the board with its players; answer 204."""
    Board(board_id).delete(preconditions.build(request, lambda: read_tags(board_id)))
    return HttpResponse(status=204)


@writes_nothing
def create_ticket(request: HttpRequest, board_id: str) -> HttpResponse:
    """Answer a ticket, which reads the board once, in place of the request's token.

    It needs a token on public boards, too, which tickets are made from."""
    auth.require_token(request, "read", board_id)
    rate_limit.count_writes(request)  # its use is a write, which nothing else would limit
    read_body(request, {})
    Board.get(board_id)
    ticket = tickets.create_ticket(board_id, auth.read_grant(request).exp)
    return json_response({"ticket": ticket.text, "expires_in": ticket.seconds})


def read_tags(board_id: str) -> tuple[Row, list[str]]:
    """Return the board's row, and the ETags of its snapshot and of its settings.

    Raises BoardNotFound."""
    # Not coalesced: it reads in the transaction of the write that it allows.
    tops = get_store().get_top_players([board_id])
    if board_id not in tops:
        raise BoardNotFound(board_id)
    row, players = tops[board_id]
    settings = {field: row[field] for field in ROW_FIELDS}
    return row, [Snapshot.from_rows(row, players).etag(), entity_tag(settings)]


def negotiate(request: HttpRequest) -> str | None:
    """Return the media type that the client prefers among a board's three forms.

    Any type that is neither of a page nor of a stream, and None, mean JSON.
    """
    # An EventSource and a poll are recognised without Django's parser: it takes longer than the
    # read of the board.
    accept = request.headers.get("Accept", "").lower()
    if accept == STREAM:
        return accept
    if "text/" not in accept:
        return views.PAGE if sharing.reads_links(request) else accept
    return request.get_preferred_type(["application/json", STREAM, views.PAGE])


def get_readable_snapshot(request: HttpRequest, board_id: str) -> Snapshot:
    """Return the board's snapshot, if the sender may read the board.

    Raises BoardNotFound, Problem 401 or 403.
    """
    snapshot = snapshots.read_snapshot(board_id)
    if snapshot is None:
        raise BoardNotFound(board_id)
    auth.require_read(request, board_id, private=snapshot.private)
    return snapshot


def get_readable_snapshots(request: HttpRequest, ids: list[str]) -> dict[str, Snapshot | None]:
    """Return the snapshots of boards, in this order, None for those that are missing, if the sender
    may read all of them.

    Raises Problem 401 or 403, which names the board, and 404 if all are missing.
    """
    current = snapshots.read_together(ids)
    if not current:
        raise Problem(ProblemKind.BOARD_NOT_FOUND, "There is none of these boards, or windows.")
    for id in filter(current.__contains__, ids):
        try:
            auth.require_read(request, id, private=current[id].private)
        except Problem as problem:
            problem.detail = f"{owner_of(id)}: {problem.detail}"
            raise
    return {id: current.get(id) for id in ids}
