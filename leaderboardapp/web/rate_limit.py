"""How many writes each caller has left, counted together by all web processes of a machine.

The rule is the generic cell rate algorithm, which needs one number for each caller: the time at
which all of the caller's writes are free again. It is kept in a file of fixed size that every
process maps, found by a keyed hash of the caller; who the caller is, the file does not say. A hash
leads to a set of slots. When all of them are other callers', the one whose writes are free the
soonest is forgotten for the new one.
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
from django.http import HttpRequest, HttpResponse

from leaderboardapp.domain.fields import MAX_BULK_ROWS
from leaderboardapp.web.auth import _token
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.proxy import client_address

View = Callable[..., HttpResponse]

BURST_SECONDS = 10  # a caller who paused has as many writes at once; at least one
SETS, SLOTS = 8192, 8  # 65,536 callers
PLACE = struct.Struct("<QI")  # the caller's mark, and a number for the set
SLOT = struct.Struct("<Qq")  # the caller's mark, and when all writes are free, in ns
SET_BYTES = SLOTS * SLOT.size
SECOND = 1_000_000_000


class Limiter:
    """`clock` tells ns of wall clock time: it is the same for all processes and goes on when the
    machine starts again, as the file does. Should it be set back, then what no caller can owe is
    forgotten."""

    def __init__(
        self, path: Path, rate: float, secret: str, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """`rate`: writes per second. Raises OSError or ValueError if the file cannot be used."""
        self.interval = math.ceil(SECOND / rate)
        self.burst = max(1, int(rate * BURST_SECONDS))
        self.most_owed = (self.burst + MAX_BULK_ROWS) * self.interval
        self.key = hashlib.blake2b(secret.encode()).digest()
        self.clock = clock
        self.lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.map = self._map(SETS * SET_BYTES)

    def take(self, caller: str, writes: int = 1) -> float:
        """Counts the writes if one is free, so that who comes next waits for all of them. Returns
        0, or for how many seconds none is free."""
        digest = hashlib.blake2b(caller.encode(), key=self.key, digest_size=PLACE.size).digest()
        mark, number = PLACE.unpack(digest)
        start = number % SETS * SET_BYTES
        with self.lock:  # of the threads; the file's is of the processes
            fcntl.lockf(self.file, fcntl.LOCK_EX, SET_BYTES, start)
            try:
                return self._take(mark, start, writes) / SECOND
            finally:
                fcntl.lockf(self.file, fcntl.LOCK_UN, SET_BYTES, start)

    def close(self) -> None:
        self.map.close()
        os.close(self.file)

    def _take(self, mark: int, start: int, writes: int) -> int:
        now = self.clock()
        latest = now + self.most_owed
        slots = [
            (other != mark, free_at if free_at <= latest else 0)
            for other, free_at in SLOT.iter_unpack(self.map[start : start + SET_BYTES])
        ]
        index = min(range(SLOTS), key=slots.__getitem__)  # the caller's, or that of the soonest
        is_other, free_at = slots[index]
        free_at = now if is_other else max(now, free_at)
        wait = free_at - now - (self.burst - 1) * self.interval
        if wait > 0:
            return wait
        SLOT.pack_into(self.map, start + index * SLOT.size, mark, free_at + writes * self.interval)
        return 0

    def _map(self, size: int) -> mmap.mmap:
        fcntl.lockf(self.file, fcntl.LOCK_EX)
        there = os.fstat(self.file).st_size
        # Not left as a hole, for which a full disk may have no room: that would kill the process.
        os.pwrite(self.file, bytes(max(0, size - there)), there)
        fcntl.lockf(self.file, fcntl.LOCK_UN)
        return mmap.mmap(self.file, size)


@functools.cache
def get_limiter() -> Limiter | None:
    """This process's; None without a limit. Raises ImproperlyConfigured if the file cannot be
    used: a limit that each process counts alone would not be the one that was asked for."""
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
    """After check_write, so that a token that does not allow it takes nothing from anybody. Raises
    Problem 429 if the token, or the address, has none left."""
    limiter = get_limiter()
    wait = limiter.take(_caller(request), writes) if limiter else 0
    if limiter and wait:
        seconds = math.ceil(wait)
        detail = (
            f"Of one token or address, {settings.WRITE_RATE:g} writes per second are accepted, and "
            f"after a pause {limiter.burst} at once. Nothing was changed; try again in {seconds} s."
        )
        raise Problem(429, detail, {"Retry-After": str(seconds)})


def _caller(request: HttpRequest) -> str:
    """Where anybody may write, the address: a token was not checked, and so may be made up."""
    if settings.ALLOW_ANONYMOUS_WRITES:
        return client_address(request)
    # Without the signature, which can be written in more ways than one.
    return _token(request).rpartition(".")[0]


def counts_own_writes(view: View) -> View:
    """Mark a view whose request is as many writes as its body has rows: the view counts them."""
    _counting_views.add(view)
    return view


def is_counted_by_view(view: View) -> bool:
    """Return whether the view counts its writes itself."""
    return view in _counting_views


_counting_views: set[View] = set()
