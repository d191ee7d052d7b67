"""One line in the log for each request, and an id of the request in all lines about it.

Of a request the line has the method, the path's ids, and what became of it. Queries, headers and
bodies, which may have secrets, are left out. A path that leads nowhere is, too: it may be anything.
"""

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from leaderboardapp.domain.log_lines import request_id
from leaderboardapp.web.measuring import get_method, get_route
from leaderboardapp.web.proxy import came_through_front

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
VALID_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")  # neither an address nor a JWT


class RequestLogMiddleware:
    """Log each request, and answer its id. In MIDDLEWARE with REQUEST_LOG only."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        id = _read_id(request) or uuid.uuid4().hex
        token = request_id.set(id)
        try:
            response = self.get_response(request)
            _log(request, response, time.perf_counter() - began)
        finally:
            request_id.reset(token)
        response[HEADER] = id
        return response


def _read_id(request: HttpRequest) -> str | None:
    """Return the id that a front proxy has given the request; None if there is none that counts.

    Anybody else's would let strangers write what they like into the log."""
    id = request.headers.get(HEADER, "")
    return id if VALID_ID.fullmatch(id) and came_through_front(request) else None


def _log(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    fields = {
        "method": get_method(request),
        "route": get_route(request),
        "status": response.status_code,
        "ms": round(seconds * 1000, 1),
    }
    if request.resolver_match:
        fields["path"] = request.path
    if hold := response.get("Grip-Hold"):  # the proxy keeps the connection open
        fields["hold"] = hold
    logger.info("answered", extra={"fields": fields})
