"""Messages in a store: what leaderboardapp.pubsub is built on."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import NamedTuple

from leaderboardapp.domain.topics import Filter

KEPT_SECONDS = 600  # what is older is deleted, by those who publish
EXPIRED_AT_ONCE = 200


class Group(NamedTuple):
    """What subscribers want: messages of an exchange that pass the filter."""

    exchange: str
    filter: Filter


class Sent(NamedTuple):
    topic: str  # JSON, as topics.canonical gives it
    payload: str  # JSON


class Messages(ABC):
    """The stream of messages of one process, through one connection. It is used by one thread.
    Its methods raise StoreUnavailable, after which it is of no use but to be closed."""

    @abstractmethod
    def watch(self, group: Group) -> None:
        """Once it returns, all that is published from then on is read. Raises ValueError if the
        store does not know the filter."""

    @abstractmethod
    def forget(self, group: Group) -> None: ...

    @abstractmethod
    def read(self, timeout: float) -> Iterable[tuple[Group, Sent | None]]:
        """What has been published since the last call, once for each group that is watched,
        those of a topic in their order; None: some of the group's messages were lost. Returns at
        once if there are any, else waits up to `timeout` seconds."""

    @abstractmethod
    def check(self) -> None:
        """Raises StoreUnavailable if the other end is not there any more: a dead link looks like
        one on which nobody publishes."""

    @abstractmethod
    def close(self) -> None: ...
