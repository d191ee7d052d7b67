"""Names on which the triggers and this program agree.

The triggers are in the database: a migration has made them, from SQL that is frozen beside it
(`migrations/frozen/postgresql_triggers.py`). A change here needs a migration that makes them anew.
"""

CHANNEL, MESSAGES = "leaderboard", "leaderboard_messages"  # of LISTEN and NOTIFY
# A feed holds this advisory lock alone while it is asleep, and writers notify it then. They do so
# only then, because a commit that notifies waits for every other such commit. While the feed is
# awake, each writer shares the lock until its commit, so no feed can fall asleep before that.
ASLEEP = f"hashtext('{CHANNEL}'), 'change'::regclass::oid::int"
ASLEEP_IN_LOCKS = f"hashtext('{CHANNEL}')::oid, 'change'::regclass::oid"  # in the view pg_locks
NUMBER = "pg_current_xact_id()::text::bigint"  # the transaction's, which numbers its changes
