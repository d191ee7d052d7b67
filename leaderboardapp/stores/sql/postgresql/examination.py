"""What other sessions of a PostgreSQL server keep from the service."""

import time
from collections.abc import Iterator

from leaderboardapp.stores.examination import Fault
from leaderboardapp.stores.sql.statements import read

LONG_SECONDS = 3.0  # no transaction of the service may take so long
LOOK_SECONDS = 0.1
FEW_CONNECTIONS = 16  # the threads of one web process (gunicorn.conf.py)
# Sessions that may keep writers waiting, each with its transaction. Any role may read this, which
# is not so of the columns that say what others do since when. Readers and VACUUM keep nobody.
HOLDERS = """
    SELECT DISTINCT pid, virtualtransaction, usename, application_name
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'relation' AND granted AND pid <> pg_backend_pid()
        AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND mode NOT IN ('AccessShareLock', 'ShareUpdateExclusiveLock')
        AND usename IS NOT NULL
"""
CONNECTIONS = """
    SELECT current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', TRUE)::int, 0)
"""
TAKEN = """
    SELECT usename, datname, count(*) FROM pg_stat_activity
    WHERE datname IS NOT NULL AND usename IS NOT NULL
    GROUP BY usename, datname ORDER BY count(*) DESC
"""


def list_session_faults() -> Iterator[Fault]:
    """Yield what other sessions keep: locks, and connections. Takes LONG_SECONDS at most, and no
    time if nobody writes."""
    for pid, _, user, program in sorted(_find_holders()):
        text = f"the session {pid} of {user} ({program or 'unnamed'}) keeps locks on tables for"
        text += f" more than {LONG_SECONDS:g} s: who writes what it has changed is answered 503"
        hint = f"End it: SELECT pg_terminate_backend({pid}). What it has not committed is undone."
        yield Fault(text, hint)
    [(most,)] = read(CONNECTIONS, ())
    taken = read(TAKEN, ())
    left = most - sum(count for *_, count in taken)
    if left < FEW_CONNECTIONS:
        shares = ", ".join(f"{user} in {database} {count}" for user, database, count in taken)
        text = f"only {max(0, left)} of {most} connections are left ({shares}): when none is,"
        text += " requests are answered 503"
        hint = "Have others keep fewer (ALTER ROLE … CONNECTION LIMIT), or raise max_connections."
        yield Fault(text, hint, is_warning=True)


def _find_holders() -> set[tuple[int, str, str, str]]:
    """Return the sessions that hold such locks for LONG_SECONDS in one transaction."""
    holders, until = set(read(HOLDERS, ())), time.monotonic() + LONG_SECONDS
    while holders and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
        holders &= set(read(HOLDERS, ()))
    return holders
