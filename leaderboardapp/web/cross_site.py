"""Requests that a browser sends for a page of another origin: what such pages may read (CORS), and
that they write nothing which the visitor knows nothing of."""

from typing import cast
from urllib.parse import urlsplit

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from leaderboardapp.domain.messages import clean
from leaderboardapp.web.headers import normalize_origin
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem

MAX_SHOWN = 200  # characters of an origin, in a message
_cors = CorsMiddleware(lambda request: HttpResponse())


class CrossOriginMiddleware(CorsMiddleware):
    """corsheaders' middleware, which most requests pass by: they name no origin."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "HTTP_ORIGIN" in request.META:
            return cast(HttpResponseBase, super().__call__(request))
        response = cast(HttpResponseBase, self.get_response(request))
        patch_vary_headers(response, ("origin",))  # to another one it may be answered otherwise
        return response


def require_same_origin(request: HttpRequest) -> None:
    """Raise Problem 403 if a page of another origin sent the request, unless it is an allowed one.

    Programs send neither Origin nor Sec-Fetch-Site, and pass."""
    origin = request.META.get("HTTP_ORIGIN")
    site = request.META.get("HTTP_SEC_FETCH_SITE")
    if (origin is None and site is None) or _is_same_origin(request, origin, site):
        return
    if settings.CORS_ALLOW_ALL_ORIGINS or (origin and _is_allowed(origin)):
        return
    detail = (
        f"This was sent by a page of another origin ({clean(origin or str(site), MAX_SHOWN)}), and "
        "nothing was changed. Accepted are pages of this service, and of the origins in "
        "CORS_ALLOWED_ORIGINS."
    )
    raise Problem(ProblemKind.CROSS_SITE, detail)


def _is_same_origin(request: HttpRequest, origin: str | None, site: str | None) -> bool:
    """Return whether a page of this service, or the visitor by hand, sent the request."""
    if site is not None:  # the browser knows best: a proxy may have changed Host
        return site.strip().lower() in ("same-origin", "none")
    # By the origin's own scheme, because TLS may end in front of us.
    scheme, separator, _ = (origin or "").partition("://")
    host = request.META.get("HTTP_HOST", "")
    here = normalize_origin(f"{scheme}://{host}")
    return bool(host and separator) and normalize_origin(origin or "") == here


def _is_allowed(origin: str) -> bool:
    origin = normalize_origin(origin)
    try:
        return _cors.origin_found_in_white_lists(origin, urlsplit(origin))
    except ValueError:  # no URL at all
        return False
