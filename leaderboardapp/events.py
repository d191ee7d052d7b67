"""Events of boards, published by the program that makes them happen.

Programs subscribe to them, and the active listener forwards them to a board's viewers.

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


def announce(board: str, event: str, *payloads: Any) -> None:
    """Publish a board's event, once for each payload. Best effort: a failure is logged, because the
    write has succeeded.

    `event` is one of the names above, and a payload what JSON can say."""
    try:
        exchange.topic({"board": board, "event": event}).publish(*payloads)
    except (StoreUnavailable, ValueError) as error:  # ValueError: a name too long for a payload
        logger.warning("the event %r of board %s was not published: %s", event, board, error)


def player_payload(player: Row) -> dict[str, Row]:
    """Return the payload of an event about a player: the id, the name and the score."""
    return {"player": {name: player[name] for name in ("id", "name", "score")}}
