"""The lease: which listener is active, while others stand by.

No clock is compared with another process's. A standby watches the heartbeat, and takes over when
it has stood still for a while. The active listener knows when its own last heartbeat began, and
stops publishing before others may take over.
"""

import time
import uuid

from leaderboardapp.domain.types import Lease as LeaseState
from leaderboardapp.stores.base import Store

HEARTBEAT_SECONDS = 1.0
VALID_SECONDS = 2.5  # how long after its last heartbeat began a listener may publish
TAKEOVER_SECONDS = 3.5  # how long a heartbeat has to stand still before another takes over
STANDBY_SECONDS = 0.3  # between two tries of a standby


class LeaseLost(Exception):
    """Another listener may be active by now."""


class Lease:
    """One listener's view of the store's lease."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.holder_id = str(uuid.uuid4())
        self.state = LeaseState()
        # By time.monotonic(): when the state was first read, or our own heartbeat begun.
        self.state_since = time.monotonic()

    def try_to_take(self) -> bool:
        """Take the lease if it is free; return whether this listener is active now."""
        now = time.monotonic()
        state = self.store.read_lease()
        if state[:2] != self.state[:2]:
            self.state, self.state_since = state, now
        is_ours_or_free = state.holder in ("", self.holder_id)
        if not is_ours_or_free and now - self.state_since < TAKEOVER_SECONDS:
            return False
        return self._replace(self.holder_id, state.position)

    def is_valid(self) -> bool:
        """Return whether this listener is active, and no other one can be."""
        if self.state.holder != self.holder_id:
            return False
        return time.monotonic() - self.state_since <= VALID_SECONDS

    def require_valid(self) -> None:
        """Raise LeaseLost unless the lease is valid."""
        if not self.is_valid():
            raise LeaseLost

    def is_renewal_due(self) -> bool:
        """Return whether it is time for the next heartbeat."""
        return time.monotonic() - self.state_since >= HEARTBEAT_SECONDS

    def renew(self, checkpoint: int) -> None:
        """Raise the heartbeat, and leave the checkpoint for the next listener.

        Raises LeaseLost if another one is active. Also if the lease was not valid for a moment:
        what was to be published then has been dropped."""
        self.require_valid()
        before = self.state_since
        if not self._replace(self.holder_id, checkpoint):
            raise LeaseLost
        if time.monotonic() - before > VALID_SECONDS:
            raise LeaseLost

    def release(self) -> None:
        """Free the lease, so that another listener need not wait."""
        self._replace("", self.state.position)

    def _replace(self, holder: str, checkpoint: int) -> bool:
        began = time.monotonic()
        new = LeaseState(holder, self.state.beat + 1, checkpoint)
        if not self.store.replace_lease(self.state, new):
            return False
        self.state, self.state_since = new, began
        return True
