"""The service as a viewer has it: asks for a stream, changes a score, and measures."""

import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import requests
from django.conf import settings

from leaderboardapp.doctor.findings import Finding, error, warning
from leaderboardapp.models import Board, ObjectDoesNotExist, Player
from leaderboardapp.web.auth import create_token

PART = "service"
ANSWER_SECONDS = 5.0  # of silence, after which nobody waits on
SLOW_SECONDS = 1.0
TOKEN_SECONDS = 60
EVENT_STREAM = {"Accept": "text/event-stream"}
OTHER_KEYS = (
    "a token that is signed with TOKEN_KEYS as they are here is refused",
    "Give the web processes the same TOKEN_KEYS, and set both clocks.",
)
REFUSED = {
    401: OTHER_KEYS,
    403: OTHER_KEYS,
    404: (
        "the web processes do not find a board that was just made here",
        "Give them the same DATABASE_URL.",
    ),
    501: (
        "streams are answered 501: requests come without the signature of a proxy in GRIP_URL",
        "Ask Pushpin's port, or a front before it, and not the web processes'. If you did: give "
        "sig_key and GRIP_URL the same key, and set both clocks.",
    ),
}
"""Of a stream: by status, what it says and what to do."""
BUFFERED = (
    "nothing of a stream arrives: something on the way collects it, or waits for its end",
    "Turn buffering off for text/event-stream, as the files in deploy/ do (proxy_buffering off).",
)


def examine_service(url: str) -> Iterator[Finding]:
    """Yield findings of the service at this address. Makes a board of its own, which is deleted.

    Raises StoreUnavailable."""
    try:
        answer = requests.get(f"{url}/readyz", timeout=ANSWER_SECONDS)
    except requests.RequestException as failure:
        yield error(
            PART,
            f"{url} does not answer: {_shorten(failure)}",
            "Start the web processes and Pushpin, or name where viewers find them with --url.",
        )
        return
    if answer.status_code != 200:
        text = f"{url}/readyz is answered {answer.status_code}: {answer.text[:200]!r}"
        yield error(PART, text, "Look at the web processes' log, and Pushpin's.")
        return
    yield Finding(PART, f"{url} is ready")
    with probe_board() as (board, token):
        try:
            yield from _examine_stream(url, board, token)
        except requests.RequestException as failure:
            if isinstance(failure, requests.Timeout) or "timed out" in str(failure):
                yield error(PART, *BUFFERED)
            else:
                text = f"a stream ended: {_shorten(failure)}"
                yield error(PART, text, "Look at the logs of Pushpin and of what is before it.")


@contextmanager
def probe_board() -> Iterator[tuple[Board, str]]:
    """Make a board with a player; yield it, and a token that reads it. Deletes it at the end.

    It is public, for a moment, if TOKEN_KEYS has no secret to sign with."""
    # The same one each time, so that one which was left by an interruption goes away.
    board = Board(id=f"doctor-{uuid.uuid5(uuid.NAMESPACE_DNS, socket.gethostname()).hex[:12]}")
    board.name = "The doctor's"
    with suppress(ObjectDoesNotExist):
        board.delete()
    try:
        token = create_token(["read"], [board.id], TOKEN_SECONDS)
        board.private = True
    except StopIteration:
        token = ""
    board.save()
    try:
        Player(board=board, id="probe", name="Probe").save()
        yield board, token
    finally:
        with suppress(ObjectDoesNotExist):
            board.delete()


def _examine_stream(url: str, board: Board, token: str) -> Iterator[Finding]:
    """Yield findings of one stream. Raises RequestException."""
    headers = EVENT_STREAM | ({"Authorization": f"Bearer {token}"} if token else {})
    began = time.monotonic()
    stream = requests.get(
        f"{url}/boards/{board.id}/", headers=headers, stream=True, timeout=_patience()
    )
    with closing(stream):
        if stream.status_code in REFUSED:
            yield error(PART, *REFUSED[stream.status_code])
            return
        kind = stream.headers.get("Content-Type", "without a type")
        if stream.status_code != 200 or "event-stream" not in kind:
            text = f"a stream is answered {stream.status_code}, {kind}"
            hint = "Have what is before Pushpin hand on the Accept header, and cache nothing."
            yield error(PART, f"{text}: {stream.text[:200]!r}", hint)
            return
        received: Iterator[bytes] = stream.iter_content(chunk_size=None)
        _read_until(received, b"data:")
        yield from _judge("a stream's first snapshot comes after", time.monotonic() - began)
        Player(board=board, id="probe").score_add(41)
        began = time.monotonic()
        try:
            _read_until(received, b'"score":41')
        except requests.RequestException:
            yield error(
                PART,
                f"a change is not shown within {_patience():g} s, though the stream is open",
                "Look at what is said of the listener, and whether its GRIP_URL has this Pushpin.",
            )
            return
        yield from _judge("a change is shown after", time.monotonic() - began)


def _judge(what: str, seconds: float) -> Iterator[Finding]:
    text = f"{what} {seconds:.2f} s"
    if seconds <= SLOW_SECONDS:
        yield Finding(PART, text)
    else:
        hint = "Look at the load of the machines, and for a front that collects small writes."
        yield warning(PART, text, hint)


def _read_until(stream: Iterator[bytes], part: bytes) -> None:
    """Read until the stream has had these bytes. Raises RequestException if it ends, or is silent
    or goes on for too long without them."""
    until, seen = time.monotonic() + _patience(), b""
    for chunk in stream:
        seen += chunk
        if part in seen:
            return
        if time.monotonic() >= until:
            raise requests.Timeout("timed out")
    raise requests.ConnectionError("it was closed")


def _patience() -> float:
    """Return the seconds of silence after which nobody waits on: a change may be held back."""
    return ANSWER_SECONDS + settings.PUBLISH_INTERVAL


def _shorten(failure: Exception) -> str:
    return " ".join(str(failure).split())[:200]
