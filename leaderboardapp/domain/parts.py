"""Parts: all boards, divided by a hash of their ids, so that listeners can share them (ADR 48)."""

import hashlib
from typing import NamedTuple
from uuid import UUID

# The namespace of RethinkDB's own r.uuid(text); read from its source, src/containers/uuid.cc.
UUID_NAMESPACE = UUID("91461c99-f89d-49d2-af96-d8e2e14e9b58")
HASHES = 256
MAX_PARTS = HASHES


class Parts(NamedTuple):
    """Some of the parts into which all boards are divided."""

    of: int  # how many there are
    numbers: frozenset[int] = frozenset()

    def have(self, board: str) -> bool:
        """Return whether the board of this id is in one of them."""
        return _part_of_hash(_hash(board), self.of) in self.numbers

    def are_all(self) -> bool:
        """Return whether every board is in one of them."""
        return len(self.numbers) == self.of

    def list_hashes(self) -> list[int]:
        """Return the hashes of all boards that are in them: each is the first byte of the UUID that
        `r.uuid(id)` gives in RethinkDB."""
        return [each for each in range(HASHES) if _part_of_hash(each, self.of) in self.numbers]


ALL_PARTS = Parts(1, frozenset({0}))


def _hash(board: str) -> int:
    # As uuid.uuid5 does, at a seventh of the time.
    text = UUID_NAMESPACE.bytes + str(board).encode()  # RethinkDB takes a number as an id, too
    return hashlib.sha1(text, usedforsecurity=False).digest()[0]


def _part_of_hash(hash: int, of: int) -> int:
    return hash * of // HASHES
