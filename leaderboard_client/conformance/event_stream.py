"""An event stream that a thread reads, and what it means if that stays silent."""

import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn, Self

import httpx
from httpx_sse import SSEError, connect_sse

from leaderboard_client.conformance.expect import (
    DOWN,
    CheckFailed,
    describe,
    media_type,
    read_json,
    require,
)
from leaderboard_client.conformance.service import (
    NO_ANSWERS,
    REQUEST_SECONDS,
    Board,
    Service,
    name_error,
)

SILENCE_SECONDS = 45.0  # after which a stream is dead: the service sends a keep-alive every 20 s
NO_PROXY = (
    "No GRIP proxy is between: the request reached a web process by itself. Send viewers through "
    "Pushpin (docs/deployment.md, Pushpin)."
)
NO_ACCEPT = (
    "The header Accept has not arrived: a front drops or replaces it, or a cache answers without "
    "regard to Vary."
)
BUFFERS = (
    "A front buffers the stream. Switch that off (nginx: proxy_buffering off), or have it follow "
    "X-Accel-Buffering; deploy/ has files of fronts that do."
)
NOT_PUBLISHED = (
    "The store has the change, and the stream is open: is a listener running (dblistener.py, its "
    'log says "listening to"), and does GRIP_URL name this Pushpin\'s control port and key?'
)


class Event(NamedTuple):
    """An event, with the time at which it came, by time.monotonic()."""

    name: str
    id: str
    data: Any
    at: float


class EventStream:
    """A stream that is read until it is closed. What came is in `events`.

    `answer` is there once the headers have come, and `end` says why there is no more to come."""

    def __init__(
        self, service: Service, path: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.service, self.path = service, path
        self.headers = {**service.authorization, "Accept": "text/event-stream", **(headers or {})}
        self.answer: httpx.Response | None = None
        self.events: list[Event] = []
        self.retry = 0  # milliseconds
        self.end, self.opened_at = "", time.monotonic()
        self.news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.answer is not None and not self.end:
            network: Any = self.answer.extensions["network_stream"]
            try:
                network.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has just ended

    def _read(self) -> None:
        timeout = httpx.Timeout(REQUEST_SECONDS, read=SILENCE_SECONDS + REQUEST_SECONDS)
        end = "it was ended"
        try:
            with (
                httpx.Client(verify=self.service.tls, timeout=timeout) as http,
                connect_sse(
                    http, "GET", self.service.url + self.path, headers=self.headers
                ) as source,
            ):
                if not is_event_stream(source.response):
                    source.response.read()
                self._tell(answer=source.response)
                for sse in source.iter_sse():
                    self.retry = sse.retry or self.retry
                    if sse.data:
                        event = Event(sse.event, sse.id, sse.json(), time.monotonic())
                        self._tell(events=[*self.events, event])
        except httpx.HTTPError as error:
            end = name_error(error)
        except (SSEError, ValueError, OSError) as error:
            end = str(error)
        self._tell(end=end)

    def _tell(self, **changed: Any) -> None:
        with self.news:
            vars(self).update(changed)
            self.news.notify_all()

    def wait_until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Wait until the condition is true, or the stream has ended; return the condition."""
        with self.news:
            self.news.wait_for(lambda: condition() or self.end, seconds)
            return bool(condition())

    def wait_for(self, is_wanted: Callable[[Event], object], what: str, board: Board) -> Event:
        """Return the first event that is wanted. Raises CheckFailed if none comes in time, which
        says why, and for which the board may be deleted."""
        if not self.wait_until(lambda: any(map(is_wanted, self.events)), self.service.patience):
            self.fail(what, board)
        return next(filter(is_wanted, self.events))

    def wait_for_answer(self) -> httpx.Response:
        """Return the headers of the stream. Raises CheckFailed if they do not come."""
        self.wait_until(lambda: self.answer, self.service.patience)
        if self.answer is None or not is_event_stream(self.answer):
            self.fail("the headers of an event stream")
        return self.answer

    def seconds(self) -> float:
        """Return for how long the stream has been open."""
        return time.monotonic() - self.opened_at

    def fail(self, expected: str, board: Board | None = None) -> NoReturn:
        """Raise CheckFailed, with why what was expected did not come."""
        answer = self.answer
        if answer is not None and not is_event_stream(answer):
            look_at = ""
            if answer.status_code == 501:
                look_at = NO_PROXY
            elif answer.status_code == 200:
                look_at = NO_ACCEPT
            elif answer.status_code in NO_ANSWERS:
                look_at = DOWN
            raise CheckFailed(expected, describe(answer), look_at)
        if self.end:
            look_at = DOWN if answer is None else ""
            raise CheckFailed(expected, f"{self.end}, after {self.seconds():.1f} s", look_at)
        seconds, events = self.seconds(), len(self.events)
        if board and board.is_own and self._is_held_back(board):
            came = f"nothing for {seconds:.1f} s, and {len(self.events) - events} events at once "
            raise CheckFailed(expected, f"{came}when the stream ended", BUFFERS)
        part = "not even headers" if answer is None else f"headers and {events} events"
        look_at = BUFFERS if answer is None else "" if events == 0 else NOT_PUBLISHED
        raise CheckFailed(expected, f"{part} within {seconds:.1f} s", look_at)

    def _is_held_back(self, board: Board) -> bool:
        """Delete the board, which ends the stream; return whether what was held back comes then."""
        events = len(self.events)
        board.service.request("DELETE", board.path)
        self.wait_until(lambda: False, self.service.patience)
        names = [event.name for event in self.events[events:]]
        return "update" in names


def is_event_stream(answer: httpx.Response) -> bool:
    """Return whether the answer is a stream."""
    return answer.status_code == 200 and media_type(answer) == "text/event-stream"


def shows(answer: httpx.Response) -> Callable[[Event], bool]:
    """Return a function that says whether an event is the update with an answer's snapshot."""
    fingerprint, snapshot = read_fingerprint(answer), read_json(answer)
    return lambda event: (
        event.name == "update" and event.id == fingerprint and event.data == snapshot
    )


def read_fingerprint(answer: httpx.Response) -> str:
    """Return the snapshot's fingerprint by the answer's ETag. Raises CheckFailed without one."""
    etag: str = answer.headers.get("ETag", "")
    require(
        etag, "an ETag", f"headers {sorted(answer.headers)}", "A front takes the header ETag away."
    )
    return etag.removeprefix("W/").strip('"').removesuffix("-gzip")
