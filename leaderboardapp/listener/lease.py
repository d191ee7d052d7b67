"""Who listens. One listener is active, others stand by, and the store's lease says which.

Nobody's clock is compared with another's: a standby watches the beat, and takes over when it has
not moved for a while; the active one knows when its own last beat began, and stops on its own
before others may take over.
"""

import time
import uuid

from leaderboardapp.domain.types import Lease as LeaseState
from leaderboardapp.stores.base import Store

BEAT_SECONDS = 1.0
VALID_SECONDS = 2.5  # how long after its last beat began a listener may publish
TAKEOVER_SECONDS = 3.5  # how long a beat has to stand still before another listener takes over
LOOK_SECONDS = 0.3  # between two looks of a standby


class LeaseLost(Exception):
    """Another listener may be active by now."""


class Lease:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.name = str(uuid.uuid4())
        self.state = LeaseState()
        self.seen_at = time.monotonic()  # when the state was first seen, or the beat begun

    def try_to_take(self) -> bool:
        """One look of a standby: whether this listener is active now."""
        now = time.monotonic()
        state = self.store.read_lease()
        if state[:2] != self.state[:2]:
            self.state, self.seen_at = state, now
        if state.holder not in ("", self.name) and now - self.seen_at < TAKEOVER_SECONDS:
            return False
        return self._replace(self.name, state.position)

    def is_valid(self) -> bool:
        """Whether this listener is active, and no other one can be."""
        return self.state.holder == self.name and time.monotonic() - self.seen_at <= VALID_SECONDS

    def check(self) -> None:
        """Raises LeaseLost unless the lease is valid."""
        if not self.is_valid():
            raise LeaseLost

    def is_due(self) -> bool:
        return time.monotonic() - self.seen_at >= BEAT_SECONDS

    def renew(self, position: int) -> None:
        """Raises LeaseLost if another has it, or if it was not valid for a moment: what was to be
        published then has been dropped."""
        self.check()
        before = self.seen_at
        if not self._replace(self.name, position):
            raise LeaseLost
        if time.monotonic() - before > VALID_SECONDS:
            raise LeaseLost

    def release(self) -> None:
        """So that another one need not wait."""
        self._replace("", self.state.position)

    def _replace(self, holder: str, position: int) -> bool:
        began = time.monotonic()
        new = LeaseState(holder, self.state.beat + 1, position)
        if not self.store.replace_lease(self.state, new):
            return False
        self.state, self.seen_at = new, began
        return True
