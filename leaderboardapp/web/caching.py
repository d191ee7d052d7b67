"""How answers may be cached: every one says so, errors and refusals too."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from leaderboardapp.snapshots import PRIVATE, REVALIDATED

READ_METHODS = ("GET", "HEAD", "OPTIONS")
# What is between the server and the client may not change the body, such as to compress it.
NO_TRANSFORM = "no-transform"


class CacheControlMiddleware:
    """Give each response a Cache-Control: PRIVATE, or its own one, or else REVALIDATED.

    PRIVATE leaves NO_TRANSFORM as it is, which is not about keeping."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method not in READ_METHODS or getattr(request, "is_private", False):
            no_transform = NO_TRANSFORM in response.get("Cache-Control", "")
            response["Cache-Control"] = f"{PRIVATE}, {NO_TRANSFORM}" if no_transform else PRIVATE
        elif "Cache-Control" not in response:
            response["Cache-Control"] = REVALIDATED
        return response


def mark_private(request: HttpRequest) -> None:
    """Let nobody keep the answer to this request: not everybody may see it."""
    request.is_private = True  # type: ignore[attr-defined]
