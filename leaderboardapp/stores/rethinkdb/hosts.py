"""The hosts of a cluster: which of them a thread asks, and which do not answer."""

import itertools
import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.stores.circuit_breaker import Unreachable
from leaderboardapp.stores.rethinkdb.address import Host

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 2.0
PROBE_SECONDS = 0.5  # between two probes of a host that was left

C = TypeVar("C")


class Hosts:
    """The hosts as one process sees them.

    Each thread begins at another host, so that threads spread over all. A host that does not answer
    is left by all threads. While others answer, a thread of its own probes it, and the host is
    taken back. While none does, queries probe, one at a time (circuit_breaker.py)."""

    def __init__(self, hosts: tuple[Host, ...], probe: Callable[[Host], object]) -> None:
        """Begin with none left. `probe` returns if the host answers, or raises
        StoreUnavailable."""
        self.hosts, self.probe = hosts, probe
        self.left: dict[Host, float] = {}  # when, by time.monotonic()
        self.turns = itertools.count(random.randrange(len(hosts)))
        self.local = threading.local()  # .order: the hosts as this thread prefers them
        self.watcher: threading.Thread | None = None

    def sort(self) -> list[Host]:
        """Return the hosts in the order in which this thread asks them: those that answer, and then
        the others, first the one that was left first."""
        if not hasattr(self.local, "order"):
            own = self.hosts[next(self.turns) % len(self.hosts)]
            # Threads of a host that is left spread over all others.
            others = random.sample(self.hosts, len(self.hosts))
            self.local.order = sorted(others, key=lambda host: host != own)
        if self.left:
            self._watch()
        return sorted(self.local.order, key=lambda host: self.left.get(host, 0.0))

    def connect(self, connect: Callable[[Host], C], avoid: Host | None = None) -> C:
        """Return what `connect` returns for the first host with which it does not raise
        Unreachable. The hosts before it are left. Raises Unreachable if there is none."""
        began = time.monotonic()
        failures: list[str] = []
        for host in self.sort():
            if host == avoid:
                continue
            # The next one to ask will begin with those that are not asked now.
            if failures and host in self.left and time.monotonic() - began >= CONNECT_SECONDS:
                break
            try:
                return connect(host)
            except Unreachable as error:
                self.leave(host)
                failures.append(str(error))
        raise Unreachable("; ".join(failures))

    def answers(self, besides: Host | None = None) -> bool:
        """Return whether any host is not left, other than `besides`."""
        return any(host not in self.left for host in self.hosts if host != besides)

    def leave(self, host: Host) -> None:
        """Have all threads ask others, until the host answers."""
        if host not in self.left and self.answers(besides=host):
            logger.warning("RethinkDB at %s does not answer as others do, and is left", host)
        self.left[host] = time.monotonic()

    def take_back(self, host: Host) -> None:
        """Have threads ask the host again, because it answers."""
        if self.left.pop(host, None) and len(self.hosts) > 1:
            logger.info("RethinkDB at %s answers again", host)

    def _watch(self) -> None:
        # A forked process has no thread of its parent's. Two of them would do no harm.
        is_watched = self.watcher is not None and self.watcher.is_alive()
        if self.answers() and not is_watched:
            name = "rethinkdb-hosts"
            self.watcher = threading.Thread(target=self._probe_left, name=name, daemon=True)
            self.watcher.start()

    def _probe_left(self) -> None:
        """Take back hosts that answer, until all do or none does."""
        while self.left and self.answers():
            for host in [*self.left]:
                with suppress(StoreUnavailable):
                    self.probe(host)
                    self.take_back(host)
            time.sleep(PROBE_SECONDS)
