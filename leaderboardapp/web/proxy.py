"""What the GRIP proxy adds to a request: its signature, the client's address, a WebSocket."""

import functools
import ipaddress
import time
from typing import Any, cast

import django_grip
import jwt
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django_grip import GripData
from gripcontrol import WebSocketContext

from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem


class GripRequest(HttpRequest):
    """A request as GripMiddleware leaves it."""

    grip: GripData
    wscontext: WebSocketContext | None  # the WebSocket's events, if the request carries any


EVENTS_TYPE = "application/websocket-events"  # of WebSocket-over-HTTP


class GripMiddleware(django_grip.GripMiddleware):  # type: ignore[misc]  # it has no types
    """django_grip's middleware, with a cache of the signatures that were verified.

    All requests of one second carry the same signature, and verifying one takes as long as reading
    a board. A WebSocket's events are believed only from a proxy: to anybody else they would be a
    way to have a POST taken for something else.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Set `request.grip` and `request.wscontext`; return a response only to refuse."""
        signature = request.META.pop("HTTP_GRIP_SIG", "")
        is_signed = _is_valid_signature(signature, int(time.time()))
        if not is_signed and request.method == "POST" and request.content_type == EVENTS_TYPE:
            cast(GripRequest, request).grip = GripData()
            return _proxy_required("Events of WebSockets come from a GRIP proxy").response()
        response: HttpResponse | None = super().process_request(request)
        grip = cast(GripRequest, request).grip
        grip.signed = grip.proxied = is_signed
        return response


@functools.lru_cache(maxsize=64)
def _is_valid_signature(signature: str, second: int) -> bool:
    """Return whether a configured proxy made the signature and it has not expired.

    `second`, the time now, makes the cache ask again every second.
    """
    return bool(signature) and any(_signs(proxy, signature) for proxy in settings.GRIP_PROXIES)


def _signs(proxy: dict[str, Any], signature: str) -> bool:
    """Return whether this proxy made the signature and it has not expired."""
    # Pushpin signs with the key that it is published to with; Fanout has a key for each.
    key = proxy.get("verify_key", proxy["key"])
    # The key says the algorithm, and the signature does not: a public key is nobody's secret.
    algorithm = "HS256" if isinstance(key, str | bytes) else "ES256"
    issuer = proxy.get("verify_iss")
    try:
        jwt.decode(signature, key, [algorithm], options={"require": ["exp"]}, issuer=issuer)
    except Exception:  # anybody may send it, so whatever is wrong with it
        return False
    return True


def client_address(request: HttpRequest) -> str:
    """Return the client's address: the last one on the request's way that no proxy has.

    A GRIP proxy is known by its signature, a front proxy by its address, which TRUSTED_PROXIES
    names. For IPv6 it is the /64 network, in which a client may use any address.
    """
    # Each proxy appends the address that it saw. Anybody can send the entries before those.
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    if not is_signed(request) or hops == [""]:
        hops.append(request.META.get("REMOTE_ADDR", ""))
    while len(hops) > 1 and _is_trusted(hops[-1]):
        hops.pop()
    address = _parse_address(hops[-1])
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address.packed[:8] + bytes(8), 64)))
    return str(address or hops[-1])


def came_through_front(request: HttpRequest) -> bool:
    """Return whether a front proxy passed the request on to a GRIP proxy: its headers are those of
    the front. It may be asked before GripMiddleware has seen the request."""
    last = request.headers.get("X-Forwarded-For", "").rpartition(",")[2]
    signature = request.headers.get("Grip-Sig", "")
    return _is_trusted(last.strip()) and _is_valid_signature(signature, int(time.time()))


def _is_trusted(text: str) -> bool:
    """Return whether this is the address of a front proxy."""
    address = _parse_address(text)
    return address is not None and any(address in network for network in settings.TRUSTED_PROXIES)


def _parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address, as IPv4 if IPv6 only wraps it; None if the text is no address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_signed(request: HttpRequest) -> bool:
    """Return whether the request came through a configured proxy."""
    signed: bool = cast(GripRequest, request).grip.signed
    return signed


def is_websocket(request: HttpRequest) -> bool:
    """Return whether the request has a WebSocket's events, from a proxy (WebSocket-over-HTTP)."""
    return cast(GripRequest, request).wscontext is not None


def require_proxy(request: HttpRequest) -> None:
    """Raise Problem 501 unless the request came through a configured proxy."""
    if not is_signed(request):
        raise _proxy_required("Streams are held by a GRIP proxy")


def _proxy_required(reason: str) -> Problem:
    detail = (
        f"{reason}, and this request did not come through one. Ask the proxy "
        f"(http://localhost:{settings.LOCAL_HTTP_PORT} in a local run)."
    )
    return Problem(ProblemKind.PROXY_REQUIRED, detail)
