"""Viewers of the doctor: each has a stream, and knows when it was shown what."""

import time
from collections.abc import Iterator
from typing import Self

import requests
from django.conf import settings

from leaderboardapp.doctor.findings import Finding, warning

PART = "service"  # of findings of what viewers have
ANSWER_SECONDS = 5.0  # of silence, after which nobody waits on
SLOW_SECONDS = 1.0
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


class StreamRefused(Exception):
    """A stream's request has another answer. The arguments say which, and what to do."""


class Viewer:
    """A viewer of a board, with a connection of its own."""

    def __init__(self, url: str, board: str, token: str = "", ticket: str = "") -> None:
        """Ask for the board's stream. Raises StreamRefused, RequestException."""
        self.board, self.asked_at = board, time.monotonic()
        self.answer = requests.get(
            f"{url}/boards/{board}/",
            {"ticket": ticket} if ticket else {},
            headers=EVENT_STREAM | bearer(token),
            stream=True,
            timeout=patience(),
        )
        _require_stream(self.answer)
        self.received: Iterator[bytes] = self.answer.iter_content(chunk_size=None)

    def read_until(self, part: bytes) -> float:
        """Read until the stream has had these bytes; return when that was (time.monotonic()).
        Raises RequestException if it ends, or is silent or goes on for too long without them."""
        until, seen = time.monotonic() + patience(), b""
        for chunk in self.received:
            seen, now = seen + chunk, time.monotonic()
            if part in seen:
                return now
            if now >= until:
                raise requests.Timeout("timed out")
        raise requests.ConnectionError("it was closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()


def _require_stream(answer: requests.Response) -> None:
    """Raise StreamRefused unless this answer is a stream."""
    kind = answer.headers.get("Content-Type", "without a type")
    if answer.status_code == 200 and "event-stream" in kind:
        return
    text = f"a stream is answered {answer.status_code}, {kind}: {answer.text[:200]!r}"
    hint = "Have what is before Pushpin hand on the Accept header, and cache nothing."
    raise StreamRefused(*REFUSED.get(answer.status_code, (text, hint)))


def bearer(token: str) -> dict[str, str]:
    """Return the header that has the token, if there is one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def patience() -> float:
    """Return the seconds of silence after which nobody waits on: a change may be held back."""
    return ANSWER_SECONDS + settings.PUBLISH_INTERVAL


def judge(what: str, seconds: float) -> Finding:
    """Return the finding of a time that a viewer waits."""
    text = f"{what} {seconds:.2f} s"
    if seconds <= SLOW_SECONDS:
        return Finding(PART, text)
    hint = "Look at the load of the machines, and for a front that collects small writes."
    return warning(PART, text, hint)
