"""What the GRIP proxy is asked to hold: event streams, long-polls, WebSockets.

Sources: the GRIP protocol and WebSocket-over-HTTP (pushpin.org/docs/protocols).
"""

import json
import re
from typing import cast

from django.http import HttpRequest, HttpResponse
from django_grip import set_hold_longpoll, set_hold_stream
from gripcontrol import WebSocketContext, websocket_control_message

from leaderboardapp.realtime.formats import (
    NORMAL,
    NOT_TEXT,
    channel,
    event_stream,
    retry_line,
    update_event,
)
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.proxy import GripRequest, is_signed, require_proxy

KEEP_ALIVE_SECONDS = 20
WAIT_SECONDS = (5, 300)  # the shortest that Pushpin holds a response for; our longest


def hold_stream(request: HttpRequest, channel: str, first: str = "") -> HttpResponse:
    """The first events, then whatever is published to the channel."""
    require_proxy(request)
    set_hold_stream(
        request, channel, keep_alive_data=":\n\n", keep_alive_timeout=KEEP_ALIVE_SECONDS
    )
    return event_stream(retry_line() + first)


def hold_board(request: HttpRequest, board: str, snapshot: Snapshot) -> HttpResponse:
    """The snapshot as the stream's first event (unless the client names it as the last one that
    it saw), then whatever is published for the board."""
    seen = request.headers.get("Last-Event-ID") == snapshot.fingerprint
    first = "" if seen else update_event(snapshot)
    return hold_stream(request, channel(board, snapshot.private), first)


def hold_response(
    request: HttpRequest, board: str, snapshot: Snapshot, unchanged: HttpResponse
) -> HttpResponse:
    """For a client that has the newest snapshot and prefers to wait (RFC 7240) for the next one:
    that, or `unchanged` when the wait is over. Without a proxy, `unchanged` at once."""
    wait = re.search(r'(?:^|[,\s])wait\s*=\s*"?([0-9]{1,9})\b', request.headers.get("Prefer", ""))
    if wait and is_signed(request):
        seconds = max(WAIT_SECONDS[0], min(int(wait[1]), WAIT_SECONDS[1]))
        set_hold_longpoll(request, channel(board, snapshot.private), timeout=seconds)
        unchanged["Preference-Applied"] = f"wait={seconds}"
    return unchanged


def websocket(request: HttpRequest) -> WebSocketContext:
    """What the proxy tells of a WebSocket, and is answered. Raises Problem if this is none."""
    context = cast(GripRequest, request).wscontext
    if context:
        require_proxy(request)
        return context
    if "Upgrade" in request.headers:
        raise Problem(
            501,
            "WebSockets are held by a GRIP proxy that passes them on over HTTP, and this one did "
            "not come through such a proxy. Connect to the proxy for WebSockets "
            "(ws://localhost:7998 in a local run).",
        )
    detail = "This is a WebSocket: connect to it with ws:// or wss://."
    raise Problem(426, detail, {"Upgrade": "websocket"})


def open_websocket(context: WebSocketContext, channel: str, *first: str) -> None:
    """The first messages, then whatever is published to the channel."""
    context.accept()
    context.subscribe(channel)
    # The proxy pings for us, so that nothing in between takes a quiet connection for a dead one.
    ping = {"message-type": "ping", "content": "alive", "timeout": KEEP_ALIVE_SECONDS}
    context.send_control(websocket_control_message("keep-alive", ping))
    for message in first:
        context.send(message)


def refuse_websocket(context: WebSocketContext, code: int) -> None:
    """Opened and closed with a code, because a browser's script never sees the status with which
    an opening is refused."""
    context.accept()
    context.close(code)


def answer_websocket(context: WebSocketContext) -> None:
    """What the client has sent: a ping is answered, a closing confirmed, and the rest ignored."""
    try:
        while context.can_recv():
            message = context.recv()
            if message is None:
                context.close(NORMAL)  # without a code gripcontrol sends 0, which is none
            elif _is_ping(message):
                context.send('{"event":"pong"}')
    except OSError:  # gripcontrol's word for a client that has gone
        return
    except UnicodeDecodeError:
        context.close(NOT_TEXT)


def _is_ping(message: str | bytes) -> bool:
    """A script in a browser cannot send the protocol's own ping."""
    try:
        return bool(json.loads(message) == {"event": "ping"})
    except (ValueError, RecursionError):
        return False


def reconnect_response() -> HttpResponse:
    """For a passing failure: an EventSource reconnects after a 200 that ended, and after nothing
    else (HTML standard, 9.2.3)."""
    return event_stream(retry_line())
