"""GRIP items: what is published to a GRIP channel, in the form of each transport."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.conf import settings
from gripcontrol import HttpResponseFormat, HttpStreamFormat, WebSocketMessageFormat
from pubcontrol import Format, Item

from leaderboardapp.realtime.formats import (
    DELETED,
    EXPIRED,
    NEEDS_TOKEN,
    PRIVATE,
    PUBLIC,
    TRY_AGAIN,
    board_channel,
    skip_long_polls_with,
    stream_event,
    to_line,
    update_event,
    update_message,
    websocket_message,
)
from leaderboardapp.snapshots import PRIVATE as NOT_KEPT
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem


class BoardEvents(NamedTuple):
    """Events of one board, for the viewers who may see it."""

    private: bool
    events: list[tuple[str, Any]]  # name and payload, the oldest first


def build_items(
    board: str, snapshot: Snapshot | None, *, visibility_changed: bool
) -> Iterator[bytes]:
    """Return the items that bring a board's viewers up to date.

    None is a deleted board: its streams and WebSockets are closed, and its long-polls get a 404.
    After a change of visibility, viewers held under the former visibility are sent away, too."""
    # Without a GRIP item id: the proxy drops an id repeated within a minute, and boards do return
    # to an earlier state.
    if snapshot is None:
        not_found = _refusal(Problem(ProblemKind.BOARD_NOT_FOUND, "The board was deleted."))
        for pattern in (PUBLIC, PRIVATE):
            yield _item(pattern.format(board), *_closing(DELETED), not_found)
        return
    headers = {**snapshot.headers(), **_cross_origin_headers()}
    yield _item(
        board_channel(board, snapshot.private),
        HttpStreamFormat(update_event(snapshot)),
        HttpResponseFormat(200, headers=headers, body=snapshot.body),
        WebSocketMessageFormat(update_message(snapshot)),
        meta=skip_long_polls_with(snapshot),
    )
    if visibility_changed and snapshot.private:
        challenge = {"WWW-Authenticate": "Bearer"}
        detail = "The board is private now; this needs a token."
        refusal = Problem(ProblemKind.TOKEN_REQUIRED, detail, challenge)
        yield _item(PUBLIC.format(board), *_closing(NEEDS_TOKEN), _refusal(refusal))
    elif visibility_changed:
        # These long-polls get no snapshot, but a 304, after which they ask again: they are few.
        yield _item(
            PRIVATE.format(board),
            *_closing(TRY_AGAIN),
            HttpResponseFormat(304, headers={"Cache-Control": NOT_KEPT}),
        )


def _closing(code: int, reason: str | None = None) -> tuple[Format, Format]:
    """Return what closes streams, and what closes WebSockets with this code."""
    close = WebSocketMessageFormat(action="close", code=code, reason=reason)
    return HttpStreamFormat(close=True), close


def build_event_items(board: str, events: BoardEvents) -> Iterator[bytes]:
    """Return an item for each of a board's events."""
    to = board_channel(board, events.private)
    return (event_item(to, name, to_line(payload)) for name, payload in events.events)


def build_end_items(grip_channel: str) -> Iterator[bytes]:
    """Return the items that end streams and WebSockets because their token has expired.

    They say so before: streams by an event, WebSockets by the code and a reason."""
    yield _item(grip_channel, HttpStreamFormat(stream_event(EXPIRED, "{}")))
    yield _item(grip_channel, *_closing(NEEDS_TOKEN, "the token has expired"))


def event_item(grip_channel: str, name: str, data: str) -> bytes:
    """Return the item of an event, for streams and WebSockets. `data` is JSON in one line.

    Long-polls are not sent events: they are answered with snapshots, which lack nothing."""
    event, message = stream_event(name, data), websocket_message(name, data)
    return _item(grip_channel, HttpStreamFormat(event), WebSocketMessageFormat(message))


def _item(grip_channel: str, *formats: Format, meta: dict[str, str] | None = None) -> bytes:
    item = {"channel": grip_channel, **Item(list(formats), meta=meta or {}).export()}
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()


def _refusal(problem: Problem) -> HttpResponseFormat:
    """Return what answers a long-poll with a problem, without what was said of the snapshot."""
    response = problem.response()
    headers = {
        **dict(response.items()),
        "Cache-Control": NOT_KEPT,
        # Pushpin adds the headers of the 304 that it holds, but for those that this one names.
        "Grip-Expose-Headers": "ETag, Preference-Applied",
    }
    return HttpResponseFormat(response.status_code, headers=headers, body=response.content)


def _cross_origin_headers() -> dict[str, str]:
    """Return the CORS headers of a long-poll's answer, which all waiting clients share.

    Any origin may read it: a page that waits was allowed to ask, and the board is public or the
    page's token was valid."""
    if not (settings.CORS_ALLOW_ALL_ORIGINS or settings.CORS_ALLOWED_ORIGINS):
        return {}
    return {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": ", ".join(settings.CORS_EXPOSE_HEADERS),
    }
