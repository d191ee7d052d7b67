"""The feed of an SQLite database."""

import time
from typing import Any

from django.db import Error, connections

from leaderboardapp.stores.base import MAX_JOINED, Changes, Feed, StoreUnavailable

# Between two looks: while nothing happens, which takes 0.9 % of a core of a small cloud machine;
# and for a while after each change.
IDLE_SECONDS, BUSY_SECONDS = 0.015, 0.004
BUSY_FOR_SECONDS = 2.0
MAX_NEWCOMERS = 1000  # that are read at once, of all boards


class SqliteFeed(Feed):
    """`PRAGMA data_version` tells, without reading the file, whether another connection has
    committed; only then is the change table read."""

    def __init__(self) -> None:
        # Its own connection: one's own commits do not move one's own data_version.
        self.connection = connections.create_connection("default")
        self.version = self._version()
        self.heard = self.moved = time.monotonic()
        self.seq = self._newest("seq", "change")
        self.row = self._newest("rowid", "player")

    def changed(self, timeout: float) -> Changes:
        deadline = time.monotonic() + timeout
        try:
            while True:
                version = self._version()
                if version != self.version:
                    changes = self._read()
                    self.version = version
                    self.heard = time.monotonic()
                    if changes:  # and not the listener's own heartbeat
                        self.moved = self.heard
                        return changes
                if time.monotonic() >= deadline:
                    return {}
                busy = time.monotonic() < self.moved + BUSY_FOR_SECONDS
                time.sleep(BUSY_SECONDS if busy else IDLE_SECONDS)
        except Error as error:
            raise StoreUnavailable(str(error)) from error

    def close(self) -> None:
        self.connection.close()

    def _read(self) -> Changes:
        rows = self._rows("SELECT board, seq FROM change WHERE seq > %s", self.seq)
        self.seq = max((seq for _, seq in rows), default=self.seq)
        changes: Changes = {board: [] for board, _ in rows}
        for board, player, name, score in self._new_players():
            # Its change is among those that were read, or will be with the next ones.
            joined = changes.setdefault(board, [])
            joined.append({"id": player, "name": name, "score": score})
            del joined[:-MAX_JOINED]
        return changes

    def _new_players(self) -> list[tuple[Any, ...]]:
        """By their rows' numbers, which count up; but whoever follows the newest player's deletion
        has that one's number, and after a VACUUM they begin anew: such newcomers are not told. Of
        an import's thousands the newest are."""
        newest = self._newest("rowid", "player")
        last, self.row = self.row, newest
        if newest <= last:
            return []
        found = self._rows(
            "SELECT board_id, player, name, score FROM player"
            " WHERE rowid > %s AND rowid <= %s AND NOT hidden ORDER BY rowid DESC LIMIT %s",
            last,
            newest,
            MAX_NEWCOMERS,
        )
        return found[::-1]

    def _newest(self, column: str, table: str) -> int:
        return int(self._rows(f"SELECT coalesce(max({column}), 0) FROM {table}")[0][0])

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def _version(self) -> int:
        # A hundred times a second: past Django's cursor, which costs more than the question.
        self.connection.ensure_connection()
        with self.connection.wrap_database_errors:
            return int(self.connection.connection.execute("PRAGMA data_version").fetchone()[0])
