"""Publish and subscribe through the store: the public names."""

from leaderboardapp.pubsub.exchange import (
    AWAY,
    FORKED,
    MAX_PAYLOAD,
    OVERRUN,
    SLOW,
    WAITING,
    Exchange,
    ExchangeTopic,
    Message,
    Missed,
    Queue,
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
]
