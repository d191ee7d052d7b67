"""Used tickets in an SQL database."""

from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.sql.statements import write

# Of two that insert the same ticket, one waits for the other's commit, and then inserts nothing.
USE = """
    INSERT INTO ticket (id, used_at) VALUES (%(id)s, %(used_at)s) ON CONFLICT (id) DO NOTHING
"""
EXPIRED_AT_ONCE = 5_000  # tickets, for which other writers wait
EXPIRE = """
    DELETE FROM ticket WHERE id IN (
        SELECT id FROM ticket WHERE used_at < %(before)s LIMIT %(limit)s
    )
"""


def insert_used(ticket: str) -> bool:
    """Insert a ticket; return False if it is there already."""
    return write(USE, {"id": ticket, "used_at": now_us()}) == 1


def delete_some_used(seconds: float) -> int:
    """Delete up to EXPIRED_AT_ONCE tickets that were used more than so many seconds ago; return
    their number."""
    before = now_us() - int(seconds * 1_000_000)
    return write(EXPIRE, {"before": before, "limit": EXPIRED_AT_ONCE})
