"""Names on which the triggers and this program agree.

The triggers are in the database: a migration has made them, from SQL that is frozen beside it
(`migrations/frozen/postgresql_triggers.py`). A change here needs a migration that makes them anew.
"""

CHANNEL, MESSAGES = "leaderboard", "leaderboard_messages"  # of LISTEN and NOTIFY
# The advisory lock of a sleeping feed. A commit that notifies waits for every other such commit,
# so a writer notifies only if the feed is asleep. Otherwise the writer shares the lock until its
# commit, and no feed falls asleep before.
ASLEEP = f"hashtext('{CHANNEL}'), 'change'::regclass::oid::int"
NUMBER = "pg_current_xact_id()::text::bigint"  # the transaction's, which numbers its changes
