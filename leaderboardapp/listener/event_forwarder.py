"""Forward board events to viewers, and announce new leaders."""

import logging
import threading
from typing import Any, NamedTuple, Self

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.concurrency.backoff import backoff
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import Row
from leaderboardapp.events import LEFT, NEW_LEADER, SEASON_ENDED, announce, exchange, player_payload
from leaderboardapp.realtime.items import BoardEvents
from leaderboardapp.realtime.publish import PublishBatch, Publisher
from leaderboardapp.stores import get_store

logger = logging.getLogger(__name__)

# Of those who joined viewers hear from the feed, whichever program has written them.
FORWARDED = (LEFT, NEW_LEADER, SEASON_ENDED)

# In a close race the leader changes with each snapshot, and to tell of each would be as much work
# as to show it.
LEADER_SECONDS = 2.0


class LeaderChange(NamedTuple):
    before: str | None  # the player's id
    leader: Row


class EventForwarder:
    """Beside the active listener: forwards events to viewers, and announces new leaders, whom
    nobody else gets to see. In threads of its own, so that no snapshot waits for it."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.queue = exchange.queue({"board": None, "event": None})
        self.condition = threading.Condition()
        self.leads: dict[str, LeaderChange] = {}  # by board, to be announced
        self.stopping = False
        self.threads = [
            threading.Thread(target=work, name=f"herald {work.__name__}", daemon=True)
            for work in (self._forward, self._announce)
        ]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self.condition:
            self.stopping = True
            self.condition.notify_all()
        self.queue.close()
        for thread in self.threads:
            thread.join()

    def put(self, leads: dict[str, LeaderChange]) -> None:
        """What has changed, by board."""
        with self.condition:
            for board, (before, leader) in leads.items():
                first = self.leads.get(board)
                self.leads[board] = LeaderChange(first.before if first else before, leader)
            self.condition.notify_all()

    def _announce(self) -> None:
        while not self.stopping:
            with self.condition:
                self.condition.wait_for(lambda: self.leads or self.stopping)
                leads, self.leads = self.leads, {}
            for board, (before, leader) in leads.items():
                if self.stopping:
                    break
                if leader["id"] != before:
                    announce(board, NEW_LEADER, player_payload(leader))
            with self.condition:
                self.condition.wait_for(lambda: self.stopping, LEADER_SECONDS)
        get_store().close()

    def _forward(self) -> None:
        failures = 0
        while not self.stopping:
            try:
                with self.queue as queue:
                    failures = 0
                    if self.stopping:  # which closed the queue before it was open
                        break
                    for topic, payload in queue.subscribe():
                        if isinstance(topic, dict):  # snapshots lack nothing of what was missed
                            self._tell(topic["board"], topic["event"], payload)
            except Exception as error:  # whatever it is, viewers are to hear of the next event
                pause, failures = backoff(failures), failures + 1
                unexpected = not isinstance(error, StoreUnavailable)
                message = "%s; forwarding events again in %.1f s"
                logger.error(message, error, pause, exc_info=unexpected)
                with self.condition:
                    self.condition.wait_for(lambda: self.stopping, pause)
        get_store().close()

    def _tell(self, board: str, event: str, payload: Any) -> None:
        if event not in FORWARDED:
            return
        try:
            private = get_store().get_board(board)["private"]
        except ObjectDoesNotExist:
            return
        except StoreUnavailable as error:
            logger.warning("viewers are not told of %r on board %s: %s", event, board, error)
            return
        events = BoardEvents(private, [(event, payload)])
        self.publisher.enqueue(PublishBatch(events={board: events}))
