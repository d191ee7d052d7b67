"""Messages in an SQL database: a log, of which the oldest are deleted."""

import json
import time
from collections import defaultdict
from typing import Any

from leaderboardapp.stores.base import EXPIRED_AT_ONCE, KEPT_SECONDS, Group, Messages, Sent

# The oldest by number, so that nothing else is looked at.
EXPIRE = f"""
    DELETE FROM message WHERE id IN (
        SELECT id FROM (SELECT id, at FROM message ORDER BY id LIMIT {EXPIRED_AT_ONCE}) AS oldest
        WHERE at < {{now}} - %(older)s * 1000000 AND id < (SELECT max(id) FROM message)
    )
"""


class SqlMessages(Messages):
    """Every message is read, of all exchanges, and goes to the groups that it is for."""

    last: int  # the number of the newest message that was read
    looked: float  # when the read that is under way began; by the clock that a pause does not stop

    def __init__(self) -> None:
        self.groups: defaultdict[str, list[Group]] = defaultdict(list)  # by exchange

    def watch(self, group: Group) -> None:
        self.groups[group.exchange].append(group)

    def forget(self, group: Group) -> None:
        self.groups[group.exchange].remove(group)

    def sort(self, oldest: int, rows: list[tuple[Any, ...]]) -> list[tuple[Group, Sent | None]]:
        """`rows` of number, exchange, topic and payload, all that are new; `oldest`: the number of
        the first one that still is there."""
        found: list[tuple[Group, Sent | None]] = []
        # Numbers may also be missing because their transactions are not committed yet.
        paused = time.time() > self.looked + KEPT_SECONDS / 2
        if rows and paused and oldest > self.last + 1:
            found += [(group, None) for groups in self.groups.values() for group in groups]
        for number, exchange, topic, payload in rows:
            self.last = max(self.last, number)
            if groups := self.groups.get(exchange):
                key, sent = json.loads(topic), Sent(topic, payload)
                found += [(group, sent) for group in groups if group.filter.matches(key)]
        return found
