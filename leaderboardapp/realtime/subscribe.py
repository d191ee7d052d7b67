"""What the GRIP proxy is asked to hold: event streams, long-polls, WebSockets.

Sources: the GRIP protocol and WebSocket-over-HTTP (pushpin.org/docs/protocols).
"""

import functools
import ipaddress
import json
import re
import time
from typing import cast

import django_grip
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django_grip import GripData, set_hold_longpoll, set_hold_stream
from gripcontrol import WebSocketContext, validate_sig, websocket_control_message

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

KEEP_ALIVE_SECONDS = 20
WAIT_SECONDS = (5, 300)  # the shortest that Pushpin holds a response for; our longest


class GripRequest(HttpRequest):
    """A request as the middleware leaves it."""

    grip: GripData
    wscontext: WebSocketContext | None  # what a proxy tells of a WebSocket, if it is that


class GripMiddleware(django_grip.GripMiddleware):  # type: ignore[misc]  # it has no types
    """django_grip's, but for the proxy's signature: that is the same one for all requests of one
    second, and to verify it takes as long as to read a board."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        signature = request.META.pop("HTTP_GRIP_SIG", "")
        response: HttpResponse | None = super().process_request(request)
        grip = cast(GripRequest, request).grip
        grip.signed = grip.proxied = _is_signed(signature, int(time.time()))
        return response


@functools.lru_cache(maxsize=64)
def _is_signed(signature: str, second: int) -> bool:
    """Whether some proxy's key has made it, and it has not expired by then."""
    return bool(signature) and any(
        # Pushpin signs with the key that it is published to with; Fanout has one of its own.
        validate_sig(signature, proxy.get("verify_key", proxy["key"]), proxy.get("verify_iss"))
        for proxy in settings.GRIP_PROXIES
    )


def client_address(request: HttpRequest) -> str:
    """As the proxy saw it, or, for a request that did not come through one, as we see it. Of IPv6
    the network, in which a client has as many addresses as it likes."""
    text: str = request.META.get("REMOTE_ADDR", "")
    if is_signed(request):
        # The last entry is the proxy's own; anybody can send the ones before it.
        text = request.headers.get("X-Forwarded-For", text).rpartition(",")[2].strip()
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.IPv6Network((address.packed[:8] + bytes(8), 64)))


def is_signed(request: HttpRequest) -> bool:
    """Whether it came through a proxy of ours."""
    signed: bool = cast(GripRequest, request).grip.signed
    return signed


def is_websocket(request: HttpRequest) -> bool:
    """Whether the proxy tells of a WebSocket with it."""
    return cast(GripRequest, request).wscontext is not None


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
    seen = request.headers.get("Last-Event-ID") == snapshot.hash
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


def require_proxy(request: HttpRequest) -> None:
    """Raises Problem 501."""
    if not is_signed(request):
        raise Problem(
            501,
            "Streams are held by a GRIP proxy, and this request did not come through one. "
            "Ask the proxy (http://localhost:7999 in a local run).",
        )


def come_again() -> HttpResponse:
    """For a passing failure: an EventSource reconnects after a 200 that ended, and after nothing
    else (HTML standard, 9.2.3)."""
    return event_stream(retry_line())
