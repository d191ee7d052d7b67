"""Forwarding events of boards to viewers, and announcing new leaders."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Self

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.concurrency.supervise import supervise
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.events import LEFT, NEW_LEADER, SEASON_ENDED, announce, exchange, player_payload
from leaderboardapp.listener.leaders import LeaderChange
from leaderboardapp.realtime.items import BoardEvents
from leaderboardapp.realtime.publish import PublishBatch, Publisher
from leaderboardapp.stores import get_store

logger = logging.getLogger(__name__)

# Without `joined`: viewers learn of newcomers from the feed, whichever program has written them.
FORWARDED = (LEFT, NEW_LEADER, SEASON_ENDED)

# Between two announcements. In a close race the leader changes with each snapshot, and to announce
# each of them would be as much work as to publish it.
LEADER_SECONDS = 2.0


class EventForwarder:
    """Forwards events to viewers, and announces new leaders, beside the active listener.

    Only the listener sees who leads. Both are done in threads, so that no snapshot waits for
    them. Events of boards that are not `is_own`, by their ids, are left to other listeners."""

    def __init__(self, publisher: Publisher, is_own: Callable[[str], bool]) -> None:
        self.publisher, self.is_own = publisher, is_own
        self.queue = exchange.queue({"board": None, "event": None})
        self.condition = threading.Condition()
        self.leader_changes: dict[str, LeaderChange] = {}  # by board id, to be announced
        self.stopping = False
        self.threads = [
            threading.Thread(target=self._run_forwarding, name="forward events", daemon=True),
            threading.Thread(target=self._run_announcing, name="announce leaders", daemon=True),
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

    def enqueue(self, leader_changes: dict[str, LeaderChange]) -> None:
        """Have new leaders announced, by board id, and return at once.

        Changes that wait are combined: a leader who has lost the lead again is not announced."""
        with self.condition:
            for board, (previous_id, leader) in leader_changes.items():
                if board in self.leader_changes:
                    previous_id = self.leader_changes[board].previous_id
                self.leader_changes[board] = LeaderChange(previous_id, leader)
            self.condition.notify_all()

    def _run_announcing(self) -> None:
        supervise("announcing leaders", self._announce_leaders, self._wait_for_leaders)
        get_store().close()

    def _wait_for_leaders(self, pause: float) -> bool:
        """Pause, then wait for a new leader; return whether to end instead."""
        self._pause(pause)
        with self.condition:
            self.condition.wait_for(lambda: self.leader_changes or self.stopping)
            return self.stopping

    def _announce_leaders(self) -> float:
        with self.condition:
            leader_changes, self.leader_changes = self.leader_changes, {}
        for board, (previous_id, leader) in leader_changes.items():
            if self.stopping:
                break
            if leader["id"] != previous_id:
                announce(board, NEW_LEADER, player_payload(leader))
        return LEADER_SECONDS

    def _run_forwarding(self) -> None:
        supervise("forwarding events", self._forward_all, self._pause, (StoreUnavailable,))
        get_store().close()

    def _pause(self, seconds: float) -> bool:
        """Rest, unless stopping; return whether it is stopping."""
        with self.condition:
            return self.condition.wait_for(lambda: self.stopping, seconds)

    def _forward_all(self) -> float:
        """Forward events until the queue is closed, and return 0.0, for no pause."""
        with self.queue as queue:
            if self.stopping:  # and the queue was closed before it was open
                return 0.0
            for topic, payload in queue.subscribe():
                if isinstance(topic, dict):  # not a Missed: snapshots lack nothing that was missed
                    self._forward(topic["board"], topic["event"], payload)
        return 0.0

    def _forward(self, board: str, event: str, payload: Any) -> None:
        # Any program may publish to the exchange.
        if event not in FORWARDED or not isinstance(payload, dict) or not self.is_own(board):
            return
        try:
            private = get_store().get_board(board)["private"]
        except ObjectDoesNotExist:
            return
        except StoreUnavailable as error:
            logger.warning("the event %r of board %s was not forwarded: %s", event, board, error)
            return
        events = BoardEvents(private, [(event, payload)])
        self.publisher.enqueue(PublishBatch(events={board: events}))
