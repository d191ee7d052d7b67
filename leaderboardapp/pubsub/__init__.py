"""Publish and subscribe through the store: the public names."""

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.pubsub.delivery import AWAY, FORKED, OVERRUN, SLOW, Message, Missed
from leaderboardapp.pubsub.exchange import (
    MAX_PAYLOAD,
    WAITING,
    Exchange,
    ExchangeTopic,
    Queue,
    reql,
)

__all__ = [
    "AWAY",
    "FORKED",
    "MAX_PAYLOAD",
    "OVERRUN",
    "SLOW",
    "WAITING",
    "Exchange",
    "ExchangeTopic",
    "Message",
    "Missed",
    "Queue",
    "StoreUnavailable",
    "reql",
]
