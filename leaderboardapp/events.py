"""What happens on boards, published by whoever makes it happen: programs subscribe to it, and the
active listener forwards a board's events to its viewers.

    with events.exchange.queue({"board": "world-cup"}) as queue:
        for topic, payload in queue.subscribe():
            ...  # {"board": "world-cup", "event": "new leader"}, {"player": {"id": …, …}}
"""

import logging
import threading
from typing import Any, NamedTuple, Self

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.concurrency.backoff import backoff
from leaderboardapp.pubsub import Exchange
from leaderboardapp.realtime.publish import Edge, News
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import Row, StoreUnavailable

logger = logging.getLogger(__name__)

CREATED, JOINED, LEFT = "board created", "joined", "left"
NEW_LEADER, SEASON_ENDED = "new leader", "season ended"
# Of those who joined viewers hear from the feed, whichever program has written them.
FORWARDED = (LEFT, NEW_LEADER, SEASON_ENDED)

# In a close race the leader changes with each snapshot, and to tell of each would be as much work
# as to show it.
LEADER_SECONDS = 2.0

exchange = Exchange("boards")


class Lead(NamedTuple):
    before: str | None  # the player's id
    leader: Row


def announce(board: str, event: str, payload: Any) -> None:
    """It has happened, so whoever made it happen is not told if nobody can be told of it."""
    try:
        exchange.topic({"board": board, "event": event}).publish(payload)
    except (StoreUnavailable, ValueError) as error:  # the second: a row with a name of great length
        logger.warning("nobody is told of %r on board %s: %s", event, board, error)


def shown(player: Row) -> dict[str, Row]:
    """A player, as an event has it."""
    return {"player": {name: player[name] for name in ("id", "name", "score")}}


class Herald:
    """Beside the active listener: forwards events to viewers, and announces new leaders, whom
    nobody else gets to see. In threads of its own, so that no snapshot waits for it."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.queue = exchange.queue({"board": None, "event": None})
        self.condition = threading.Condition()
        self.leads: dict[str, Lead] = {}  # by board, to be announced
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

    def put(self, leads: dict[str, Lead]) -> None:
        """What has changed, by board."""
        with self.condition:
            for board, (before, leader) in leads.items():
                first = self.leads.get(board)
                self.leads[board] = Lead(first.before if first else before, leader)
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
                    announce(board, NEW_LEADER, shown(leader))
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
        self.edge.put({}, {board: News(private, [(event, payload)])}, ())
