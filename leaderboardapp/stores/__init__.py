"""The store that this process uses."""

from functools import cache

from django.conf import settings

from leaderboardapp import metrics
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.measured import measure


def get_store() -> Store:
    """Return the store that DATABASE_URL names, always the same one."""
    return _make_store(settings.DATABASE_URL)


@cache
def _make_store(url: str) -> Store:
    """Return a store; settings have checked the URL's scheme. A driver is imported only in the
    branch that needs it."""
    measured = measure if metrics.are_on() else lambda kind: kind
    if url.startswith("rethinkdb:"):
        from leaderboardapp.stores.rethinkdb.store import RethinkStore

        return measured(RethinkStore)(url)
    if url.startswith("sqlite:"):
        from leaderboardapp.stores.sql.sqlite.store import SqliteStore

        return measured(SqliteStore)()
    from leaderboardapp.stores.sql.postgresql.store import PostgresStore

    return measured(PostgresStore)()
