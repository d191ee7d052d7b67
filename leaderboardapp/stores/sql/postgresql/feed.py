"""PostgreSQL: the feed, and the stream of messages."""

import select
import time
from contextlib import suppress
from math import ceil

from leaderboardapp.concurrency.waker import Waker
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import Changes
from leaderboardapp.stores.sql.message_stream import SqlMessageStream
from leaderboardapp.stores.sql.postgresql.connection import Session
from leaderboardapp.stores.sql.postgresql.listen_notify import (
    ASLEEP,
    ASLEEP_IN_LOCKS,
    CHANNEL,
    MESSAGES,
)
from leaderboardapp.stores.sql.statements import decode_joined
from leaderboardapp.stores.streams import EncodedMessage, Feed, Rest, Subscription

BUSY_SECONDS = 0.03  # between two changes: if they are closer, a sleeping feed wakes for good
AWAKE_SECONDS = 0.01  # after a read of a feed that is awake which has found nothing
ASLEEP_AFTER_SECONDS = 0.2  # without a change
SNAPSHOT = "SELECT pg_current_snapshot()::text"
NEW = "seq >= %(next)s OR seq = ANY(%(running)s)"
CHANGED = f"""
    SELECT pg_current_snapshot()::text, board, joined
    FROM (SELECT) AS one LEFT JOIN change ON {NEW}
"""
# The lock is taken only if all writers who did not notify have committed, and no other feed has it.
# The second column says whether any feed has it, this one included: writers notify all then.
FALL_ASLEEP = f"""
    SELECT pg_try_advisory_lock({ASLEEP}), EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (classid, objid, objsubid) = ({ASLEEP_IN_LOCKS}, 2)
    )
"""
# In this order, so that feeds that are notified of it find nobody asleep.
WAKE = (f"SELECT pg_advisory_unlock({ASLEEP})", f"NOTIFY {CHANNEL}")
NEWEST = "SELECT pg_current_snapshot()::text, (SELECT coalesce(max(id), 0) FROM message)"
# A dump from another server may have messages whose numbers this one has not reached.
PUBLISHED = f"""
    SELECT pg_current_snapshot()::text, (SELECT min(id) FROM message),
        id, exchange, topic, payload
    FROM (SELECT) AS one LEFT JOIN message
        ON ({NEW}) AND seq < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    ORDER BY id
"""


class PostgresFeed(Session, Feed):
    """Reads which boards have changed, from the table that triggers keep. Nothing is lost while a
    connection is down.

    While little happens the feed sleeps until it is notified. While change follows change it reads
    every few milliseconds, and no writer needs to notify it (ADR 16). Of several feeds one is
    asleep, and others doze: they are notified for as long as it sleeps."""

    channel = CHANNEL

    asleep = dozes = False  # also of one that could not begin

    def __init__(self) -> None:
        self.waker, self.rest = Waker(), Rest()
        super().__init__()

    def start(self) -> None:
        self.remember(*self.query(SNAPSHOT)[0])
        self.last_activity = self.last_change = time.monotonic()

    def poll(self, timeout: float) -> Changes:
        deadline = time.monotonic() + timeout
        with self.maps_errors():
            if pause := self.rest.left(timeout):
                is_woken = self.waker.wait(pause)
                self.wait(0)  # so that another feed's notifications do not pile up
                if is_woken:
                    return {}
            while True:
                changes = self._read()
                self.last_activity = time.monotonic()
                if changes:
                    self._record_change()
                    self.rest.begin()
                if changes or self.last_activity >= deadline or self.waker.take():
                    return changes
                self._pause(deadline - self.last_activity)

    def wake(self) -> None:
        self.waker.wake()

    def close(self) -> None:
        if self.asleep:
            with suppress(StoreUnavailable), self.maps_errors():
                self._wake_for_good()
        super().close()
        self.waker.close()

    def _read(self) -> Changes:
        rows = self.query(CHANGED, {"next": self.next, "running": self.running})
        changed = [(board, joined) for _, board, joined in rows if board is not None]
        changes = {board: decode_joined(joined, self.is_new) for board, joined in changed}
        self.remember(rows[0][0])
        return changes

    def _record_change(self) -> None:
        """Wake the feed if this change comes soon after the one before."""
        if self.asleep and self.last_activity < self.last_change + BUSY_SECONDS:
            self._wake_for_good()
        self.last_change = self.last_activity

    def _wake_for_good(self) -> None:
        for statement in WAKE:
            self.query(statement)
        self.asleep = False

    def _pause(self, seconds: float) -> None:
        """Wait until the table is to be read again, for so many seconds at most."""
        if self.asleep or self.dozes:
            if not self.wait(0):
                poll = select.poll()  # and no select(), which knows no file above 1023
                for file in (self.connection.connection.fileno(), self.waker.fileno()):
                    poll.register(file, select.POLLIN)
                poll.poll(ceil(seconds * 1000))
                self.wait(0)
            self.dozes = False  # until it is clear that the other one still sleeps
        elif self.last_activity < self.last_change + ASLEEP_AFTER_SECONDS:
            time.sleep(min(AWAKE_SECONDS, seconds))
            self.wait(0)  # so that another feed's notifications do not pile up
        else:
            # Then read once more: what was committed before may not have been notified.
            [[self.asleep, is_asleep]] = self.query(FALL_ASLEEP)
            self.dozes = is_asleep and not self.asleep  # it finds its own lock, too
            if self.asleep or not self.dozes:  # a writer does not notify: try again later
                self.last_change = self.last_activity


class PostgresMessageStream(Session, SqlMessageStream):
    """Reads the table of messages. It is notified of each message: there are fewer of them than
    changes."""

    channel = MESSAGES

    def __init__(self) -> None:
        Session.__init__(self)
        SqlMessageStream.__init__(self)

    def start(self) -> None:
        self.query("SET application_name = 'leaderboard messages'")
        [[snapshot, self.last_id]] = self.query(NEWEST)
        self.remember(snapshot)

    def poll(self, timeout: float) -> list[tuple[Subscription, EncodedMessage | None]]:
        self.polled_at = time.time()
        with self.maps_errors():
            if not self.wait(timeout):
                return []
            rows = self.query(PUBLISHED, {"next": self.next, "running": self.running})
        self.remember(rows[0][0])
        return self.dispatch(rows[0][1], [row[2:] for row in rows if row[2] is not None])

    def check(self) -> None:
        with self.maps_errors():
            self.query("SELECT")
