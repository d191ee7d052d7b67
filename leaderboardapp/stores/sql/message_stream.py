"""Messages in an SQL database: a log, of which the oldest are deleted."""

import json
import time
from collections import defaultdict
from typing import Any

from leaderboardapp.stores.base import (
    EXPIRED_AT_ONCE,
    KEPT_SECONDS,
    EncodedMessage,
    MessageStream,
    Subscription,
)

# The oldest by number, so that nothing else is looked at.
EXPIRE = f"""
    DELETE FROM message WHERE id IN (
        SELECT id FROM (SELECT id, at FROM message ORDER BY id LIMIT {EXPIRED_AT_ONCE}) AS oldest
        WHERE at < {{now}} - %(older)s * 1000000 AND id < (SELECT max(id) FROM message)
    )
"""


class SqlMessageStream(MessageStream):
    """Every message is read, of all exchanges, and goes to the groups that it is for."""

    last: int  # the number of the newest message that was read
    looked: float  # when the read that is under way began; by the clock that a pause does not stop

    def __init__(self) -> None:
        self.subscriptions: defaultdict[str, list[Subscription]] = defaultdict(list)  # by exchange

    def subscribe(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.exchange].append(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.exchange].remove(subscription)

    def sort(
        self, oldest: int, rows: list[tuple[Any, ...]]
    ) -> list[tuple[Subscription, EncodedMessage | None]]:
        """`rows` of number, exchange, topic and payload, all that are new; `oldest`: the number of
        the first one that still is there."""
        found: list[tuple[Subscription, EncodedMessage | None]] = []
        # Numbers may also be missing because their transactions are not committed yet.
        paused = time.time() > self.looked + KEPT_SECONDS / 2
        if rows and paused and oldest > self.last + 1:
            found += [
                (subscription, None)
                for subscriptions in self.subscriptions.values()
                for subscription in subscriptions
            ]
        for number, exchange, topic, payload in rows:
            self.last = max(self.last, number)
            if subscriptions := self.subscriptions.get(exchange):
                key, sent = json.loads(topic), EncodedMessage(topic, payload)
                found += [
                    (subscription, sent)
                    for subscription in subscriptions
                    if subscription.filter.matches(key)
                ]
        return found
