"""The listener's process: hold the lease, follow the feed, publish."""

import logging
import threading
from collections.abc import Callable, Sequence

from leaderboardapp.concurrency.supervise import supervise
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.listener.event_forwarder import EventForwarder
from leaderboardapp.listener.lease import STANDBY_SECONDS, Lease, LeaseLost
from leaderboardapp.listener.maintenance import Maintenance
from leaderboardapp.listener.own_ranks import OwnRanksPublisher
from leaderboardapp.listener.publish_scheduler import PublishScheduler
from leaderboardapp.listener.stream_closer import close_expired_streams
from leaderboardapp.realtime.proxies import get_proxy_clients
from leaderboardapp.realtime.proxy_client import ProxyClient
from leaderboardapp.realtime.publish import Publisher
from leaderboardapp.stores import get_store
from leaderboardapp.stores.streams import Feed

# Between two tries while the store is away: viewers wait for what changes next.
MOST_PAUSE_SECONDS = 1.0

logger = logging.getLogger(__name__)


def run_listener(stop: threading.Event) -> None:
    """Listen or stand by until `stop` is set. Failures of the store and of proxies are retried."""
    clients = get_proxy_clients()
    listener = Listener(stop, clients)
    # Any other failure ends the process: its successor begins with a clean state, and a standby may
    # take the lease.
    retry_on = (StoreUnavailable,)
    with close_expired_streams(clients):
        supervise(
            "listener",
            listener.run_once,
            stop.wait,
            retry_on,
            retry_on=retry_on,
            most_pause=MOST_PAUSE_SECONDS,
        )
    listener.close()
    for client in clients:
        client.close()


class Listener:
    """One listener: active while it holds the lease, else a standby."""

    def __init__(self, stop: threading.Event, clients: Sequence[ProxyClient]) -> None:
        self.stop, self.clients = stop, clients
        self.store = get_store()
        self.lease = Lease(self.store)
        self.publisher = Publisher(clients, may_publish=self.lease.is_valid)
        self.standing_by = False

    def run_once(self) -> float:
        """Listen if the lease is free; return the seconds until the next try.

        Raises StoreUnavailable."""
        try:
            if self.lease.try_to_take():
                self.standing_by = False
                self.listen()
                return 0.0
        except LeaseLost:
            logger.warning("the lease is lost, or was not renewed in time")
            return 0.0
        if not self.standing_by:
            logger.info("standing by, because another listener is active")
        self.standing_by = True
        return STANDBY_SECONDS

    def listen(self) -> None:
        """Publish what changes, as the active listener, until `stop` is set.

        Raises LeaseLost, StoreUnavailable."""
        feed = self.store.open_feed()
        try:
            scheduler = PublishScheduler(self.publisher, self.lease.state.position)
            self.report_to(feed.wake)
            # After the feed is live, so that nothing falls between.
            self.collect_backlog(scheduler)
            logger.info("listening, with %d boards to catch up on", len(scheduler.backlog))
            self.follow_feed(feed, scheduler)
        finally:
            self.report_to(None)
            feed.close()
        self.publisher.stop()
        self.lease.release()

    def report_to(self, on_news: Callable[[], None] | None) -> None:
        """Have the proxies' news told to this function, or to none."""
        for client in self.clients:
            client.report_to(on_news)

    def collect_backlog(self, scheduler: PublishScheduler) -> None:
        """Give the scheduler the boards that changed after its checkpoint.

        After a long absence that takes a while, in which the lease is kept."""
        for board in self.store.changed_since(scheduler.checkpoint):
            scheduler.backlog.add(board)
            if self.lease.is_renewal_due():
                self.lease.renew(scheduler.checkpoint)

    def follow_feed(self, feed: Feed, scheduler: PublishScheduler) -> None:
        """Publish what changes, and hand on what follows from it, until `stop` is set."""
        with (
            Maintenance(self.store) as maintenance,
            EventForwarder(self.publisher) as forwarder,
            OwnRanksPublisher(self.clients, self.lease.is_valid) as own_ranks,
        ):
            while not self.stop.is_set():
                if self.lease.is_renewal_due():
                    self.lease.renew(scheduler.advance_checkpoint(self.store.position()))
                self.lease.require_valid()
                changed = scheduler.run_once(feed)
                maintenance.enqueue(changed)
                own_ranks.enqueue(changed, scheduler.joiners.take_players())
                forwarder.enqueue(scheduler.leaders.take_changes())

    def close(self) -> None:
        """Publish what waits, with one try, and close the connection to the store."""
        self.publisher.stop()
        self.store.close()
