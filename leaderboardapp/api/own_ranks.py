"""A player's own rank, live: an event stream and a WebSocket."""

from django.http import HttpRequest, HttpResponse

from leaderboardapp.domain.exceptions import PlayerNotFound, StoreUnavailable
from leaderboardapp.own_ranks import read_own_rank
from leaderboardapp.realtime import subscribe
from leaderboardapp.realtime.formats import player_channel, update_message
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.web import auth
from leaderboardapp.web.methods import READ_PARAMETERS, takes_any_query
from leaderboardapp.web.requests import check_query
from leaderboardapp.web.windows import PARAMETER, chosen_board

PARAMETERS = (PARAMETER, *READ_PARAMETERS)


def hold_player(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    """Answer an event stream of the player's own rank, which the proxy holds."""
    try:
        snapshot = get_readable_rank(request, board_id, player_id)
    except StoreUnavailable as error:
        return subscribe.reconnect_response(error)
    channel = player_channel(board_id, player_id, snapshot.private)
    return subscribe.hold_snapshot(request, channel, snapshot)


@takes_any_query
def watch_player(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    """Answer the proxy's events of a WebSocket of the player's own rank (WebSocket-over-HTTP)."""
    context = subscribe.websocket(request)
    if context.is_opening():
        with subscribe.refuses_websocket(context):
            check_query(request, PARAMETERS)
            with chosen_board(request, board_id) as chosen_id:
                snapshot = get_readable_rank(request, chosen_id, player_id)
            channel = player_channel(chosen_id, player_id, snapshot.private)
            grip_channels = subscribe.get_grip_channels(request, {channel: snapshot})
            subscribe.open_websocket(context, grip_channels, update_message(snapshot))
    subscribe.answer_websocket(context)
    return HttpResponse()


def get_readable_rank(request: HttpRequest, board_id: str, player_id: str) -> Snapshot:
    """Return the player's own rank, if the sender may read the board.

    Raises BoardNotFound, PlayerNotFound, Problem 401 or 403, or 501 where ranks are not live."""
    private, snapshot = read_own_rank(board_id, player_id)
    auth.require_read(request, board_id, private=private)
    if snapshot is None:
        raise PlayerNotFound(board_id, player_id)
    subscribe.require_told_holds()
    return snapshot
