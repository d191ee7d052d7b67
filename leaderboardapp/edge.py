"""Everything GRIP: asking the proxy to hold a request, and publishing to what it holds.

Sources: the GRIP protocol (pushpin.org/docs/protocols/grip), the HTML standard (9.2, server-sent
events).
"""

import json
import logging
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django_grip import GripData, get_pubcontrol, set_hold_stream
from gripcontrol import HttpStreamFormat
from pubcontrol import Item
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from leaderboardapp.problems import Problem
from leaderboardapp.snapshots import Snapshot

logger = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 20
PUBLISH_TIMEOUT_SECONDS = (1, 5)  # to connect, to answer
# Pushpin's control port takes 1,000,000 bytes at most, and older versions ignore its setting.
MAX_BATCH_BYTES = 900_000


class GripRequest(HttpRequest):
    """A request as django_grip's middleware leaves it."""

    grip: GripData


def hold_stream(request: HttpRequest, board: str, snapshot: Snapshot) -> HttpResponse:
    """The snapshot as the stream's first event (unless the client names it as the last one that
    it saw), then whatever is published for the board."""
    if not cast(GripRequest, request).grip.signed:
        raise Problem(
            501,
            "Streams are held by a GRIP proxy, and this request did not come through one. "
            "Ask the proxy (http://localhost:7999 in a local run).",
        )
    set_hold_stream(
        request, _channel(board), keep_alive_data=":\n\n", keep_alive_timeout=KEEP_ALIVE_SECONDS
    )
    body = _retry_line()
    if request.headers.get("Last-Event-ID") != snapshot.hash:
        body += _update_event(snapshot)
    return _event_stream(body)


def come_again() -> HttpResponse:
    """For a passing failure: an EventSource reconnects after a 200 that ended, and after nothing
    else (HTML standard, 9.2.3)."""
    return _event_stream(_retry_line())


def publish(snapshots: Mapping[str, Snapshot | None]) -> None:
    """To every proxy. None closes the board's streams: their clients come back, get 404 and stop.
    Raises ConnectionError, after having tried every proxy, if any did not take it."""
    failed = []
    for client in get_pubcontrol().clients:
        client.requests_session.mount("http://", _bounded)
        client.requests_session.mount("https://", _bounded)
        try:
            for body in _batches(_item(board, snapshot) for board, snapshot in snapshots.items()):
                client.http_call("/publish/", body, {"Content-Type": "application/json"})
        except ValueError as error:  # the library's for every failure
            failed.append(f"{client.uri}: {error}")
    if failed:
        raise ConnectionError("; ".join(failed))


class _BoundedAdapter(HTTPAdapter):
    """pubcontrol sets no timeout, so a proxy that hangs would hang the publisher."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        return super().send(request, *args, **{**kwargs, "timeout": PUBLISH_TIMEOUT_SECONDS})


_bounded = _BoundedAdapter()


def _channel(board: str) -> str:
    return f"board-{board}"


def _item(board: str, snapshot: Snapshot | None) -> bytes:
    # No GRIP item id: the proxy drops an id repeated within a minute, and boards do return
    # to an earlier state.
    if snapshot is None:
        stream = HttpStreamFormat(close=True)
    else:
        stream = HttpStreamFormat(_update_event(snapshot))
    item = {"channel": _channel(board), **Item(stream).export()}
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()


def _batches(items: Iterable[bytes]) -> Iterator[bytes]:
    batch: list[bytes] = []
    size = 0
    for item in items:
        if batch and size + len(item) > MAX_BATCH_BYTES:
            yield b'{"items":[%s]}' % b",".join(batch)
            batch, size = [], 0
        batch.append(item)
        size += len(item) + 1
    if batch:
        yield b'{"items":[%s]}' % b",".join(batch)


def _update_event(snapshot: Snapshot) -> str:
    return f"event: update\nid: {snapshot.hash}\ndata: {snapshot.body}\n\n"


def _retry_line() -> str:
    # Jittered, so that viewers who lost their proxy together do not return together.
    return f"retry: {random.randint(2000, 4000)}\n\n"


def _event_stream(body: str) -> HttpResponse:
    return HttpResponse(
        body,
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "Vary": "Accept"},
    )
