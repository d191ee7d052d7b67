"""Problems: every failure is answered in one shape, application/problem+json (RFC 9457)."""

import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from leaderboardapp.domain.exceptions import (
    AlreadyExists,
    BoardNotFound,
    ChannelNotFound,
    EmailNotAsked,
    EmailRequired,
    EmailTaken,
    OutcomeUnknown,
    PlayerNotFound,
    ScoreOutOfRange,
    SeasonNotFound,
    StoreUnavailable,
    WindowNotFound,
    WrongSeason,
)
from leaderboardapp.domain.fields import DuplicateKey, InvalidInput, MalformedInput
from leaderboardapp.domain.masking import mask_secrets
from leaderboardapp.domain.messages import clean
from leaderboardapp.stores import get_store
from leaderboardapp.web.problem_kinds import UNTYPED, ProblemKind

logger = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
MAX_PATH_LENGTH = 200  # characters, in a message
SAFE_METHODS = ("GET", "HEAD")


class Problem(Exception):
    """A failure of a known kind. A view raises it anywhere; the middleware answers it."""

    def __init__(
        self,
        kind: ProblemKind,
        detail: str,
        headers: dict[str, str] | None = None,
        members: dict[str, Any] | None = None,
        errors: Sequence[str] = (),
    ) -> None:
        """`members` of the document say in values what the detail says in words. Of several things
        that are wrong `errors` has a sentence each, the first of which is the detail."""
        super().__init__(detail)
        self.kind, self.detail, self.headers = kind, detail, headers
        self.members, self.errors = members or {}, errors
        self.status = kind.status

    def response(self) -> HttpResponse:
        """Return the problem document, with the problem's headers."""
        return _respond(
            self.status,
            self.kind.type,
            self.kind.title,
            self.detail,
            self.headers,
            self.errors,
            **self.members,
        )


class ProblemMiddleware:
    """Answer every failure with a problem document."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code < 400 or response.get("Content-Type") == PROBLEM:
            return response
        # Django and django_grip refuse some requests themselves.
        status = HTTPStatus(response.status_code)
        return untyped_problem(status, f"{status.description or status.phrase}.")

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return the answer to a view's exception; None leaves it to Django, which answers 500."""
        problem = to_problem(error) or _get_store_problem(request, error)
        return problem.response() if problem else None


def untyped_problem(status: HTTPStatus, detail: str) -> HttpResponse:
    """Return a problem document for a failure of which only the status is known."""
    return _respond(status, UNTYPED, status.phrase, detail)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return 400, where Django could not read the request."""
    detail = "The request could not be read."
    return Problem(ProblemKind.MALFORMED_REQUEST, detail).response()


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return 404 for a path that leads nowhere, with the path that was meant, if it is known."""
    detail = f"There is nothing at {clean(request.path, MAX_PATH_LENGTH)}."
    if meant := find_meant_path(request):
        detail = f"No such page; did you mean {meant} ?"
    return Problem(ProblemKind.PATH_NOT_FOUND, detail).response()


def find_meant_path(request: HttpRequest) -> str | None:
    """Return the path that a request means whose path leads nowhere: with a last slash more, or
    one less. None if that leads nowhere either, or to a board that is missing."""
    path = request.path.removesuffix("/") if request.path.endswith("/") else f"{request.path}/"
    try:
        board_id = resolve(path).kwargs.get("board_id")
        if board_id is not None:
            get_store().get_board(board_id)
    except (Resolver404, BoardNotFound, StoreUnavailable):
        return None
    return path


def server_error(request: HttpRequest) -> HttpResponse:
    """Return 500, for an exception that nothing else answers."""
    detail = "This is a fault of the server; it has been logged."
    return untyped_problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)


def to_problem(error: Exception) -> Problem | None:
    """Return the problem of what is refused; None for any other error."""
    return error if isinstance(error, Problem) else _get_missing(error) or _get_refusal(error)


def _get_missing(error: Exception) -> Problem | None:
    """Return the problem of something that does not exist; None for any other error."""
    match error:
        case BoardNotFound():
            return Problem(ProblemKind.BOARD_NOT_FOUND, str(error))
        case WindowNotFound():
            return Problem(ProblemKind.WINDOW_NOT_FOUND, str(error))
        case PlayerNotFound():
            return Problem(ProblemKind.PLAYER_NOT_FOUND, str(error))
        case SeasonNotFound():
            return Problem(ProblemKind.SEASON_NOT_FOUND, str(error))
        case ChannelNotFound():
            return Problem(ProblemKind.CHANNEL_NOT_FOUND, str(error))
    return None


def _get_refusal(error: Exception) -> Problem | None:
    """Return the problem of a request that is refused; None for any other error."""
    match error:
        case DuplicateKey():
            return Problem(ProblemKind.DUPLICATE_KEY, error.detail)
        case MalformedInput():
            return Problem(ProblemKind.MALFORMED_JSON, error.detail)
        case InvalidInput():
            return Problem(ProblemKind.INVALID_BODY, error.detail, errors=error.errors)
        case AlreadyExists():
            return Problem(ProblemKind.ID_TAKEN, f"The id {error} is taken; choose another.")
        case EmailTaken():
            detail = "A player of this board has that email address already."
            return Problem(ProblemKind.EMAIL_TAKEN, detail)
        case EmailRequired():
            return Problem(ProblemKind.INVALID_BODY, "email: missing.")
        case EmailNotAsked():
            detail = "email: not asked for by this board; set ask_email first."
            return Problem(ProblemKind.INVALID_BODY, detail)
        case WrongSeason():
            return Problem(ProblemKind.WRONG_SEASON, f"The season meant is not running: {error}.")
        case ScoreOutOfRange():
            members = {"limits": error.limits}
            return Problem(ProblemKind.SCORE_OUT_OF_RANGE, f"{error}.", members=members)
        case UnreadablePostError():
            detail = "The body could not be read to its end."
            return Problem(ProblemKind.MALFORMED_REQUEST, detail)
        case RequestDataTooBig():
            return Problem(ProblemKind.BODY_TOO_LARGE, "The body is larger than 256 KiB.")
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
            return Problem(ProblemKind.OUTCOME_UNKNOWN, detail, {"Retry-After": "2"})
        case StoreUnavailable():
            log_store_failure(error)
            detail = "The store cannot be reached at the moment; nothing is queued. Try again."
            return Problem(ProblemKind.STORE_UNAVAILABLE, detail, {"Retry-After": "2"})
    return None


def log_store_failure(error: StoreUnavailable) -> None:
    """Log why a request has no answer of the store."""
    logger.error("store unavailable: %s", error)


def _respond(
    status: HTTPStatus,
    type: str,
    title: str,
    detail: str,
    headers: dict[str, str] | None = None,
    errors: Sequence[str] = (),
    **members: Any,
) -> HttpResponse:
    masked = mask_secrets(detail)  # it may quote what a client sent
    document: dict[str, Any] = {
        "type": type,
        "title": title,
        "status": status.value,
        "detail": masked,
        **members,
    }
    if len(errors) > 1:  # one is the detail
        document["errors"] = [mask_secrets(error) for error in errors]
    # In ASCII, because it may repeat what a client sent, such as half a surrogate pair.
    return JsonResponse(document, status=status.value, content_type=PROBLEM, headers=headers)
