"""Publishing to what the proxies hold, over all transports at once.

Source: the GRIP protocol (pushpin.org/docs/protocols/grip).
"""

import itertools
import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django_grip import get_pubcontrol
from gripcontrol import HttpResponseFormat, HttpStreamFormat, WebSocketMessageFormat
from pubcontrol import Format, Item
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from leaderboardapp import snapshots
from leaderboardapp.concurrency.backoff import backoff
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
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import MAX_JOINED, StoreUnavailable
from leaderboardapp.web.problems import Problem

logger = logging.getLogger(__name__)

PUBLISH_TIMEOUT_SECONDS = (1, 5)  # to connect, to answer
# Pushpin's control port takes 1,000,000 bytes at most, and older versions ignore its setting.
MAX_BATCH_BYTES = 900_000
MAX_BOARDS_READ = 500  # at one time
LATE_SECONDS = 2.0
MAX_NEWS = 2 * MAX_JOINED  # events of a board that wait for a proxy


class EdgeUnavailable(Exception):
    """A proxy did not take what was published to it."""


class News(NamedTuple):
    """Events of a board, each with its name and what it tells, for those who may see it."""

    private: bool
    events: list[tuple[str, Any]]


class Control:
    """The address at which one proxy is published to."""

    def __init__(self, client: Any) -> None:
        """`client` is pubcontrol's, for its address and authentication."""
        self.client = client
        self.uri: str = client.uri
        for scheme in ("http://", "https://"):
            client.requests_session.mount(scheme, _BoundedAdapter())

    def publish(self, items: Iterable[bytes]) -> None:
        """Returns when the proxy has taken all. Raises EdgeUnavailable; it may have taken some."""
        try:
            for body in _batches(items):
                self.client.http_call("/publish/", body, {"Content-Type": "application/json"})
        except ValueError as error:  # pubcontrol's, for everything
            raise EdgeUnavailable(f"{self.uri} did not take what was published: {error}") from error

    def close(self) -> None:
        self.client.requests_session.close()


def controls() -> list[Control]:
    """Of all proxies."""
    return [Control(client) for client in get_pubcontrol().clients]


class Edge:
    """All proxies. What is put here is published to each of them, at its own pace, for as long as
    `allowed()` says so; after that it is forgotten."""

    def __init__(self, allowed: Callable[[], bool]) -> None:
        self.proxies = [Proxy(control, allowed) for control in controls()]

    def put(
        self,
        snapshots: Mapping[str, Snapshot | None],
        news: Mapping[str, News],
        turned: Collection[str],
    ) -> None:
        """None closes the board's streams, whose clients come back, get 404 and stop; and answers
        long-polls with 404. `news` are told once, or, if a proxy does not take them, never.
        `turned`: the boards that may still be watched by those who saw them private, or public,
        which they no longer are. They come back, and need a token, or none."""
        for proxy in self.proxies:
            proxy.put(snapshots, news, turned)

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

    def __init__(self, control: Control, allowed: Callable[[], bool]) -> None:
        self.control, self.allowed = control, allowed
        self.condition = threading.Condition()
        self.waiting: dict[str, Snapshot | None] = {}
        self.news: dict[str, News] = {}
        self.turned: set[str] = set()
        self.missed: set[str] = set()
        self.oldest: float | None = None  # when the oldest of what was not taken was put
        self.stopping = False
        self.thread = threading.Thread(target=self._run, name=f"edge {control.uri}", daemon=True)
        self.thread.start()

    def put(
        self,
        snapshots: Mapping[str, Snapshot | None],
        news: Mapping[str, News],
        turned: Collection[str],
    ) -> None:
        with self.condition:
            if self.missed:
                self.missed.update(snapshots)
            else:
                self.waiting.update(snapshots)
                self.turned.update(turned)
                for board, (private, events) in news.items():
                    before = self.news.get(board, News(private, [])).events
                    self.news[board] = News(private, [*before, *events][-MAX_NEWS:])
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
        self.control.close()
        get_store().close()

    def _wait(self, pause: float) -> bool:
        """Until there is something to do after the pause; False if that is to stop."""
        with self.condition:
            self.condition.wait_for(lambda: self.stopping, pause)
            self.condition.wait_for(
                lambda: self.waiting or self.news or self.missed or self.stopping
            )
            return not self.stopping or bool(self.waiting)

    def _turn(self) -> bool:
        """Publish what waits, and some of what was missed. Whether the proxy took it."""
        with self.condition:
            began = self.oldest
            batch, self.waiting = self.waiting, {}
            news, self.news = self.news, {}
            turned, self.turned = self.turned, set()
            again = set(itertools.islice(self.missed, MAX_BOARDS_READ))
            self.missed -= again
        started, error = time.monotonic(), None
        allowed = self.allowed()
        if allowed:
            error = self._send(batch, again, news, turned)
            if time.monotonic() - started > LATE_SECONDS and not error:
                # This process was stopped, say, and another one has published newer snapshots.
                # What is current can be sent by anybody, at any time.
                error = self._send({}, {*batch, *again}, {}, set())
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

    def _send(
        self,
        batch: dict[str, Snapshot | None],
        again: set[str],
        news: dict[str, News],
        turned: set[str],
    ) -> Exception | None:
        try:
            if again:
                taken = snapshots.take(again)
                batch = {**batch, **{board: taken.get(board) for board in again}}
            turned = turned | again  # of which nobody knows what was missed
            items = (
                item
                for board, snapshot in batch.items()
                for item in _items(board, snapshot, board in turned)
            )
            events = (item for each in news.items() for item in _news_items(*each))
            self.control.publish(itertools.chain(items, events))
        except (EdgeUnavailable, StoreUnavailable) as error:
            logger.error("%d boards are still to be published: %s", len(batch), error)
            return error
        return None


class _BoundedAdapter(HTTPAdapter):
    """pubcontrol sets no timeout, so a proxy that hangs would hang the publisher."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        return super().send(request, *args, **{**kwargs, "timeout": PUBLISH_TIMEOUT_SECONDS})


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
