"""The kinds of problem: their statuses, and what people are told of them at /docs/problems/."""

from enum import Enum
from http import HTTPStatus

PAGE_PATH = "/docs/problems/"
UNTYPED = "about:blank"  # the type of a failure of which only the status is known (RFC 9457, 4.2.1)


class ProblemKind(Enum):
    """A kind of problem. Its slug stays the same for good, because programs compare it.

    The page at PAGE_PATH is made from this table. A failure in the framework, or of an unknown
    cause, has no kind: nothing can be said of it but its status.
    """

    def __init__(
        self, slug: str, status: HTTPStatus, title: str, meaning: str, remedy: str
    ) -> None:
        """`meaning` says what happened, `remedy` what a client can do about it."""
        self.slug, self.status, self.title = slug, status, title
        self.meaning, self.remedy = meaning, remedy

    @property
    def type(self) -> str:
        """Return the problem document's `type`: where this service describes the kind."""
        return f"{PAGE_PATH}#{self.slug}"

    MALFORMED_REQUEST = (
        "malformed-request",
        HTTPStatus.BAD_REQUEST,
        "The request cannot be read",
        "The request is no valid HTTP, or its body ended early.",
        "Send it again. If that fails, mend the client.",
    )
    MALFORMED_JSON = (
        "malformed-json",
        HTTPStatus.BAD_REQUEST,
        "The body is not JSON",
        "The body is not JSON in UTF-8.",
        "Make the body with a JSON library. The detail says where reading ended.",
    )
    DUPLICATE_KEY = (
        "duplicate-key",
        HTTPStatus.BAD_REQUEST,
        "A key is there twice",
        "An object of the body has two values for one key, so what was meant is not known.",
        "Send each key once.",
    )
    INVALID_HEADER = (
        "invalid-header",
        HTTPStatus.BAD_REQUEST,
        "A header is not accepted",
        "A header, which the detail names, has a value that is not accepted.",
        "Send the header as the detail says, or leave it out.",
    )
    TOKEN_REQUIRED = (
        "token-required",
        HTTPStatus.UNAUTHORIZED,
        "This needs a token",
        "The request writes, or reads a private board, and has no token.",
        "Send a token as Authorization: Bearer. Whoever runs the service makes tokens.",
    )
    INVALID_TOKEN = (
        "invalid-token",
        HTTPStatus.UNAUTHORIZED,
        "The token is not valid",
        "The token has expired, is not signed with a key that the service knows, or has a claim "
        "that is not accepted.",
        "Get a new token.",
    )
    INVALID_TICKET = (
        "invalid-ticket",
        HTTPStatus.UNAUTHORIZED,
        "The ticket is not valid",
        "The ticket was used before, has expired, is for another board, or was not made by this "
        "service.",
        "Get a new ticket for each connection, by POST /boards/{id}/ticket/ with a token.",
    )
    INSUFFICIENT_SCOPE = (
        "insufficient-scope",
        HTTPStatus.FORBIDDEN,
        "The token does not allow this",
        "The token is valid, but lacks the scope, or is for other boards or another player. Or it "
        "is a player's, and the board's player_writes does not allow this.",
        "Get a token with what the detail names. Whoever runs the board sets player_writes.",
    )
    CROSS_SITE = (
        "cross-site",
        HTTPStatus.FORBIDDEN,
        "A page of another site sent this",
        "A browser sent a write for a page of another origin, which the service does not allow.",
        "Whoever runs the service can allow the origin, by CORS_ALLOWED_ORIGINS.",
    )
    PATH_NOT_FOUND = (
        "path-not-found",
        HTTPStatus.NOT_FOUND,
        "There is no such path",
        "No path of the API, and no page, has this address.",
        "Correct the path. Most paths end with a slash.",
    )
    BOARD_NOT_FOUND = (
        "board-not-found",
        HTTPStatus.NOT_FOUND,
        "There is no such board",
        "No board has this id: it was deleted, or has never been.",
        "Correct the id, or create the board.",
    )
    WINDOW_NOT_FOUND = (
        "window-not-found",
        HTTPStatus.NOT_FOUND,
        "The board has no such window",
        "The board is there, but its setting windows does not have the one that the parameter "
        "window names.",
        "Name one that the detail lists, or add it to the board's windows.",
    )
    PLAYER_NOT_FOUND = (
        "player-not-found",
        HTTPStatus.NOT_FOUND,
        "There is no such player",
        "The board is there, but has no player of this id.",
        "Correct the id, or create the player.",
    )
    SEASON_NOT_FOUND = (
        "season-not-found",
        HTTPStatus.NOT_FOUND,
        "There is no such past season",
        "The board is there, but no season of this number has ended.",
        "Correct the number. The list of seasons has those that have ended.",
    )
    CHANNEL_NOT_FOUND = (
        "channel-not-found",
        HTTPStatus.NOT_FOUND,
        "There is no such channel",
        "The configuration has no channel of notifications of this name.",
        "Correct the name. Whoever runs the service sets up channels.",
    )
    METHOD_NOT_ALLOWED = (
        "method-not-allowed",
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The path takes other methods",
        "The path exists, and does not take this method.",
        "Use a method that the header Allow names.",
    )
    ID_TAKEN = (
        "id-taken",
        HTTPStatus.CONFLICT,
        "The id is taken",
        "Another board, or another player of the board, has this id.",
        "Choose another id, or use what has it.",
    )
    EMAIL_TAKEN = (
        "email-taken",
        HTTPStatus.CONFLICT,
        "The email address is taken",
        "Another player of the board has this email address.",
        "Use another address.",
    )
    WRONG_SEASON = (
        "wrong-season",
        HTTPStatus.CONFLICT,
        "Another season is running",
        "The request names a season that is not the running one. Nothing was changed.",
        "Name the running season, which the detail has, if the write is still wanted.",
    )
    LENGTH_REQUIRED = (
        "length-required",
        HTTPStatus.LENGTH_REQUIRED,
        "The body needs a length",
        "The body came in chunks, without a Content-Length.",
        "Send the header Content-Length.",
    )
    PRECONDITION_FAILED = (
        "precondition-failed",
        HTTPStatus.PRECONDITION_FAILED,
        "A condition does not hold",
        "What the request is about is not in the state that a header names. Nothing was changed.",
        "Read it again, and decide anew.",
    )
    BODY_TOO_LARGE = (
        "body-too-large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is too large",
        "The body is larger than the detail says.",
        "Split the request.",
    )
    UNSUPPORTED_MEDIA_TYPE = (
        "unsupported-media-type",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is of another type",
        "The body is not declared as JSON.",
        "Send JSON with Content-Type: application/json.",
    )
    INVALID_BODY = (
        "invalid-body",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The body is not accepted",
        "The body is JSON, but lacks a field, has an unknown one, or a value that is not accepted.",
        "Correct the field that the detail names.",
    )
    INVALID_PARAMETER = (
        "invalid-parameter",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "A query parameter is not accepted",
        "A parameter after the question mark is unknown, is there twice, or has a wrong value.",
        "Correct the parameter that the detail names, or leave it out.",
    )
    SCORE_OUT_OF_RANGE = (
        "score-out-of-range",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The board's limits do not allow the score",
        "The score, or the increment, is beyond a limit of the board. Nothing was changed.",
        "Stay within the limits that the detail names, or change the board's settings.",
    )
    WEBSOCKET_REQUIRED = (
        "websocket-required",
        HTTPStatus.UPGRADE_REQUIRED,
        "This is a WebSocket",
        "The path is for WebSockets, and the request opens none.",
        "Connect with ws:// or wss://.",
    )
    RATE_LIMIT_EXCEEDED = (
        "rate-limit-exceeded",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many writes",
        "The token, or the address, has no write left. Nothing was changed.",
        "Send it again after the seconds in Retry-After.",
    )
    PROXY_REQUIRED = (
        "proxy-required",
        HTTPStatus.NOT_IMPLEMENTED,
        "This goes through the proxy",
        "Only the GRIP proxy holds connections open, and the request did not come through it.",
        "Connect to the proxy's address.",
    )
    NO_LIVE_RANKS = (
        "no-live-ranks",
        HTTPStatus.NOT_IMPLEMENTED,
        "Ranks are not live here",
        "The service publishes over HTTP, and so does not know which players anybody watches.",
        "Poll the player as JSON, with If-None-Match and the ETag. Whoever runs the service can "
        "make ranks live: with tcp:// addresses in GRIP_URL.",
    )
    NO_PICTURES = (
        "no-pictures",
        HTTPStatus.NOT_IMPLEMENTED,
        "There are no pictures here",
        "The service runs on a machine without libvips, with which it draws them.",
        "Read the board as JSON. Whoever runs the service can install libvips.",
    )
    BUSY = (
        "busy",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too much is asked at once",
        "The service does only a little of this at a time, and has enough to do at the moment.",
        "Send it again after the seconds in Retry-After.",
    )
    STORE_UNAVAILABLE = (
        "store-unavailable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The store cannot be reached",
        "The database does not answer at the moment. Nothing was changed, and nothing is queued.",
        "Send it again after the seconds in Retry-After.",
    )
    OUTCOME_UNKNOWN = (
        "outcome-unknown",
        HTTPStatus.GATEWAY_TIMEOUT,
        "It is not known whether this was done",
        "The database was asked to write, and gave no answer in time.",
        "Send an increment again with the same Idempotency-Key: it counts once.",
    )
