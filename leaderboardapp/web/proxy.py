"""What the GRIP proxy tells with a request: its signature, the client's address, a WebSocket."""

import functools
import ipaddress
import time
from typing import cast

import django_grip
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django_grip import GripData
from gripcontrol import WebSocketContext, validate_sig

from leaderboardapp.web.problems import Problem


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


def require_proxy(request: HttpRequest) -> None:
    """Raises Problem 501."""
    if not is_signed(request):
        raise Problem(
            501,
            "Streams are held by a GRIP proxy, and this request did not come through one. "
            "Ask the proxy (http://localhost:7999 in a local run).",
        )
