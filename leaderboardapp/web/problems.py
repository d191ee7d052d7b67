"""Problems: every failure is answered in one shape, application/problem+json (RFC 9457)."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase

from leaderboardapp.domain.exceptions import (
    AlreadyExists,
    EmailNotAsked,
    EmailRequired,
    EmailTaken,
    OutcomeUnknown,
    ScoreOutOfRange,
    StoreUnavailable,
    WrongSeason,
)
from leaderboardapp.domain.fields import InvalidInput, MalformedInput

logger = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
SAFE_METHODS = ("GET", "HEAD")


class Problem(Exception):
    """A failure with its HTTP status. A view raises it anywhere; the middleware answers it."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = HTTPStatus(status), detail, headers

    def response(self) -> HttpResponse:
        """Return the problem document, with the problem's headers."""
        # In ASCII, because it may repeat what a client sent, such as half a surrogate pair.
        return JsonResponse(
            {
                "type": "about:blank",
                "title": self.status.phrase,
                "status": self.status.value,
                "detail": self.detail,
            },
            status=self.status.value,
            content_type=PROBLEM,
            headers=self.headers,
        )


class ProblemMiddleware:
    """Answer every failure with a problem document."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code < 400 or response.get("Content-Type") == PROBLEM:
            return response
        # Django and django_grip refuse some requests themselves, such as one with If-Match.
        status = HTTPStatus(response.status_code)
        return Problem(status, f"{status.description or status.phrase}.").response()

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return the answer to a view's exception; None leaves it to Django, which answers 500."""
        if isinstance(error, ObjectDoesNotExist):
            return not_found(request, error)
        problem = _get_client_problem(error) or _get_store_problem(request, error)
        return problem.response() if problem else None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return 400, where Django could not read the request."""
    return Problem(400, "The request could not be read.").response()


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return 404, with a hint if the path lacks its last slash."""
    if not request.path.endswith("/"):
        return Problem(404, f"No such page; did you mean {request.path}/ ?").response()
    return Problem(404, f"There is nothing at {request.path}.").response()


def server_error(request: HttpRequest) -> HttpResponse:
    """Return 500, for an exception that nothing else answers."""
    return Problem(500, "This is a fault of the server; it has been logged.").response()


def _get_client_problem(error: Exception) -> Problem | None:
    """Return the problem of a request that is refused; None for any other error."""
    match error:
        case Problem():
            return error
        case MalformedInput():
            return Problem(400, error.detail)
        case InvalidInput():
            return Problem(422, error.detail)
        case AlreadyExists():
            return Problem(409, f"The id {error} is taken; choose another.")
        case EmailTaken():
            return Problem(409, "A player of this board has that email address already.")
        case EmailRequired():
            return Problem(422, "email: missing.")
        case EmailNotAsked():
            return Problem(422, "email: not asked for by this board; set ask_email first.")
        case WrongSeason():
            return Problem(409, f"The season meant is not running: {error}.")
        case ScoreOutOfRange():
            return Problem(422, f"{error}.")
        case UnreadablePostError():
            return Problem(400, "The body could not be read to its end.")
        case RequestDataTooBig():
            return Problem(413, "The body is larger than 256 KiB.")
    return None


def _get_store_problem(request: HttpRequest, error: Exception) -> Problem | None:
    """Return the problem of a store that failed, which is logged; None for any other error."""
    match error:
        case OutcomeUnknown() if request.method not in SAFE_METHODS:
            logger.error("outcome unknown: %s", error)
            detail = (
                "The store did not answer in time; whether this was done is not known. With an "
                "Idempotency-Key an increment can be sent again and counts once."
            )
            return Problem(504, detail, {"Retry-After": "2"})
        case StoreUnavailable():
            logger.error("store unavailable: %s", error)
            detail = "The store cannot be reached at the moment; nothing is queued. Try again."
            return Problem(503, detail, {"Retry-After": "2"})
    return None
