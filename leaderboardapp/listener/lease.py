"""The lease: which listeners there are, and which of them has which part of the boards.

It is one row in the store, which each listener replaces as a whole, if nobody else has meanwhile.
No clock is compared with another process's. Each watches the heartbeats of the others. A listener
whose heartbeat has stood still for a while is removed, and the others take its parts. A listener
knows when its own last heartbeat began, and stops publishing before others may take over.
"""

import os
import socket
import time
import uuid

from django.conf import settings

from leaderboardapp.domain.parts import Parts
from leaderboardapp.domain.types import Lease as LeaseState
from leaderboardapp.listener.division import SHARED, Division, Heartbeat
from leaderboardapp.stores.base import Store

HEARTBEAT_SECONDS = 1.0
VALID_SECONDS = 2.5  # how long after its last heartbeat began a listener may publish
TAKEOVER_SECONDS = 3.5  # how long a heartbeat has to stand still before others take over
LOOK_SECONDS = 0.3  # between two looks at what others do
# After which a part is given up in any case. Whatever is still on its way to a proxy then is
# followed by what is current (realtime/publish.py).
MOST_LEAVING_SECONDS = 2.0


class LeaseLost(Exception):
    """Other listeners may have this one's parts by now."""


class Lease:
    """One listener's view of the store's lease."""

    def __init__(self, store: Store) -> None:
        self.store = store
        # Who looks for a listener learns where it is; the rest never comes again.
        self.id = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.parts = Parts(settings.LISTENER_PARTS)  # that this listener publishes
        self.taken: dict[int, int] = {}  # new ones of these: by number, the position
        # Parts that are given up, from when on nothing new of them is published.
        self.leaving: list[int] = []
        self.left_at = 0.0
        # Heartbeats of all listeners, each with when it was first seen, by time.monotonic(). So
        # are the following.
        self.seen: dict[str, tuple[Heartbeat, float]] = {}
        self.looked_at = self.renewed_at = float("-inf")
        self.written: LeaseState | None = None  # by the last look, if it has written

    def is_own(self, board: str) -> bool:
        """Return whether the board is in a part of this listener."""
        return self.parts.have(board)

    def may_publish(self, board: str) -> bool:
        """Return whether this listener publishes the board, and no other one can."""
        return self.is_valid() and self.is_own(board)

    def is_valid(self) -> bool:
        """Return whether no other listener can have this one's parts."""
        return time.monotonic() - self.renewed_at <= VALID_SECONDS

    def is_renewal_due(self) -> bool:
        """Return whether it is time for the next heartbeat."""
        return time.monotonic() >= self.renewed_at + HEARTBEAT_SECONDS

    def is_look_due(self) -> bool:
        """Return whether it is time for a heartbeat, or to look at what others do, if there are
        any."""
        now = time.monotonic()
        return self.is_renewal_due() or (
            not self.is_alone() and now >= self.looked_at + LOOK_SECONDS
        )

    def is_alone(self) -> bool:
        """Return whether there are no other listeners, as far as is known."""
        return self.seen.keys() <= {self.id}

    def take_new(self) -> dict[int, int]:
        """Return the parts that are new since the last call, by number, each with its position."""
        taken, self.taken = self.taken, {}
        return taken

    def drop(self) -> None:
        """Have all parts taken anew: what was to be published of them may have been lost."""
        self.parts, self.taken, self.leaving = Parts(self.parts.of), {}, []

    def look(self, checkpoint: int = 0, sent_until: float = 0.0) -> None:
        """Raise the heartbeat if it is time, take and give up parts, and remove who is dead.

        The checkpoint is left for who has this listener's parts next. What was to be published
        before the time `sent_until` has been sent. Raises LeaseLost if another listener may have
        these parts. Also if the lease was not valid for a moment: what was to be published then has
        been dropped."""
        before, had_parts = self.renewed_at, bool(self.parts.numbers)
        if had_parts and not self.is_valid():
            raise LeaseLost
        until = time.monotonic() + VALID_SECONDS
        while not self._try_to_look(checkpoint, sent_until):  # another listener was faster
            if time.monotonic() > until:
                raise LeaseLost
        if had_parts and time.monotonic() - before > VALID_SECONDS:
            raise LeaseLost

    def release(self) -> None:
        """Free all parts, so that other listeners need not wait. If they are faster all the time,
        they have to."""
        self.drop()
        until = time.monotonic() + VALID_SECONDS
        while time.monotonic() < until:
            state = self.store.read_lease()
            division = Division.decode(state)
            if self.id not in division.listeners:
                return
            division.remove([self.id])
            if self.store.replace_lease(state, division.encode(state.beat + 1)):
                return

    def _try_to_look(self, checkpoint: int, sent_until: float) -> bool:
        """Look as look() does. Return False if another listener has replaced the lease meanwhile.
        Then nothing is done, but that parts may be leaving."""
        state = self._read()
        now = time.monotonic()  # afterwards: no heartbeat is newer
        if now - self.looked_at > VALID_SECONDS:
            self.seen = {}  # the store was away for all, say, and others are not back yet
        self.looked_at = now
        division = Division.decode(state)
        self._require_own(division)
        division.remove(self._find_dead(division, now))
        if division.listeners and state.holder != SHARED:
            return True  # a listener of an earlier version is active
        if len(division.list_parts("")) == len(division.parts):
            division.redivide(settings.LISTENER_PARTS)
        # The checkpoint says nothing of parts that are still to be caught up on.
        known = self.parts.numbers - self.taken.keys()
        # The lease's own number: it never comes again, even if nothing was heard of the last write.
        division.renew(self.id, state.beat + 1, known, checkpoint)
        self._choose_leaving(division, now)
        is_sent = max(sent_until, now - MOST_LEAVING_SECONDS) > self.left_at
        leaving = [] if is_sent else self.leaving
        if is_sent:
            division.free(self.leaving)
        division.take_share(self.id)
        own = Parts(len(division.parts), frozenset(division.list_parts(self.id)) - {*leaving})
        if own == self.parts and leaving == self.leaving and not self.is_renewal_due():
            return True
        new_state = division.encode(state.beat + 1)
        if not self.store.replace_lease(state, new_state):
            return False
        new = own.numbers - self.parts.numbers
        self.taken |= {number: division.parts[number].position for number in new}
        self.parts, self.leaving = own, leaving
        self.renewed_at, self.written = now, new_state
        return True

    def _read(self) -> LeaseState:
        """Return the lease. One who is alone need not wait for the store: it cannot replace what is
        not as it has written it, and reads it then."""
        written, self.written = self.written, None
        return written if written and self.is_alone() else self.store.read_lease()

    def _require_own(self, division: Division) -> None:
        """Raise LeaseLost if another listener was given parts of this one."""
        own = {*self.parts.numbers, *self.leaving}
        if own and not own <= {*division.list_parts(self.id)}:
            raise LeaseLost

    def _find_dead(self, division: Division, now: float) -> set[str]:
        """Return the other listeners whose heartbeat has stood still."""
        before = self.seen
        self.seen = {
            id: before[id] if id in before and before[id][0] == beat else (beat, now)
            for id, beat in division.listeners.items()
        }
        return {
            id
            for id, (_, since) in self.seen.items()
            if id != self.id and now - since >= TAKEOVER_SECONDS
        }

    def _choose_leaving(self, division: Division, now: float) -> None:
        """Begin to give up parts if there are too many. From here on they are not published."""
        excess = sorted(self.parts.numbers)[division.share_of(self.id) :]
        if excess and not self.leaving:
            self.leaving, self.left_at = excess, now
            self.parts = self.parts._replace(numbers=self.parts.numbers - {*excess})
