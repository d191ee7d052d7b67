"""GRIP items: what is published to a GRIP channel, in the form of each transport."""

import json
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from django.conf import settings
from gripcontrol import HttpResponseFormat, HttpStreamFormat, WebSocketMessageFormat
from pubcontrol import Format, Item

from leaderboardapp.realtime.formats import (
    DELETED,
    EXPIRED,
    NEEDS_TOKEN,
    SEVERAL_BOARDS,
    TRY_AGAIN,
    board_channel,
    board_fields,
    deleted_event,
    player_channel,
    skip_user,
    stream_event,
    to_line,
    update_event,
    update_message,
    websocket_message,
)
from leaderboardapp.realtime.hold_channels import Hold, published_fingerprint
from leaderboardapp.realtime.proxy_client import Publication
from leaderboardapp.snapshots import PRIVATE as NOT_KEPT
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem

STREAMS, LONG_POLLS, WEBSOCKETS = {"http-stream"}, {"http-response"}, {"ws-message"}
FORMATS = STREAMS | LONG_POLLS | WEBSOCKETS
HOLD_FORMATS = STREAMS | WEBSOCKETS  # of those who have a GRIP channel of their own


class BoardEvents(NamedTuple):
    """Events of one board, for the viewers who may see it."""

    private: bool
    events: list[tuple[str, dict[str, Any]]]  # name and payload, the oldest first


def build_items(
    board: str,
    snapshot: Snapshot | None,
    *,
    visibility_changed: bool,
    formats: Collection[str] = FORMATS,
) -> Iterator[Publication]:
    """Return the items that bring a board's viewers up to date, in these formats.

    None is a deleted board: its streams are told so, and closed unless they are of several boards.
    Its WebSockets are closed, and its long-polls get a 404.
    After a change of visibility, viewers held under the former visibility are sent away, too."""
    # Without a GRIP item id: the proxy drops an id repeated within a minute, and boards do return
    # to an earlier state.
    if snapshot is None:
        for private in (False, True):
            yield from _gone(board_channel(board, private), board, formats)
        return
    yield _item(
        board_channel(board, snapshot.private),
        *_update(snapshot),
        meta=skip_user(snapshot.fingerprint),
        formats=formats,
    )
    if visibility_changed:
        former = board_channel(board, not snapshot.private)
        yield _item(former, *_sent_away(snapshot), formats=formats)


def build_hold_items(hold: Hold, snapshot: Snapshot | None) -> Iterator[Publication]:
    """Return the item, if any is needed, that brings viewers up to date who join."""
    formats = HOLD_FORMATS if hold.fingerprint else LONG_POLLS
    if hold.has == published_fingerprint(snapshot):
        return
    if snapshot is None:
        yield from _gone(hold.channel, hold.board, formats)
    elif snapshot.private != hold.private:
        yield _item(hold.channel, *_sent_away(snapshot), formats=formats)
    else:
        meta = skip_user(snapshot.fingerprint)
        yield _item(hold.channel, *_update(snapshot), meta=meta, formats=formats)


def build_player_items(board: str, player: str, snapshot: Snapshot | None) -> Iterator[Publication]:
    """Return the items that bring viewers of a player's own rank up to date.

    None is a deleted player or board. Viewers held under another visibility are sent away."""
    for private in (False, True):
        to = player_channel(board, player, private)
        if snapshot is None:
            yield _item(to, *_closing(DELETED), formats=HOLD_FORMATS)
        elif snapshot.private != private:
            yield _item(to, *_sent_away(snapshot), formats=HOLD_FORMATS)
        else:
            yield _item(to, *_update(snapshot), formats=HOLD_FORMATS)


def _update(snapshot: Snapshot) -> Iterator[Format]:
    headers = {**snapshot.headers(), **_cross_origin_headers()}
    yield HttpStreamFormat(update_event(snapshot))
    yield HttpResponseFormat(200, headers=headers, body=snapshot.body)
    yield WebSocketMessageFormat(update_message(snapshot))


def _gone(grip_channel: str, board: str, formats: Collection[str]) -> Iterator[Publication]:
    """Yield the items that viewers of a deleted board are sent."""
    if not STREAMS.isdisjoint(formats):
        yield _item(grip_channel, HttpStreamFormat(deleted_event(board)))
    refusal = _refusal(Problem(ProblemKind.BOARD_NOT_FOUND, "The board was deleted."))
    meta = skip_user(SEVERAL_BOARDS)
    yield _item(grip_channel, *_closing(DELETED), refusal, meta=meta, formats=formats)


def _sent_away(snapshot: Snapshot) -> Iterator[Format]:
    """Yield what viewers are sent who were held before the board became private, or public."""
    if snapshot.private:
        yield from _closing(NEEDS_TOKEN)
        detail = "The board is private now; this needs a token."
        problem = Problem(ProblemKind.TOKEN_REQUIRED, detail, {"WWW-Authenticate": "Bearer"})
        yield _refusal(problem)
    else:
        # These long-polls get no snapshot, but a 304, after which they ask again: they are few.
        yield from _closing(TRY_AGAIN)
        yield HttpResponseFormat(304, headers={"Cache-Control": NOT_KEPT})


def _closing(code: int, reason: str | None = None) -> tuple[Format, Format]:
    """Return what closes streams, and what closes WebSockets with this code."""
    close = WebSocketMessageFormat(action="close", code=code, reason=reason)
    return HttpStreamFormat(close=True), close


def build_event_items(board: str, events: BoardEvents) -> Iterator[Publication]:
    """Return an item for each of a board's events, whose data names the board."""
    to, named = board_channel(board, events.private), board_fields(board, "board")
    return (event_item(to, name, to_line({**payload, **named})) for name, payload in events.events)


def build_end_items(grip_channel: str) -> Iterator[Publication]:
    """Return the items that end streams and WebSockets because their token has expired.

    They say so before: streams by an event, WebSockets by the code and a reason."""
    yield _item(grip_channel, HttpStreamFormat(stream_event(EXPIRED, "{}")))
    yield _item(grip_channel, *_closing(NEEDS_TOKEN, "the token has expired"))


def event_item(grip_channel: str, name: str, data: str) -> Publication:
    """Return the item of an event, for streams and WebSockets. `data` is JSON in one line.

    Long-polls are not sent events: they are answered with snapshots, which lack nothing."""
    event, message = stream_event(name, data), websocket_message(name, data)
    item = _item(grip_channel, HttpStreamFormat(event), WebSocketMessageFormat(message))
    return item._replace(is_event=True)


def _item(
    grip_channel: str,
    *parts: Format,
    meta: dict[str, str] | None = None,
    formats: Collection[str] = FORMATS,
) -> Publication:
    parts = tuple(part for part in parts if part.name() in formats)
    item = Item(list(parts), meta=meta or {}).export(formats_field=True)
    item["channel"] = grip_channel
    text = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
    return Publication(grip_channel, text.encode())


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
