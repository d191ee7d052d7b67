"""The listener's process: hold the lease, follow the feed, publish."""

import logging
import threading
import time

from leaderboardapp.concurrency.backoff import backoff
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.listener.event_forwarder import EventForwarder
from leaderboardapp.listener.lease import LOOK_SECONDS, Lease, LeaseLost
from leaderboardapp.listener.maintenance import Maintenance
from leaderboardapp.listener.scheduler import PublishScheduler
from leaderboardapp.realtime.publish import Publisher
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import Store

logger = logging.getLogger(__name__)
CALM_SECONDS = 30.0  # without a failure, after which the next one is the first again


def run_listener(stop: threading.Event) -> None:
    """Until `stop` is set, through every failure of the store and of the edge."""
    store = get_store()
    lease = Lease(store)
    publisher = Publisher(may_publish=lease.is_valid)
    failures, failed, standing_by = 0, 0.0, False
    while not stop.is_set():
        try:
            if lease.try_to_take():
                standing_by = False
                listen(store, lease, publisher, stop)
                break
            if not standing_by:
                logger.info("standing by, because another listener is active")
            standing_by = True
            stop.wait(LOOK_SECONDS)
        except LeaseLost:
            logger.warning("the lease is lost, or was not renewed in time")
        except StoreUnavailable as error:
            now = time.monotonic()
            failures = failures + 1 if now - failed < CALM_SECONDS else 0
            delay, failed = backoff(failures), now
            logger.error("%s; trying again in %.1f s", error, delay)
            stop.wait(delay)
    publisher.stop()
    store.close()


def listen(store: Store, lease: Lease, publisher: Publisher, stop: threading.Event) -> None:
    """As the active listener, until `stop` is set. Raises LeaseLost, StoreUnavailable."""
    feed = store.open_feed()
    try:
        listener = PublishScheduler(publisher, lease.state.position)
        # After the feed is live, so that nothing falls between. After a long absence it takes a
        # while, in which the lease is kept.
        for board in store.changed_since(lease.state.position):
            listener.backlog.add(board)
            if lease.is_due():
                lease.renew(listener.checkpoint)
        logger.info("listening, with %d boards to look at", len(listener.backlog))
        with Maintenance(store) as maintenance, EventForwarder(publisher) as forwarder:
            while not stop.is_set():
                if lease.is_due():
                    lease.renew(listener.advance_checkpoint(store.position()))
                lease.check()
                maintenance.put(listener.run_once(feed))
                forwarder.put(listener.leader_changes)
                listener.leader_changes = {}
    finally:
        feed.close()
    publisher.stop()
    lease.release()
