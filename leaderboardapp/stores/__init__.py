"""The store that this process uses."""

import threading

from django.conf import settings

from leaderboardapp import metrics
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.measured import measure

_stores: dict[str, Store] = {}
_making = threading.Lock()


def get_store() -> Store:
    """Return the store that DATABASE_URL names, always the same one."""
    url = settings.DATABASE_URL
    if url not in _stores:
        # One thread makes it. To build RethinkDB's queries takes a fifth of a second, and when
        # sixteen threads did so at once the first requests of a process took four.
        with _making:
            _stores[url] = _stores.get(url) or _make_store(url)
    return _stores[url]


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
