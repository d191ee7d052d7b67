"""The form of what viewers are sent over each of three transports.

An event stream carries events, a WebSocket messages, and a long-poll one response.

Sources: the HTML standard (9.2, server-sent events), docs/openapi.yaml for the forms.
"""

import json
import random
from typing import Any

from django.http import HttpResponse
from gripcontrol import websocket_control_message

from leaderboardapp.domain.board_ids import split_id
from leaderboardapp.snapshots import REVALIDATED, Snapshot
from leaderboardapp.web.caching import NO_TRANSFORM

STREAM = "text/event-stream"
PUBLIC, PRIVATE = "board-{}", "board-{}.private"  # GRIP channels of a board; no id has a dot
# The GRIP channels of a player's own rank.
PLAYER_PUBLIC, PLAYER_PRIVATE = "player-{}.{}", "player-{}.{}.private"
EVENTS = "events-{}"  # the GRIP channel of a channel of notifications
NOTIFICATION = "notification"
BOARD_DELETED = "deleted"
EXPIRED = "token expired"  # the last event of a stream; a WebSocket has NEEDS_TOKEN instead
# The event that the proxy sends by itself, so often, on each stream and WebSocket. A comment or a
# ping would keep the connection open as well, but scripts see neither.
KEEP_ALIVE, KEEP_ALIVE_SECONDS = "keep-alive", 20
KEEP_ALIVE_DATA = "{}"
# A filter of the proxy: who is held with a `user` is not sent items that are for other users. A
# long-poll's is the fingerprint that its client has, and it is not answered with that snapshot. A
# stream of several boards has SEVERAL_BOARDS, and goes on when one of them is deleted.
SKIP_USERS, SEVERAL_BOARDS = "skip-users", "several-boards"

# Codes with which a WebSocket is closed (RFC 6455): the client closes it; it sent bytes that are
# no text; it is to come back.
NORMAL, NOT_TEXT, TRY_AGAIN = 1000, 1007, 1013
# It is not to come back: 4000 and HTTP's status, in the range for applications.
DELETED, NEEDS_TOKEN = 4404, 4401


def board_channel(board: str, private: bool) -> str:
    """Return the GRIP channel on which a board's viewers are held."""
    return (PRIVATE if private else PUBLIC).format(board)


def player_channel(board: str, player: str, private: bool) -> str:
    """Return the GRIP channel on which viewers of a player's own rank are held."""
    return (PLAYER_PRIVATE if private else PLAYER_PUBLIC).format(board, player)


def update_event(snapshot: Snapshot) -> str:
    """Return a snapshot as an event of a stream."""
    return f"event: update\nid: {snapshot.fingerprint}\ndata: {snapshot.body}\n\n"


def update_message(snapshot: Snapshot) -> str:
    """Return a snapshot as a message of a WebSocket."""
    return f'{{"event":"update","id":"{snapshot.fingerprint}","data":{snapshot.body}}}'


def deleted_event(board: str) -> str:
    """Return the event of a stream by which a board is gone."""
    return stream_event(BOARD_DELETED, to_line(board_fields(board, "id")))


def skip_user(user: str) -> dict[str, str]:
    """Return the meta data of an item by which SKIP_USERS keeps it from this user."""
    return {"skip_users": user}


def stream_event(name: str, data: str) -> str:
    """Return an event other than an update as an event of a stream. `data` is JSON in one line.

    It has no id: a client that comes back names the last snapshot that it saw."""
    return f"event: {name}\ndata: {data}\n\n"


def websocket_message(name: str, data: str) -> str:
    """Return an event other than an update as a message of a WebSocket. `data` is JSON."""
    return f'{{"event":{to_line(name)},"data":{data}}}'


def board_fields(board: str, key: str) -> dict[str, str]:
    """Return fields of an event's data that say of which board it is: the id under this key, and
    the window, if it is one."""
    owner, window = split_id(board)
    return {key: owner, "window": window} if window else {key: owner}


def to_line(data: Any) -> str:
    """Return the data as JSON in one line."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def retry_line() -> str:
    """Return the line of a stream that says after how many milliseconds to reconnect."""
    # Jittered, so that viewers who lost their proxy together do not return together.
    return f"retry: {random.randint(2000, 4000)}\n\n"


def event_stream(body: str) -> HttpResponse:
    """Return a response that is an event stream and begins with the body."""
    headers = {
        "Cache-Control": f"{REVALIDATED}, {NO_TRANSFORM}",
        "Vary": "Accept",
        "X-Accel-Buffering": "no",  # nginx would keep events back until it has some kilobytes
    }
    return HttpResponse(body, content_type=STREAM, headers=headers)


def stream_keep_alive() -> str:
    """Return the header Grip-Keep-Alive, by which the proxy sends the keep-alives of a stream."""
    event = stream_event(KEEP_ALIVE, KEEP_ALIVE_DATA).replace("\n", r"\n")
    # By interval, not only when nothing else is sent: a script need not listen to all events.
    return f"{event}; format=cstring; mode=interval; timeout={KEEP_ALIVE_SECONDS}"


def websocket_keep_alive() -> str:
    """Return the control message by which the proxy sends the keep-alives of a WebSocket."""
    content = websocket_message(KEEP_ALIVE, KEEP_ALIVE_DATA)
    fields: dict[str, Any] = {"message-type": "text", "content": content, "mode": "interval"}
    fields["timeout"] = KEEP_ALIVE_SECONDS
    message: str = websocket_control_message("keep-alive", fields)
    return message
