"""GRIP items: what is published to a channel, in each transport's form."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.conf import settings
from gripcontrol import HttpResponseFormat, HttpStreamFormat, WebSocketMessageFormat
from pubcontrol import Format, Item

from leaderboardapp.realtime.formats import (
    DELETED,
    NEEDS_TOKEN,
    PRIVATE,
    PUBLIC,
    TRY_AGAIN,
    channel,
    news_event,
    news_message,
    update_event,
    update_message,
)
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.web.problems import Problem


class News(NamedTuple):
    """Events of a board, each with its name and what it tells, for those who may see it."""

    private: bool
    events: list[tuple[str, Any]]


def _items(board: str, snapshot: Snapshot | None, turned: bool) -> Iterator[bytes]:
    """For who watches the board, and if it `turned` private or public for those who watched it
    before."""
    # No GRIP item id: the proxy drops an id repeated within a minute, and boards do return
    # to an earlier state.
    if snapshot is None:
        gone = _refusal(Problem(404, "The board was deleted."))
        for each in (PUBLIC, PRIVATE):
            yield _item(each.format(board), *_closing(DELETED), gone)
        return
    headers = {**snapshot.headers(), **_cross_origin_headers()}
    yield _item(
        channel(board, snapshot.private),
        HttpStreamFormat(update_event(snapshot)),
        HttpResponseFormat(200, headers=headers, body=snapshot.body),
        WebSocketMessageFormat(update_message(snapshot)),
    )
    if turned and snapshot.private:
        challenge = {"WWW-Authenticate": "Bearer"}
        refusal = Problem(401, "The board is private now; this needs a token.", challenge)
        yield _item(PUBLIC.format(board), *_closing(NEEDS_TOKEN), _refusal(refusal))
    elif turned:
        # Not answered with the board, but told to ask again: few ever wait there.
        yield _item(PRIVATE.format(board), *_closing(TRY_AGAIN), HttpResponseFormat(304))


def _closing(code: int) -> tuple[Format, Format]:
    """Of streams, and of WebSockets with this code."""
    return HttpStreamFormat(close=True), WebSocketMessageFormat(action="close", code=code)


def _news_items(board: str, news: News) -> Iterator[bytes]:
    return (event_item(channel(board, news.private), *event) for event in news.events)


def event_item(channel: str, name: str, data: Any) -> bytes:
    """Not for long-polls: those are answered with snapshots, which never lack anything."""
    told = news_event(name, data), news_message(name, data)
    return _item(channel, HttpStreamFormat(told[0]), WebSocketMessageFormat(told[1]))


def _item(channel: str, *formats: Format) -> bytes:
    item = {"channel": channel, **Item(list(formats)).export()}
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()


def _refusal(problem: Problem) -> HttpResponseFormat:
    response = problem.response()
    headers = dict(response.items())
    return HttpResponseFormat(response.status_code, headers=headers, body=response.content)


def _cross_origin_headers() -> dict[str, str]:
    """One answer for all who wait, wherever their pages come from. To be one of them, a page had
    to be allowed to, and the board public or the token valid."""
    if not (settings.CORS_ALLOW_ALL_ORIGINS or settings.CORS_ALLOWED_ORIGINS):
        return {}
    return {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": ", ".join(settings.CORS_EXPOSE_HEADERS),
    }
