"""The listener's process: hold parts of the boards, follow the feed, publish."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings

from leaderboardapp.concurrency.supervise import supervise
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.parts import Parts
from leaderboardapp.listener import gauges
from leaderboardapp.listener.event_forwarder import EventForwarder
from leaderboardapp.listener.lease import LOOK_SECONDS, Lease, LeaseLost
from leaderboardapp.listener.maintenance import Maintenance
from leaderboardapp.listener.own_ranks import OwnRanksPublisher
from leaderboardapp.listener.publish_scheduler import IDLE_SECONDS, PublishScheduler
from leaderboardapp.listener.stream_closer import close_expired_streams
from leaderboardapp.metrics import Counter
from leaderboardapp.realtime.hold_channels import parse_hold
from leaderboardapp.realtime.proxies import get_proxy_clients
from leaderboardapp.realtime.proxy_client import ProxyClient
from leaderboardapp.realtime.publish import Publisher
from leaderboardapp.stores import get_store
from leaderboardapp.stores.streams import Feed

logger = logging.getLogger(__name__)

# After an outage of the store all listeners are back before any of them removes others.
MOST_PAUSE_SECONDS = 1.0

LEASES_LOST = Counter("leaderboard_leases_lost", "Times that the lease was lost, or not renewed")


def run_listener(stop: threading.Event) -> None:
    """Listen or stand by until `stop` is set. Failures of the store and of proxies are retried."""
    clients = get_proxy_clients()
    listener = Listener(stop, clients)
    # Any other failure ends the process: its successor begins with a clean state, and another
    # listener may take its parts.
    retry_on = (StoreUnavailable,)
    with close_expired_streams(clients):
        supervise(
            *("listener", listener.run_once, stop.wait, retry_on),
            retry_on=retry_on,
            most_pause=MOST_PAUSE_SECONDS,
        )
        listener.close()  # before threads of proxies that do not answer are waited for
    for client in clients:
        client.close()


class Listener:
    """One listener: active while it has parts of the boards, else a standby."""

    def __init__(self, stop: threading.Event, clients: Sequence[ProxyClient]) -> None:
        self.stop, self.clients = stop, clients
        self.store = get_store()
        self.lease = Lease(self.store)
        self.publisher = Publisher(clients, may_publish=self.lease.may_publish)
        self.feed: Feed | None = None
        self.followed: Parts | None = None  # whose changes the feed has
        self.standing_by = False
        # The last one, which on standby is of no use any more.
        self.scheduler: PublishScheduler | None = None
        gauges.follow(
            *(self.lease, self.publisher),
            lambda: self.feed,
            lambda: self.scheduler if self.feed else None,
        )

    def run_once(self) -> float:
        """Listen if there are parts for this listener; return the seconds until the next try.

        Raises StoreUnavailable."""
        try:
            self.lease.drop()
            self.lease.look()
            if self.lease.parts.numbers:
                self.standing_by = False
                self.listen()
                return 0.0
        except LeaseLost:
            LEASES_LOST.count()
            logger.warning("the lease is lost, or was not renewed in time")
            return 0.0
        if not self.standing_by:
            logger.info("standing by, because other listeners are active")
        self.standing_by = True
        return LOOK_SECONDS

    def listen(self) -> None:
        """Publish what changes, as an active listener, until `stop` is set.

        Raises LeaseLost, StoreUnavailable."""
        is_own = self.lease.is_own
        scheduler = PublishScheduler(self.publisher, min(self.lease.taken.values()), is_own)
        self.scheduler = scheduler
        with self.follow_news():
            self.follow_parts(scheduler)
            with (
                Maintenance(self.store, is_own) as maintenance,
                EventForwarder(self.publisher, is_own) as forwarder,
                OwnRanksPublisher(self.clients, self.lease.may_publish) as own_ranks,
            ):
                while not self.stop.is_set():
                    parts, changed = self.followed, self.run_turn(scheduler)
                    if self.followed != parts:
                        maintenance.scan()
                    maintenance.enqueue(changed)
                    own_ranks.enqueue(changed, scheduler.joiners.take_players())
                    forwarder.enqueue(scheduler.leaders.take_changes())

    @contextmanager
    def follow_news(self) -> Iterator[None]:
        """Have the proxies' news wake the feed, which is closed afterwards."""
        try:
            for client in self.clients:
                client.report_to(self.wake)
            yield
        finally:
            for client in self.clients:
                client.report_to(None)
            self.close_feed()

    def wake(self) -> None:
        """Wake the feed, if it is open."""
        feed = self.feed  # which another thread may close
        if feed:
            feed.wake()

    def run_turn(self, scheduler: PublishScheduler) -> list[str]:
        """Publish what changes, and return the ids of these boards."""
        if self.lease.is_look_due():
            self.look(scheduler)
        feed = self.feed
        # Parts may have left and come back meanwhile.
        if feed is None or self.lease.parts != self.followed or self.lease.taken:
            feed = self.follow_parts(scheduler)
        idle = IDLE_SECONDS if self.lease.is_alone() else LOOK_SECONDS
        return scheduler.run_once(feed, idle)

    def follow_parts(self, scheduler: PublishScheduler) -> Feed:
        """Open the feed anew, of the parts that this listener has now; catch up, and return it."""
        self.close_feed()
        self.followed = self.lease.parts
        self.feed = self.store.open_feed(self.followed)
        # After the feed is live, so that nothing falls between.
        self.collect_backlog(scheduler)
        return self.feed

    def close_feed(self) -> None:
        """Close the feed, if it is open."""
        feed, self.feed = self.feed, None
        if feed:
            feed.close()

    def collect_backlog(self, scheduler: PublishScheduler) -> None:
        """Give the scheduler the boards that changed after its checkpoint, or that of a new part.

        After a long absence that takes a while, in which the lease is kept."""
        taken = self.lease.take_new()
        new = Parts(self.lease.parts.of, frozenset(taken))
        scheduler.forget_others(new)
        scheduler.rewind(min(taken.values(), default=scheduler.checkpoint))
        for client in self.clients if taken else ():
            client.repeat_held(lambda channel: _is_of(new, channel))
            self.wake()
        for board in self.store.changed_since(scheduler.checkpoint):
            if self.lease.is_own(board):
                scheduler.backlog.add(board)
            if self.lease.is_renewal_due():
                self.lease.look(scheduler.checkpoint)
        boards, (of, own) = len(scheduler.backlog), self.lease.parts
        logger.info("listening to %d of %d parts, %d boards to catch up on", len(own), of, boards)
        if of != settings.LISTENER_PARTS:
            logger.warning(
                "LISTENER_PARTS=%d counts when no other listener runs: there are %d parts now",
                *(settings.LISTENER_PARTS, of),
            )

    def look(self, scheduler: PublishScheduler) -> None:
        """Renew the lease if it is time, and look at what other listeners do."""
        if self.lease.is_renewal_due():
            scheduler.advance_checkpoint(self.store.position())
        sent_until = time.monotonic() - self.publisher.lag_seconds()
        self.lease.look(scheduler.checkpoint, sent_until)

    def close(self) -> None:
        """Publish what waits, with one try, leave the parts to others, and close the connection to
        the store."""
        self.publisher.stop()
        try:
            self.lease.release()
        except StoreUnavailable as error:
            logger.warning("others take the parts of this listener in some seconds: %s", error)
        self.store.close()


def _is_of(parts: Parts, channel: str) -> bool:
    """Return whether the GRIP channel is of a board in the parts."""
    hold = parse_hold(channel)
    return hold is not None and parts.have(hold.board)
