"""Publishing to what the proxies hold, over all transports at once.

Source: the GRIP protocol (pushpin.org/docs/protocols/grip).
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping

from leaderboardapp import snapshots
from leaderboardapp.concurrency.backoff import backoff
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import MAX_JOINED
from leaderboardapp.realtime.items import BoardEvents, build_event_items, build_items
from leaderboardapp.realtime.proxy_client import (
    PUBLISH_TIMEOUT_SECONDS,
    ProxyClient,
    ProxyUnavailable,
    get_proxy_clients,
)
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.stores import get_store

logger = logging.getLogger(__name__)
MAX_BOARDS_READ = 500  # at one time
LATE_SECONDS = 2.0
MAX_NEWS = 2 * MAX_JOINED  # events of a board that wait for a proxy


class Publisher:
    """All proxies. What is put here is published to each of them, at its own pace, for as long as
    `allowed()` says so; after that it is forgotten."""

    def __init__(self, may_publish: Callable[[], bool]) -> None:
        self.proxies = [ProxyPublisher(client, may_publish) for client in get_proxy_clients()]

    def put(
        self,
        snapshots: Mapping[str, Snapshot | None],
        news: Mapping[str, BoardEvents],
        turned: Collection[str],
    ) -> None:
        """None closes the board's streams, whose clients come back, get 404 and stop; and answers
        long-polls with 404. `news` are told once, or, if a proxy does not take them, never.
        `turned`: the boards that may still be watched by those who saw them private, or public,
        which they no longer are. They come back, and need a token, or none."""
        for proxy in self.proxies:
            proxy.put(snapshots, news, turned)

    def lag_seconds(self) -> float:
        """For how many seconds the oldest of what was put has been waiting; 0 if nothing waits."""
        return max((proxy.lag_seconds() for proxy in self.proxies), default=0.0)

    def stop(self) -> None:
        for proxy in self.proxies:
            proxy.stop()


class ProxyPublisher:
    """One proxy, with a thread of its own, so that one that is down delays no other.

    At most one snapshot of each board waits, the newest. Of what a proxy did not take, only the ids
    of the boards are kept; their snapshots are read again when it is back."""

    def __init__(self, client: ProxyClient, may_publish: Callable[[], bool]) -> None:
        self.client, self.may_publish = client, may_publish
        self.condition = threading.Condition()
        self.waiting: dict[str, Snapshot | None] = {}
        self.news: dict[str, BoardEvents] = {}
        self.turned: set[str] = set()
        self.to_resend: set[str] = set()
        self.oldest: float | None = None  # when the oldest of what was not taken was put
        self.stopping = False
        self.thread = threading.Thread(target=self._run, name=f"edge {client.uri}", daemon=True)
        self.thread.start()

    def put(
        self,
        snapshots: Mapping[str, Snapshot | None],
        news: Mapping[str, BoardEvents],
        turned: Collection[str],
    ) -> None:
        with self.condition:
            if self.to_resend:
                self.to_resend.update(snapshots)
            else:
                self.waiting.update(snapshots)
                self.turned.update(turned)
                for board, (private, events) in news.items():
                    before = self.news.get(board, BoardEvents(private, [])).events
                    self.news[board] = BoardEvents(private, [*before, *events][-MAX_NEWS:])
            if snapshots and self.oldest is None:
                self.oldest = time.monotonic()
            self.condition.notify()

    def lag_seconds(self) -> float:
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
        self.client.close()
        get_store().close()

    def _wait(self, pause: float) -> bool:
        """Until there is something to do after the pause; False if that is to stop."""
        with self.condition:
            self.condition.wait_for(lambda: self.stopping, pause)
            self.condition.wait_for(
                lambda: self.waiting or self.news or self.to_resend or self.stopping
            )
            return not self.stopping or bool(self.waiting)

    def _turn(self) -> bool:
        """Publish what waits, and some of what was missed. Whether the proxy took it."""
        with self.condition:
            began = self.oldest
            batch, self.waiting = self.waiting, {}
            news, self.news = self.news, {}
            turned, self.turned = self.turned, set()
            again = set(itertools.islice(self.to_resend, MAX_BOARDS_READ))
            self.to_resend -= again
        started, error = time.monotonic(), None
        may_publish = self.may_publish()
        if may_publish:
            error = self._send(batch, again, news, turned)
            if time.monotonic() - started > LATE_SECONDS and not error:
                # This process was stopped, say, and another one has published newer snapshots.
                # What is current can be sent by anybody, at any time.
                error = self._send({}, {*batch, *again}, {}, set())
        with self.condition:
            if error:
                self.to_resend.update(batch, again)
            if not may_publish:
                self.to_resend.clear()
            if self.to_resend:
                self.to_resend.update(self.waiting)
                self.waiting = {}
            self.oldest = began if self.to_resend else time.monotonic() if self.waiting else None
        return error is None

    def _send(
        self,
        batch: dict[str, Snapshot | None],
        again: set[str],
        news: dict[str, BoardEvents],
        turned: set[str],
    ) -> Exception | None:
        try:
            if again:
                taken = snapshots.read_snapshots(again)
                batch = {**batch, **{board: taken.get(board) for board in again}}
            turned = turned | again  # of which nobody knows what was missed
            items = (
                item
                for board, snapshot in batch.items()
                for item in build_items(board, snapshot, visibility_changed=board in turned)
            )
            events = (item for each in news.items() for item in build_event_items(*each))
            self.client.publish(itertools.chain(items, events))
        except (ProxyUnavailable, StoreUnavailable) as error:
            logger.error("%d boards are still to be published: %s", len(batch), error)
            return error
        return None
