"""Messages in an SQL database: a log, of which the oldest are deleted."""

import json
from collections import defaultdict
from typing import Any

from leaderboardapp.stores.messages import Group, Messages, Sent

# The oldest by number, so that nothing else is looked at.
EXPIRE = """
    DELETE FROM message WHERE id IN (
        SELECT id FROM (SELECT id, at FROM message ORDER BY id LIMIT %(limit)s) AS oldest
        WHERE at < %(before)s AND id < (SELECT max(id) FROM message)
    )
"""


class SqlMessages(Messages):
    """Every message of the process's exchanges is read, and goes to the groups that it is for."""

    last: int  # the number of the newest message that was read

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
        if rows and oldest > self.last + 1:
            found += [(group, None) for groups in self.groups.values() for group in groups]
        for number, exchange, topic, payload in rows:
            self.last = max(self.last, number)
            found += [
                (group, Sent(topic, payload))
                for group in self.groups[exchange]
                if group.filter.matches(json.loads(topic))
            ]
        return found
