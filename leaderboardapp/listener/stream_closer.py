"""Closing streams and WebSockets whose token has expired, on all proxies."""

import itertools
import logging
import threading
import time
from typing import Self

from leaderboardapp.concurrency.supervise import supervise
from leaderboardapp.realtime.expiry import MAX_LATE_SECONDS, STEP_SECONDS, list_end_channels
from leaderboardapp.realtime.items import build_end_items
from leaderboardapp.realtime.proxy_client import ProxyClient, ProxyUnavailable, get_proxy_clients

logger = logging.getLogger(__name__)

# For how long each end is published again. That stands in for clocks that differ, for a stream that
# was not held yet, and for messages lost on the way.
REPEAT_SECONDS = 30


class StreamCloser:
    """Closes what has expired, in a thread of its own.

    It needs neither the store nor the lease: an end may be published by any process, more than
    once, and late. It begins with the ends that may have been missed before."""

    def __init__(self) -> None:
        self.clients = get_proxy_clients()
        began = time.time() - MAX_LATE_SECONDS
        self.closed_until = {client.uri: began for client in self.clients}
        self.away: set[str] = set()  # addresses of proxies that did not answer the last time
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, name="stream closer", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()

    def run_once(self) -> float:
        """Publish what has ended to each proxy; return for how many seconds to rest."""
        for client in self.clients:
            self.close_expired(client, time.time())
        return STEP_SECONDS

    def close_expired(self, client: ProxyClient, now: float) -> None:
        """Publish what has ended to a proxy, or all of it later if that does not answer."""
        after = min(self.closed_until[client.uri], now - REPEAT_SECONDS)
        channels = list_end_channels(after, now)
        try:
            client.publish(itertools.chain.from_iterable(map(build_end_items, channels)))
        except ProxyUnavailable as error:
            if client.uri not in self.away:
                logger.warning("streams that have expired are closed later: %s", error)
            self.away.add(client.uri)
        else:
            self.closed_until[client.uri] = now
            self.away.discard(client.uri)

    def _run(self) -> None:
        supervise(self.thread.name, self.run_once, self.stopping.wait)
