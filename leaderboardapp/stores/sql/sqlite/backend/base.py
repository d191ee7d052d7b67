"""Django's backend for SQLite, whose transactions wait for those of other processes in small steps.

SQLite itself sleeps between two tries: 1 ms, then 2, 5, 10 and longer. The process that writes
begins its next transaction much sooner, so that one process wrote and all others slept.
"""

import sqlite3
import time

from django.db.backends.sqlite3 import base

TRY_SECONDS = 0.0003  # between two tries to begin; a transaction takes some four times that


class DatabaseWrapper(base.DatabaseWrapper):
    """Begins a transaction soon after another process has ended its own, whoever in Django begins
    it (docs/adr/0066-sqlites-writers-wait-in-small-steps.md)."""

    def _start_transaction_under_autocommit(self) -> None:
        seconds = self.settings_dict["OPTIONS"]["timeout"]
        with self.wrap_database_errors:
            self.connection.execute("PRAGMA busy_timeout = 0")
            try:
                self._begin(seconds)
            finally:
                self.connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")

    def _begin(self, seconds: float) -> None:
        """Begin a transaction that writes, within so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() > deadline:
                    raise
            time.sleep(TRY_SECONDS)
