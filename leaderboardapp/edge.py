"""Everything GRIP: asking the proxy to hold a request, and publishing to what it holds.

Sources: the GRIP protocol (pushpin.org/docs/protocols/grip), the HTML standard (9.2, server-sent
events).
"""

import functools
import ipaddress
import itertools
import json
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

import django_grip
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django_grip import GripData, get_pubcontrol, set_hold_longpoll, set_hold_stream
from gripcontrol import HttpResponseFormat, HttpStreamFormat, validate_sig
from pubcontrol import Format, Item
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from leaderboardapp import snapshots
from leaderboardapp.problems import Problem
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import StoreUnavailable

logger = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 20
WAIT_SECONDS = (5, 300)  # the shortest that Pushpin holds a response for; our longest
PUBLISH_TIMEOUT_SECONDS = (1, 5)  # to connect, to answer
# Pushpin's control port takes 1,000,000 bytes at most, and older versions ignore its setting.
MAX_BATCH_BYTES = 900_000
MAX_BOARDS_READ = 500  # at one time
LATE_SECONDS = 2.0
BACKOFF_SECONDS = (0.1, 5.0)


class GripRequest(HttpRequest):
    """A request as the middleware leaves it."""

    grip: GripData


class GripMiddleware(django_grip.GripMiddleware):  # type: ignore[misc]  # it has no types
    """django_grip's, but for the proxy's signature: that is the same one for all requests of one
    second, and to verify it takes as long as to read a board."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        signature = request.META.pop("HTTP_GRIP_SIG", "")
        response: HttpResponse | None = super().process_request(request)
        grip = cast(GripRequest, request).grip
        grip.signed = grip.proxied = _is_signed(signature, int(time.time()))
        return response


@functools.lru_cache(maxsize=64)
def _is_signed(signature: str, second: int) -> bool:
    """Whether some proxy's key has made it, and it has not expired by then."""
    return bool(signature) and any(
        validate_sig(signature, proxy["key"], proxy.get("verify_iss"))
        for proxy in settings.GRIP_PROXIES
    )


def client_address(request: HttpRequest) -> str:
    """As the proxy saw it, or, for a request that did not come through one, as we see it. Of IPv6
    the network, in which a client has as many addresses as it likes."""
    text: str = request.META.get("REMOTE_ADDR", "")
    if cast(GripRequest, request).grip.signed:
        # The last entry is the proxy's own; anybody can send the ones before it.
        text = request.headers.get("X-Forwarded-For", text).rpartition(",")[2].strip()
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.IPv6Network((address.packed[:8] + bytes(8), 64)))


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
        request,
        _channel(board, snapshot),
        keep_alive_data=":\n\n",
        keep_alive_timeout=KEEP_ALIVE_SECONDS,
    )
    body = _retry_line()
    if request.headers.get("Last-Event-ID") != snapshot.hash:
        body += _update_event(snapshot)
    return _event_stream(body)


def hold_response(
    request: HttpRequest, board: str, snapshot: Snapshot, unchanged: HttpResponse
) -> HttpResponse:
    """For a client that has the newest snapshot and prefers to wait (RFC 7240) for the next one:
    that, or `unchanged` when the wait is over. Without a proxy, `unchanged` at once."""
    wait = re.search(r'(?:^|[,\s])wait\s*=\s*"?([0-9]{1,9})\b', request.headers.get("Prefer", ""))
    if wait and cast(GripRequest, request).grip.signed:
        seconds = max(WAIT_SECONDS[0], min(int(wait[1]), WAIT_SECONDS[1]))
        set_hold_longpoll(request, _channel(board, snapshot), timeout=seconds)
        unchanged["Preference-Applied"] = f"wait={seconds}"
    return unchanged


def come_again() -> HttpResponse:
    """For a passing failure: an EventSource reconnects after a 200 that ended, and after nothing
    else (HTML standard, 9.2.3)."""
    return _event_stream(_retry_line())


class Edge:
    """All proxies. What is put here is published to each of them, at its own pace, for as long as
    `allowed()` says so; after that it is forgotten."""

    def __init__(self, allowed: Callable[[], bool]) -> None:
        self.proxies = [Proxy(client, allowed) for client in get_pubcontrol().clients]

    def put(self, snapshots: Mapping[str, Snapshot | None]) -> None:
        """None closes the board's streams, whose clients come back, get 404 and stop; and answers
        long-polls with 404."""
        for proxy in self.proxies:
            proxy.put(snapshots)

    def behind(self) -> float:
        """For how many seconds the oldest of what was put has been waiting; 0 if nothing waits."""
        return max((proxy.behind() for proxy in self.proxies), default=0.0)

    def stop(self) -> None:
        for proxy in self.proxies:
            proxy.stop()


class Proxy:
    """One proxy, with a thread of its own, so that one that is down delays no other.

    At most one snapshot of each board waits, the newest. Of what a proxy did not take, only the ids
    of the boards are kept; their snapshots are read again when it is back."""

    def __init__(self, client: Any, allowed: Callable[[], bool]) -> None:
        """`client` is pubcontrol's, for its address and authentication."""
        self.client, self.allowed = client, allowed
        for scheme in ("http://", "https://"):
            client.requests_session.mount(scheme, _BoundedAdapter())
        self.condition = threading.Condition()
        self.waiting: dict[str, Snapshot | None] = {}
        self.missed: set[str] = set()
        self.oldest: float | None = None  # when the oldest of what was not taken was put
        self.stopping = False
        self.thread = threading.Thread(target=self._run, name=f"edge {client.uri}", daemon=True)
        self.thread.start()

    def put(self, snapshots: Mapping[str, Snapshot | None]) -> None:
        with self.condition:
            if self.missed:
                self.missed.update(snapshots)
            else:
                self.waiting.update(snapshots)
            if snapshots and self.oldest is None:
                self.oldest = time.monotonic()
            self.condition.notify()

    def behind(self) -> float:
        with self.condition:
            return time.monotonic() - self.oldest if self.oldest is not None else 0.0

    def stop(self) -> None:
        """What waits is tried once more, what was missed is not."""
        with self.condition:
            self.stopping = True
            self.condition.notify()
        self.thread.join(sum(PUBLISH_TIMEOUT_SECONDS) + 1)

    def _run(self) -> None:
        failures = 0
        while self._wait(backoff(failures) if failures else 0.0):
            failures = 0 if self._turn() else failures + 1
        self.client.requests_session.close()
        get_store().close()

    def _wait(self, pause: float) -> bool:
        """Until there is something to do after the pause; False if that is to stop."""
        with self.condition:
            self.condition.wait_for(lambda: self.stopping, pause)
            self.condition.wait_for(lambda: self.waiting or self.missed or self.stopping)
            return not self.stopping or bool(self.waiting)

    def _turn(self) -> bool:
        """Publish what waits, and some of what was missed. Whether the proxy took it."""
        with self.condition:
            began = self.oldest
            batch, self.waiting = self.waiting, {}
            again = set(itertools.islice(self.missed, MAX_BOARDS_READ))
            self.missed -= again
        started, error = time.monotonic(), None
        allowed = self.allowed()
        if allowed:
            error = self._send(batch, again)
            if time.monotonic() - started > LATE_SECONDS and not error:
                # This process was stopped, say, and another one has published newer snapshots.
                # What is current can be sent by anybody, at any time.
                error = self._send({}, {*batch, *again})
        with self.condition:
            if error:
                self.missed.update(batch, again)
            if not allowed:
                self.missed.clear()
            if self.missed:
                self.missed.update(self.waiting)
                self.waiting = {}
            self.oldest = began if self.missed else time.monotonic() if self.waiting else None
        return error is None

    def _send(self, batch: dict[str, Snapshot | None], again: set[str]) -> Exception | None:
        try:
            if again:
                taken = snapshots.take(again)
                batch = {**batch, **{board: taken.get(board) for board in again}}
            items = (item for each in batch.items() for item in _items(*each))
            for body in _batches(items):
                self.client.http_call("/publish/", body, {"Content-Type": "application/json"})
        except (ValueError, StoreUnavailable) as error:  # the first is pubcontrol's, for everything
            logger.error("%s did not take %d boards: %s", self.client.uri, len(batch), error)
            return error
        return None


def backoff(failures: int) -> float:
    """Seconds, doubling from least to most, jittered so that several processes spread out."""
    least, most = BACKOFF_SECONDS
    delay: float = min(most, least * 2.0 ** min(failures, 10))
    return delay * random.uniform(0.5, 1)


class _BoundedAdapter(HTTPAdapter):
    """pubcontrol sets no timeout, so a proxy that hangs would hang the publisher."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        return super().send(request, *args, **{**kwargs, "timeout": PUBLISH_TIMEOUT_SECONDS})


PUBLIC, PRIVATE = "board-{}", "board-{}.private"  # no id has a dot


def _channel(board: str, snapshot: Snapshot) -> str:
    return (PRIVATE if snapshot.private else PUBLIC).format(board)


def _items(board: str, snapshot: Snapshot | None) -> Iterator[bytes]:
    """For who watches the board, and for those who watched it before its setting `private` was
    changed: they come back and need a token, or none."""
    # No GRIP item id: the proxy drops an id repeated within a minute, and boards do return
    # to an earlier state.
    if snapshot is None:
        gone = Problem(404, "The board was deleted.")
        yield _item(PUBLIC.format(board), HttpStreamFormat(close=True), _refusal(gone))
        yield _item(PRIVATE.format(board), HttpStreamFormat(close=True), _refusal(gone))
        return
    headers = {**snapshot.headers(), **_cross_origin_headers()}
    response = HttpResponseFormat(200, headers=headers, body=snapshot.body)
    yield _item(_channel(board, snapshot), HttpStreamFormat(_update_event(snapshot)), response)
    if snapshot.private:
        challenge = {"WWW-Authenticate": "Bearer"}
        refusal = _refusal(Problem(401, "The board is private now; this needs a token.", challenge))
        yield _item(PUBLIC.format(board), HttpStreamFormat(close=True), refusal)
    else:
        yield _item(PRIVATE.format(board), HttpStreamFormat(close=True))


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
