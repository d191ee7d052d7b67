"""The store that this process uses."""

from functools import cache

from django.conf import settings

from leaderboardapp.stores.base import Store


@cache
def get_store() -> Store:
    """Return the store that DATABASE_URL names; settings have checked its scheme. A driver is
    imported only in the branch that needs it."""
    if settings.DATABASE_URL.startswith("rethinkdb:"):
        from leaderboardapp.stores.rethinkdb.store import RethinkStore

        return RethinkStore(settings.DATABASE_URL)
    if settings.DATABASE_URL.startswith("sqlite:"):
        from leaderboardapp.stores.sql.sqlite.store import SqliteStore

        return SqliteStore()
    from leaderboardapp.stores.sql.postgresql.store import PostgresStore

    return PostgresStore()
