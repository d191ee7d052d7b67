"""What happens on boards, published by whoever makes it happen: programs subscribe to it, and the
active listener forwards a board's events to its viewers.

    with events.exchange.queue({"board": "world-cup"}) as queue:
        for topic, payload in queue.subscribe():
            ...  # {"board": "world-cup", "event": "new leader"}, {"player": {"id": …, …}}
"""

import logging
from typing import Any

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import Row
from leaderboardapp.pubsub import Exchange

logger = logging.getLogger(__name__)
CREATED, JOINED, LEFT = "board created", "joined", "left"
NEW_LEADER, SEASON_ENDED = "new leader", "season ended"
exchange = Exchange("boards")


def announce(board: str, event: str, payload: Any) -> None:
    """It has happened, so whoever made it happen is not told if nobody can be told of it."""
    try:
        exchange.topic({"board": board, "event": event}).publish(payload)
    except (StoreUnavailable, ValueError) as error:  # the second: a row with a name of great length
        logger.warning("nobody is told of %r on board %s: %s", event, board, error)


def player_payload(player: Row) -> dict[str, Row]:
    """A player, as an event has it."""
    return {"player": {name: player[name] for name in ("id", "name", "score")}}
