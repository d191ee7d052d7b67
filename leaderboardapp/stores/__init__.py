from functools import cache

from django.conf import settings

from leaderboardapp.stores.base import Store


@cache
def get_store() -> Store:
    """The store that DATABASE_URL names (its scheme was checked by settings). Drivers are
    imported in the branch that needs them."""
    if settings.DATABASE_URL.startswith("rethinkdb:"):
        from leaderboardapp.stores.rethinkdb.store import RethinkStore

        return RethinkStore(settings.DATABASE_URL)
    if settings.DATABASE_URL.startswith("sqlite:"):
        from leaderboardapp.stores.sql.sqlite.store import SqliteStore

        return SqliteStore()
    from leaderboardapp.stores.sql.postgresql.store import PostgresStore

    return PostgresStore()
