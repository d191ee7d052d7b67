"""The rate limit: how many writes each caller has left, counted by all web processes of a machine.

It is the generic cell rate algorithm, which needs one number for each caller: the time at which all
of the caller's writes are free again. The numbers are in a file of fixed size that every process
maps into memory.

The file is a set-associative cache. A keyed hash of the caller chooses a set of slots. The rest of
the hash, the tag, marks the caller's slot, so the file does not say who the callers are. If all
slots of a set are taken, a new caller evicts the one whose writes are free the soonest.
"""

import fcntl
import functools
import hashlib
import math
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from leaderboardapp.domain.fields import MAX_BULK_ROWS
from leaderboardapp.web.auth import read_grant, read_token
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.proxy import client_address

View = Callable[..., HttpResponseBase]

BURST_SECONDS = 10  # after a pause, a caller may make the writes of so long at once; at least one
SETS, SLOTS = 8192, 8  # 65,536 callers
DIGEST = struct.Struct("<QI")  # the caller's tag, and a number that chooses the set
SLOT = struct.Struct("<Qq")  # the caller's tag, and when all writes are free, in ns
SET_BYTES = SLOTS * SLOT.size
SECOND = 1_000_000_000  # ns

_views_that_count: set[View] = set()


class Limiter:
    """The writes of all callers, in a file that the processes of a machine share."""

    def __init__(
        self, path: Path, rate: float, secret: str, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Open the file, which is created if missing. Raises OSError or ValueError on failure.

        `rate` is in writes per second. `clock` returns wall clock time in ns, which is the same
        for all processes and goes on over a restart of the machine, as the file does. If the clock
        is set back, a debt larger than any caller can have is forgotten.
        """
        self.interval = math.ceil(SECOND / rate)  # ns
        self.burst = max(1, int(rate * BURST_SECONDS))  # writes
        self.max_debt = (self.burst + MAX_BULK_ROWS) * self.interval  # ns
        self.key = hashlib.blake2b(secret.encode()).digest()
        self.clock = clock
        self.lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.map = self._map_file(SETS * SET_BYTES)

    def take(self, caller: str, writes: int = 1) -> float:
        """Count the writes if the caller has one left; return 0, or the seconds to wait for one.

        A request of many writes passes on its first one. The caller's next request waits for all.
        """
        digest = hashlib.blake2b(caller.encode(), key=self.key, digest_size=DIGEST.size).digest()
        tag, number = DIGEST.unpack(digest)
        start = number % SETS * SET_BYTES
        with self.lock:  # excludes this process's threads; the file's lock excludes processes
            fcntl.lockf(self.file, fcntl.LOCK_EX, SET_BYTES, start)
            try:
                return self._take(tag, start, writes) / SECOND
            finally:
                fcntl.lockf(self.file, fcntl.LOCK_UN, SET_BYTES, start)

    def close(self) -> None:
        """Close the file."""
        self.map.close()
        os.close(self.file)

    def _take(self, tag: int, start: int, writes: int) -> int:
        """Return 0 or the wait in ns. The set begins at byte `start`, and is locked."""
        now = self.clock()
        latest = now + self.max_debt
        slots = [
            (slot_tag != tag, free_at if free_at <= latest else 0)
            for slot_tag, free_at in SLOT.iter_unpack(self.map[start : start + SET_BYTES])
        ]
        # The caller's own slot, or else the slot that is free the soonest.
        index = min(range(SLOTS), key=slots.__getitem__)
        is_other, free_at = slots[index]
        free_at = now if is_other else max(now, free_at)
        wait = free_at - now - (self.burst - 1) * self.interval
        if wait > 0:
            return wait
        SLOT.pack_into(self.map, start + index * SLOT.size, tag, free_at + writes * self.interval)
        return 0

    def _map_file(self, size: int) -> mmap.mmap:
        fcntl.lockf(self.file, fcntl.LOCK_EX)
        current_size = os.fstat(self.file).st_size
        # Written, not left as a hole: if the disk is full later, a hole would kill the process.
        os.pwrite(self.file, bytes(max(0, size - current_size)), current_size)
        fcntl.lockf(self.file, fcntl.LOCK_UN)
        return mmap.mmap(self.file, size)


@functools.cache
def get_limiter() -> Limiter | None:
    """Return this process's limiter; None if WRITE_RATE sets no limit.

    Raises ImproperlyConfigured if the file cannot be used. Without the file each process would
    count alone, and the limit would not be the one that was asked for.
    """
    if not settings.WRITE_RATE:
        return None
    try:
        return Limiter(settings.LIMITS_FILE, settings.WRITE_RATE, settings.SECRET_KEY)
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(
            f"WRITE_RATE={settings.WRITE_RATE:g} needs the file {settings.LIMITS_FILE}, which "
            f"cannot be used ({error}): let the web processes write it, or unset WRITE_RATE."
        ) from error


def count_writes(request: HttpRequest, writes: int = 1) -> None:
    """Count the request's writes. Raises Problem 429 if its player, token or address has none left.

    Call it after it was checked that the sender may write here at all: others take nothing from
    anybody. A request whose body asks for more than the sender may is counted.
    """
    limiter = get_limiter()
    wait = limiter.take(_get_caller(request), writes) if limiter else 0
    if limiter and wait:
        seconds = math.ceil(wait)
        detail = (
            f"One player, token or address may make {settings.WRITE_RATE:g} writes per second, and "
            f"after a pause {limiter.burst} at once. Nothing was changed; try again in {seconds} s."
        )
        raise Problem(ProblemKind.RATE_LIMIT_EXCEEDED, detail, {"Retry-After": str(seconds)})


def counts_own_writes(view: View) -> View:
    """Mark a view that counts its writes itself, because they are as many as its body has rows."""
    _views_that_count.add(view)
    return view


def is_counted_by_view(view: View) -> bool:
    """Return whether the view counts its writes itself."""
    return view in _views_that_count


def _get_caller(request: HttpRequest) -> str:
    """Return who is counted: the token's player, the token, or the address where anybody may write.

    In the last case tokens are not verified, so a caller could make up any number of them.
    """
    if settings.ALLOW_ANONYMOUS_WRITES:
        return client_address(request)
    if player := read_grant(request).player:
        return f"player {player}"  # however many tokens there are for the player
    # Without the signature, which can be written in more than one way.
    return read_token(request).rpartition(".")[0]
