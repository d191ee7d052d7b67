"""Writes to SQLite's log (WAL), as the system tells of them by inotify.

SQLite itself tells nobody of a commit. It writes to its log, and waits until that is on the disk.
Only then does the commit count. So a write says that a commit may come soon.
"""

import os
import select
import time
from contextlib import suppress
from math import ceil

from inotify_simple import INotify, flags

from leaderboardapp.concurrency.waker import Waker

LOOK_SECONDS = 0.001  # between two looks for a commit after a write to the log, at first
LATER = 1 / 3  # and later on, of the time since the write
REST_SECONDS = 0.01  # between two looks while writes go on and on: many are read together
QUIET_SECONDS = 0.03  # without a write, after which writes begin anew
COMMIT_SECONDS = 0.25  # how long after a write its commit is looked for
BLIND_SECONDS = 0.015  # between two looks where the system does not tell of writes


class LogWrites:
    """Says when it is time to look for a commit. One thread waits, and others may wake it by the
    `waker`."""

    def __init__(self, log: str) -> None:
        """Watch the log, a path. If the system cannot, all is done without."""
        self.told_at = self.writes_began = self.rested_until = time.monotonic()
        self.waker = Waker()
        self.telling = select.poll()
        self.telling.register(self.waker, select.POLLIN)
        self.inotify: INotify | None = None
        # Linux has inotify, of which a user may have no more; macOS has none.
        with suppress(OSError, AttributeError):
            self._watch(log)

    def _watch(self, log: str) -> None:
        inotify = INotify(nonblocking=True)
        try:
            inotify.add_watch(log, flags.MODIFY)
        except OSError:
            inotify.close()
            raise
        self.inotify = inotify
        self.telling.register(inotify, select.POLLIN)

    def wait(self, seconds: float, rest: float = REST_SECONDS) -> bool:
        """Return False when it is time to look for a commit, after so many seconds at most, or True
        at once when woken. While writes go on and on, `rest` seconds are between two looks."""
        if self.inotify is None:
            return self.waker.wait(min(seconds, BLIND_SECONDS))
        since = time.monotonic() - self.told_at
        if since < COMMIT_SECONDS:
            seconds = min(seconds, max(LOOK_SECONDS, since * LATER))
        self.telling.poll(ceil(seconds * 1000))
        if self.waker.take():
            return True
        if not self._take_writes():
            return False
        lasting = self.told_at - self.writes_began
        return self.rest(min(rest, max(LOOK_SECONDS, lasting * LATER)))

    def rest(self, seconds: float) -> bool:
        """Return False after so many seconds, or True at once when woken. Writes that come
        meanwhile go on where those before have ended."""
        is_woken = self.waker.wait(seconds)
        self.rested_until = time.monotonic()
        return is_woken

    def close(self) -> None:
        """Close the files."""
        self.waker.close()
        if self.inotify:
            self.inotify.close()

    def _take_writes(self) -> bool:
        """Return whether the system has told of writes since the last call."""
        with suppress(BlockingIOError):
            if self.inotify and os.read(self.inotify.fileno(), 4096):
                now = time.monotonic()
                if now - max(self.told_at, self.rested_until) > QUIET_SECONDS:
                    self.writes_began = now
                self.told_at = now
                return True
        return False
