"""What viewers are sent, over each of three transports: the body and events of an event stream,
the answer to a long-poll, the messages of a WebSocket.

Sources: the HTML standard (9.2, server-sent events), docs/openapi.yaml for the forms.
"""

import json
import random
from typing import Any

from django.http import HttpResponse

from leaderboardapp.snapshots import Snapshot

STREAM = "text/event-stream"
PUBLIC, PRIVATE = "board-{}", "board-{}.private"  # no id has a dot
EVENTS = "events-{}"  # of a channel of notifications
NOTIFICATION = "notification"

# Why a WebSocket is closed (RFC 6455): because the client wants to, or sent bytes that are no text;
# for it to come back; and for good, as HTTP's status in the range for applications.
NORMAL, NOT_TEXT, TRY_AGAIN = 1000, 1007, 1013
DELETED, NEEDS_TOKEN = 4404, 4401


def channel(board: str, private: bool) -> str:
    return (PRIVATE if private else PUBLIC).format(board)


def update_event(snapshot: Snapshot) -> str:
    return f"event: update\nid: {snapshot.fingerprint}\ndata: {snapshot.body}\n\n"


def update_message(snapshot: Snapshot) -> str:
    return f'{{"event":"update","id":"{snapshot.fingerprint}","data":{snapshot.body}}}'


def news_event(name: str, data: Any) -> str:
    # Without an id: a client that comes back names the last snapshot that it saw.
    return f"event: {name}\ndata: {_line(data)}\n\n"


def news_message(name: str, data: Any) -> str:
    return f'{{"event":{_line(name)},"data":{_line(data)}}}'


def _line(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def retry_line() -> str:
    # Jittered, so that viewers who lost their proxy together do not return together.
    return f"retry: {random.randint(2000, 4000)}\n\n"


def event_stream(body: str) -> HttpResponse:
    return HttpResponse(
        body, content_type=STREAM, headers={"Cache-Control": "no-cache", "Vary": "Accept"}
    )
