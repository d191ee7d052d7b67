"""Closing streams and WebSockets whose token has expired, on all proxies."""

import itertools
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from leaderboardapp.concurrency.supervise import supervise
from leaderboardapp.realtime.expiry import MAX_LATE_SECONDS, STEP_SECONDS, list_end_channels
from leaderboardapp.realtime.items import build_end_items
from leaderboardapp.realtime.proxy_client import ProxyClient, ProxyUnavailable

logger = logging.getLogger(__name__)

# For how long each end is published again. That stands in for clocks that differ, for a stream that
# was not held yet, and for messages lost on the way.
REPEAT_SECONDS = 30


class StreamCloser:
    """Closes what has expired on one proxy.

    It needs neither the store nor the lease: an end may be published by any process, more than
    once, and late. It begins with the ends that may have been missed before."""

    def __init__(self, client: ProxyClient) -> None:
        self.client = client
        self.closed_until = time.time() - MAX_LATE_SECONDS
        # Whether the proxy did not answer the last time, which is said once. One that has just been
        # connected to may not answer yet.
        self.is_away = True

    def run_once(self) -> float:
        """Publish what has ended; return for how many seconds to rest, which is until more has."""
        self.close_expired(time.time())
        return STEP_SECONDS - time.time() % STEP_SECONDS

    def close_expired(self, now: float) -> None:
        """Publish what has ended by now, or all of it later if the proxy does not answer."""
        channels = list_end_channels(min(self.closed_until, now - REPEAT_SECONDS), now)
        try:
            self.client.check()
            self.client.publish(itertools.chain.from_iterable(map(build_end_items, channels)))
        except ProxyUnavailable as error:
            if not self.is_away:
                logger.warning("streams that have expired are closed later: %s", error)
            self.is_away = True
        else:
            self.closed_until, self.is_away = now, False


@contextmanager
def close_expired_streams(clients: Iterable[ProxyClient]) -> Iterator[None]:
    """Close what expires on these proxies while the body runs.

    Each proxy has a thread of its own: one that accepts and does not answer takes seconds."""
    stopping = threading.Event()
    threads = [
        threading.Thread(target=_run, args=(client, stopping), name="stream closer", daemon=True)
        for client in clients
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def _run(client: ProxyClient, stopping: threading.Event) -> None:
    supervise("stream closer", StreamCloser(client).run_once, stopping.wait)
