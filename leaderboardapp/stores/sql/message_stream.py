"""Messages in an SQL database: a table of the newest, from which the oldest are deleted."""

import json
import time
from collections import defaultdict
from typing import Any

from leaderboardapp.stores.streams import (
    EXPIRED_AT_ONCE,
    KEPT_SECONDS,
    EncodedMessage,
    MessageStream,
    Subscription,
)

# The oldest are found by number, so that no other row is read.
EXPIRE = f"""
    DELETE FROM message WHERE id IN (
        SELECT id FROM (SELECT id, at FROM message ORDER BY id LIMIT {EXPIRED_AT_ONCE}) AS oldest
        WHERE at < {{now}} - %(older)s * 1000000 AND id < (SELECT max(id) FROM message)
    )
"""


class SqlMessageStream(MessageStream):
    """Reads every message, of all exchanges, and keeps those that pass a subscription."""

    last_id: int  # of the newest message that was read
    polled_at: float  # when the running poll began, by a clock that goes on during a suspend

    def __init__(self) -> None:
        self.subscriptions: defaultdict[str, list[Subscription]] = defaultdict(list)  # by exchange

    def subscribe(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.exchange].append(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.exchange].remove(subscription)

    def dispatch(
        self, oldest_id: int, rows: list[tuple[Any, ...]]
    ) -> list[tuple[Subscription, EncodedMessage | None]]:
        """Return the messages of these rows, as `poll` does.

        `rows` are all new ones, each of id, exchange, topic and payload. `oldest_id` is the id of
        the oldest message that the table still has."""
        messages: list[tuple[Subscription, EncodedMessage | None]] = []
        # Ids may also be missing because their transactions are not committed yet.
        was_suspended = time.time() > self.polled_at + KEPT_SECONDS / 2
        if rows and was_suspended and oldest_id > self.last_id + 1:
            messages += [
                (subscription, None)
                for subscriptions in self.subscriptions.values()
                for subscription in subscriptions
            ]
        for id, exchange, topic, payload in rows:
            self.last_id = max(self.last_id, id)
            if subscriptions := self.subscriptions.get(exchange):
                decoded, message = json.loads(topic), EncodedMessage(topic, payload)
                messages += [
                    (subscription, message)
                    for subscription in subscriptions
                    if subscription.filter.matches(decoded)
                ]
        return messages
