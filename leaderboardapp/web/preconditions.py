"""Preconditions: requests that are done only if a resource is, or is not, as the client knows it.

Nothing here has a date of modification, so preconditions with dates are ignored, as RFC 9110 says.

Source: RFC 9110 (13, conditional requests).
"""

from collections.abc import Callable, Collection
from typing import TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase

from leaderboardapp.domain.types import Precondition, Row
from leaderboardapp.web.headers import ANY, parse_entity_tags
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.rate_limit import View

Response = TypeVar("Response", bound=HttpResponseBase)

MATCH, NONE_MATCH = "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"
KEPT_HEADERS = ("Cache-Control", "ETag", "Vary")  # of a 304, those that its 200 has

_views_that_require: set[View] = set()


def requires_own(view: View) -> View:
    """Mark a view that changes a resource with entity tags, and holds its write to them itself."""
    _views_that_require.add(view)
    return view


def is_required_by_view(view: View) -> bool:
    """Return whether the view holds its write to the request's preconditions itself."""
    return view in _views_that_require


def require(request: HttpRequest, tags: Collection[str], exists: bool = True) -> None:
    """Raise Problem 412 if a precondition of a write is false.

    The resource has these entity tags, one for each of its representations. `exists` is whether it
    has any representation, tagged or not."""
    if failed := _find_failed(request, tags, exists):
        reason = "the ETag is another one" if tags else "what is here has no ETag"
        detail = f"{failed} does not hold ({reason}). Nothing was changed."
        raise Problem(ProblemKind.PRECONDITION_FAILED, detail)


def build(
    request: HttpRequest, read: Callable[[], tuple[Row, Collection[str]]]
) -> Precondition | None:
    """Return the request's preconditions for a write of the store; None without any.

    `read` returns the row that is written, and the entity tags, both as they are at one moment."""
    if not _has_any(request):
        return None

    def check() -> Row | None:
        row, tags = read()
        require(request, tags)
        return row if _names_tags(request) else None

    return check


def apply(request: HttpRequest, response: Response) -> Response | HttpResponse:
    """Return the response to a read, or a 304 in place of it. Raises Problem 412.

    A response without an ETag is returned as it is."""
    if not _has_any(request) or response.status_code != 200 or "ETag" not in response:
        return response
    failed = _find_failed(request, [response["ETag"]], exists=True)
    if failed == "If-None-Match":
        headers = {name: response[name] for name in KEPT_HEADERS if name in response}
        return HttpResponseNotModified(headers=headers)
    if failed:
        detail = f"{failed} does not name the ETag of this, {response['ETag']}."
        raise Problem(ProblemKind.PRECONDITION_FAILED, detail)
    return response


def names_one_tag(request: HttpRequest) -> bool:
    """Return whether If-None-Match names exactly one entity tag."""
    tags = parse_entity_tags(request.META.get(NONE_MATCH, ""))
    return len(tags) == 1 and tags != [ANY]


def _has_any(request: HttpRequest) -> bool:
    return MATCH in request.META or NONE_MATCH in request.META


def _names_tags(request: HttpRequest) -> bool:
    """Return whether a precondition asks for more than that there is something, or nothing."""
    texts = [request.META[header] for header in (MATCH, NONE_MATCH) if header in request.META]
    return any(parse_entity_tags(text) != [ANY] for text in texts)


def _find_failed(request: HttpRequest, tags: Collection[str], exists: bool) -> str | None:
    """Return the name of the header that is false; None if there is none."""
    match, none_match = request.META.get(MATCH), request.META.get(NONE_MATCH)
    if match is not None and not _is_named(parse_entity_tags(match), tags, exists):
        return "If-Match"  # compared strongly: no weak tag is equal to one of ours
    if none_match is not None:
        named = [tag.removeprefix("W/") for tag in parse_entity_tags(none_match)]
        return "If-None-Match" if _is_named(named, tags, exists) else None
    return None


def _is_named(named: list[str], tags: Collection[str], exists: bool) -> bool:
    return exists if named == [ANY] else any(tag in tags for tag in named)
