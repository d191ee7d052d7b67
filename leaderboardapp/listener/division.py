"""How listeners share the parts of the boards, as the lease has it.

Nothing here waits, or asks the store. Whoever changes the division writes all of it at once.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

from leaderboardapp.domain.types import Lease

# What the lease has as its holder while there are listeners that share. To a listener of an earlier
# version they are one that is active.
SHARED = "shared"
# Heartbeats after which a new listener is given a share. One that dies before, again and again, has
# no parts that would be published by nobody for a while.
TRUSTED = 4


class Heartbeat(NamedTuple):
    """A listener's last heartbeat."""

    number: int  # which never comes again
    nth: int  # it is, since the listener is listed


class Part(NamedTuple):
    """A part: the listener that has it, if any, and its checkpoint."""

    holder: str
    position: int


@dataclass
class Division:
    """Which listeners there are, and which parts they have."""

    listeners: dict[str, Heartbeat]  # by id, in the order in which they have come
    parts: list[Part]

    @classmethod
    def decode(cls, lease: Lease) -> Self:
        """Return the division as the lease has it. A listener of an earlier version has all boards,
        as one part."""
        if lease.holder == SHARED and lease.parts:
            value = json.loads(lease.parts)
            listeners = {id: Heartbeat(*beat) for id, beat in value["listeners"].items()}
            return cls(listeners, [Part(*part) for part in value["parts"]])
        listeners = {lease.holder: Heartbeat(lease.beat, 1)} if lease.holder else {}
        return cls(listeners, [Part(lease.holder, lease.position)])

    def encode(self, beat: int) -> Lease:
        """Return the lease that has this division."""
        if not self.listeners:
            return Lease("", beat, self.checkpoint)
        value = {"listeners": self.listeners, "parts": self.parts}
        return Lease(SHARED, beat, self.checkpoint, json.dumps(value, separators=(",", ":")))

    @property
    def checkpoint(self) -> int:
        """Return the position up to which everything is published."""
        return min(part.position for part in self.parts)

    def redivide(self, count: int) -> None:
        """Make so many free parts of all boards."""
        self.parts = [Part("", self.checkpoint)] * count

    def remove(self, listeners: Collection[str]) -> None:
        """Remove listeners, and free their parts."""
        self.listeners = {id: beat for id, beat in self.listeners.items() if id not in listeners}
        self.free(number for listener in listeners for number in self.list_parts(listener))

    def list_parts(self, holder: str) -> list[int]:
        """Return the numbers of the parts that the listener has; with "", of the free ones."""
        return [number for number, part in enumerate(self.parts) if part.holder == holder]

    def share_of(self, listener: str) -> int:
        """Return how many parts the listener should have. Who came first has one more, if the
        number does not come out even: so nobody who comes has more than one before take."""
        sharing = self.list_sharing()
        each, rest = divmod(len(self.parts), len(sharing))
        return each + (sharing.index(listener) < rest) if listener in sharing else 0

    def list_sharing(self) -> list[str]:
        """Return the listeners that should have parts: those that have any, and those that have
        lived for a while; if there are none, all."""
        holders = {part.holder for part in self.parts}
        trusted = [
            id for id, beat in self.listeners.items() if beat.nth >= TRUSTED or id in holders
        ]
        return trusted or [*self.listeners]

    def renew(self, listener: str, beat: int, numbers: Iterable[int], position: int) -> None:
        """Set the number of the listener's heartbeat, and the position of its parts of these
        numbers."""
        _, nth = self.listeners.get(listener, (0, 0))
        self.listeners[listener] = Heartbeat(beat, nth + 1)
        for number in numbers:
            self.parts[number] = Part(listener, position)

    def free(self, numbers: Iterable[int]) -> None:
        """Free parts; their positions stay."""
        for number in numbers:
            self.parts[number] = self.parts[number]._replace(holder="")

    def take_share(self, listener: str) -> None:
        """Give the listener free parts, as many as it lacks."""
        missing = self.share_of(listener) - len(self.list_parts(listener))
        for number in self.list_parts("")[: max(0, missing)]:
            self.parts[number] = self.parts[number]._replace(holder=listener)
