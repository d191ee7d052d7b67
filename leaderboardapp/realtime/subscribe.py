"""What the GRIP proxy is asked to hold: event streams, long-polls, WebSockets.

Sources: the GRIP protocol and WebSocket-over-HTTP (pushpin.org/docs/protocols).
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django_grip import set_hold_longpoll, set_hold_stream
from gripcontrol import Channel, WebSocketContext

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.realtime.expiry import choose_end, end_channel
from leaderboardapp.realtime.formats import (
    NORMAL,
    NOT_TEXT,
    SEVERAL_BOARDS,
    SKIP_USERS,
    STREAM,
    board_channel,
    deleted_event,
    event_stream,
    retry_line,
    stream_keep_alive,
    update_event,
    websocket_keep_alive,
)
from leaderboardapp.realtime.hold_channels import NO_BOARD, hold_channel
from leaderboardapp.realtime.proxies import tell_all_holds, tells_holds
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.web import preconditions
from leaderboardapp.web.auth import read_grant
from leaderboardapp.web.headers import parse_preferences
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem, log_store_failure, to_problem
from leaderboardapp.web.proxy import GripRequest, is_signed, require_proxy

# Of a long-poll: the shortest for which Pushpin holds a response, and the longest that we allow.
MIN_WAIT_SECONDS, MAX_WAIT_SECONDS = 5, 300


def prefers_stream(request: HttpRequest) -> bool:
    """Return whether the client prefers an event stream to JSON."""
    if STREAM not in request.headers.get("Accept", "").lower():
        return False
    return request.get_preferred_type(["application/json", STREAM]) == STREAM


def hold_stream(
    request: HttpRequest, grip_channels: Sequence[str | Channel], first: str = ""
) -> HttpResponse:
    """Return a stream that begins with the `first` events and goes on with what is published.

    Raises Problem 501 if the request did not come through a proxy."""
    require_proxy(request)
    set_hold_stream(request, grip_channels)
    response = event_stream(retry_line() + first)
    response["Grip-Keep-Alive"] = stream_keep_alive()  # django_grip's own one has no mode
    return response


def hold_snapshot(request: HttpRequest, channel: str, snapshot: Snapshot) -> HttpResponse:
    """Return the stream of a GRIP channel of a board or player, which begins with the snapshot.

    A client that names this snapshot as the last one it saw is not sent it again.
    Raises Problem 501 if the request did not come through a proxy."""
    grip_channels = get_grip_channels(request, {channel: snapshot})
    return hold_stream(request, grip_channels, _first_update(request, snapshot))


def hold_boards(request: HttpRequest, boards: Mapping[str, Snapshot | None]) -> HttpResponse:
    """Return one stream of several boards, which begins with the snapshot of each, or with the
    event that it is gone. It goes on when one of them is deleted.

    It is held for boards that are missing, too, and shows them once they are created."""
    viewed = {
        board_channel(board, bool(snapshot and snapshot.private)): snapshot
        for board, snapshot in boards.items()
    }
    channels = [*map(_skipping_users, get_grip_channels(request, viewed))]
    first = [
        _first_update(request, snapshot) if snapshot else deleted_event(board)
        for board, snapshot in boards.items()
    ]
    response = hold_stream(request, channels, "".join(first))
    cast(GripRequest, request).grip.instruct.meta["user"] = SEVERAL_BOARDS
    return response


def _first_update(request: HttpRequest, snapshot: Snapshot) -> str:
    is_known = request.headers.get("Last-Event-ID") == snapshot.fingerprint
    return "" if is_known else update_event(snapshot)


def get_grip_channels(request: HttpRequest, viewed: Mapping[str, Snapshot | None]) -> list[str]:
    """Return the GRIP channels of the request's stream or WebSocket: those that are viewed, with
    what it begins with of each; of each hold, if a proxy may tell of it; and if a board is private,
    of the time at which the sender's token has expired."""
    channels = [*viewed]
    if tells_holds():
        known = [snapshot.fingerprint if snapshot else NO_BOARD for snapshot in viewed.values()]
        channels += map(hold_channel, viewed, known)
    if any(snapshot and snapshot.private for snapshot in viewed.values()):
        channels.append(end_channel(choose_end(read_grant(request).exp)))
    return channels


def _skipping_users(grip_channel: str) -> Channel:
    """Return the GRIP channel with the filter SKIP_USERS."""
    channel = Channel(grip_channel)
    channel.filters.append(SKIP_USERS)
    return channel


def require_told_holds() -> None:
    """Raise Problem 501 unless all proxies tell whom they hold. To any other one, the own rank of
    every player would have to be published who might have a viewer."""
    if not tell_all_holds():
        raise Problem(
            ProblemKind.NO_LIVE_RANKS,
            "Live ranks need proxies that tell whom they hold, and GRIP_URL has an HTTP address, "
            "over which none does. Poll the player with If-None-Match and the ETag.",
        )


def hold_response(
    request: HttpRequest, board: str, snapshot: Snapshot, unchanged: HttpResponse
) -> HttpResponse:
    """Return the response `unchanged`, held back as a long-poll if the client prefers to wait.

    The client has the newest snapshot. With `Prefer: wait` (RFC 7240) and through a proxy, it gets
    the next one, or `unchanged` when the wait is over, or the token has expired. Otherwise it gets
    `unchanged` at once, and so does a client that names more than one snapshot, because the proxy
    keeps back only one. So does a client with a ticket: the proxy sends a request again that it
    holds, if nobody else waits for the board, and would find the ticket used."""
    seconds = read_wait(request)
    if seconds and snapshot.private:
        grant = read_grant(request)
        if grant.is_used_up:
            return unchanged
        seconds = max(MIN_WAIT_SECONDS, min(seconds, grant.exp - int(time.time())))
    if seconds and is_signed(request) and preconditions.names_one_tag(request):
        channel = _skipping_users(board_channel(board, snapshot.private))
        set_hold_longpoll(request, channel, timeout=seconds)
        cast(GripRequest, request).grip.instruct.meta["user"] = snapshot.fingerprint
        unchanged["Preference-Applied"] = f"wait={seconds}"
    return unchanged


def read_wait(request: HttpRequest) -> int | None:
    """Return for how many seconds a long-poll is held, None if the client does not prefer to."""
    wait = parse_preferences(request.headers.get("Prefer", "")).get("wait", "")
    if not (wait.isascii() and wait.isdecimal()):
        return None
    digits = wait.lstrip("0")[:9]  # Python converts no more than some thousand
    return max(MIN_WAIT_SECONDS, min(int(digits or "0"), MAX_WAIT_SECONDS))


def websocket(request: HttpRequest) -> WebSocketContext:
    """Return the WebSocket that the proxy describes in a request.

    Raises Problem 501 if the request did not come through a proxy that does that, and 426 if the
    client did not ask for a WebSocket."""
    if context := cast(GripRequest, request).wscontext:
        return context
    if "Upgrade" in request.headers:
        raise Problem(
            ProblemKind.PROXY_REQUIRED,
            "WebSockets are held by a GRIP proxy that passes them on over HTTP, and this one did "
            "not come through such a proxy. Connect through the proxy "
            f"(ws://localhost:{settings.LOCAL_HTTP_PORT} in a local run).",
        )
    detail = "This is a WebSocket: connect to it with ws:// or wss://."
    raise Problem(ProblemKind.WEBSOCKET_REQUIRED, detail, {"Upgrade": "websocket"})


def open_websocket(context: WebSocketContext, grip_channels: list[str], *first: str) -> None:
    """Accept a WebSocket, subscribe it to GRIP channels, and send it the `first` messages."""
    context.accept()
    for grip_channel in grip_channels:
        context.subscribe(grip_channel)
    context.send_control(websocket_keep_alive())
    for message in first:
        context.send(message)


@contextmanager
def refuses_websocket(context: WebSocketContext) -> Iterator[None]:
    """Accept a WebSocket whose opening the body refuses, and close it with 4000 and the status.

    A browser's script never sees the HTTP status with which an opening is refused."""
    try:
        yield
    except Exception as error:
        problem = to_problem(error)
        if problem is None:
            raise
        context.accept()
        context.close(4000 + problem.status)


def answer_websocket(context: WebSocketContext) -> None:
    """Answer the client's messages: pings and closings. All others are ignored."""
    try:
        while context.can_recv():
            message = context.recv()
            if message is None:
                context.close(NORMAL)  # without a code gripcontrol sends 0, which is none
            elif _is_ping(message):
                context.send('{"event":"pong"}')
    except OSError:  # gripcontrol raises it when the client has gone
        return
    except UnicodeDecodeError:
        context.close(NOT_TEXT)


def _is_ping(message: str | bytes) -> bool:
    """Return whether this is our own ping: a browser's script cannot send the protocol's."""
    try:
        return bool(json.loads(message) == {"event": "ping"})
    except (ValueError, RecursionError):
        return False


def reconnect_response(error: StoreUnavailable) -> HttpResponse:
    """Return the answer to a stream's request while the store is unavailable: an ended stream. The
    error is logged, because nothing else shows it.

    An EventSource reconnects after a 200 that ended, and after nothing else (HTML standard,
    9.2.3)."""
    log_store_failure(error)
    return event_stream(retry_line())
