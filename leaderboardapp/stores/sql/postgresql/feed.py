"""The feed of a PostgreSQL database, and its stream of messages."""

import time

from leaderboardapp.domain.types import Changes
from leaderboardapp.stores.base import EncodedMessage, Feed, Subscription
from leaderboardapp.stores.sql.message_stream import SqlMessageStream
from leaderboardapp.stores.sql.postgresql.connection import Session
from leaderboardapp.stores.sql.postgresql.triggers import ASLEEP, CHANNEL, MESSAGES
from leaderboardapp.stores.sql.store import newcomers

# Between two changes, which wake the feed; between two looks of one that is awake; without a
# change, after which it falls asleep.
BUSY_SECONDS, LOOK_SECONDS, CALM_SECONDS = 0.03, 0.004, 0.2
SNAPSHOT = "SELECT pg_current_snapshot()::text"
NEW = "seq >= %(next)s OR seq = ANY(%(running)s)"
CHANGED = f"""
    SELECT pg_current_snapshot()::text, board, joined
    FROM (SELECT) AS one LEFT JOIN change ON {NEW}
"""
NEWEST = "SELECT pg_current_snapshot()::text, (SELECT coalesce(max(id), 0) FROM message)"
# Those of a dump that was loaded into another server may be numbered ahead of it.
PUBLISHED = f"""
    SELECT pg_current_snapshot()::text, (SELECT min(id) FROM message),
        id, exchange, topic, payload
    FROM (SELECT) AS one LEFT JOIN message
        ON ({NEW}) AND seq < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    ORDER BY id
"""


class PostgresFeed(Session, Feed):
    """Reads which boards have changed: what is lost while a connection is down is found in the
    table. While little happens it sleeps until it is notified; when change follows change it looks
    every few milliseconds, and nobody needs to notify it (postgresql_triggers.py)."""

    channel = CHANNEL

    def begin(self) -> None:
        self.asleep = False
        self.seen(*self.rows(SNAPSHOT)[0])
        self.last_activity = self.moved = time.monotonic()

    def poll(self, timeout: float) -> Changes:
        deadline = time.monotonic() + timeout
        with self.translated():
            while True:
                changes = self._read()
                self.last_activity = time.monotonic()
                if changes:
                    self._move()
                if changes or self.last_activity >= deadline:
                    return changes
                self._pause(deadline - self.last_activity)

    def _read(self) -> Changes:
        rows = self.rows(CHANGED, {"next": self.next, "running": self.running})
        changed = [(board, joined) for _, board, joined in rows if board is not None]
        changes = {board: newcomers(joined, self.is_new) for board, joined in changed}
        self.seen(rows[0][0])
        return changes

    def _move(self) -> None:
        if self.asleep and self.last_activity < self.moved + BUSY_SECONDS:
            self.rows(f"SELECT pg_advisory_unlock({ASLEEP})")
            self.asleep = False
        self.moved = self.last_activity

    def _pause(self, seconds: float) -> None:
        """Until the table is to be read again."""
        if self.asleep:
            self.wait(seconds)
        elif self.last_activity < self.moved + CALM_SECONDS:
            time.sleep(min(LOOK_SECONDS, seconds))
            self.wait(0)  # so that what others notify another feed of does not pile up
        else:
            # Only if all who have not notified have committed, and nobody else sleeps.
            [[self.asleep]] = self.rows(f"SELECT pg_try_advisory_lock({ASLEEP})")
            self.moved = self.last_activity


class PostgresMessageStream(Session, SqlMessageStream):
    """Notified of each message: there are few of them, in comparison with changes."""

    channel = MESSAGES

    def __init__(self) -> None:
        Session.__init__(self)
        SqlMessageStream.__init__(self)

    def begin(self) -> None:
        self.rows("SET application_name = 'leaderboard messages'")
        [[snapshot, self.last]] = self.rows(NEWEST)
        self.seen(snapshot)

    def poll(self, timeout: float) -> list[tuple[Subscription, EncodedMessage | None]]:
        self.looked = time.time()
        with self.translated():
            if not self.wait(timeout):
                return []
            rows = self.rows(PUBLISHED, {"next": self.next, "running": self.running})
        self.seen(rows[0][0])
        return self.sort(rows[0][1], [row[2:] for row in rows if row[2] is not None])

    def check(self) -> None:
        with self.translated():
            self.rows("SELECT")
