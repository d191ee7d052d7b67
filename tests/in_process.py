"""A store in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def store_at(url: str) -> Iterator[Any]:
    """The store of this process, with Django's connections if it has them."""
    from django.db import connections
    from django.test import override_settings

    from leaderboard_project.settings import database
    from leaderboardapp.stores import get_store

    def connect_to(databases: dict[str, Any]) -> None:
        """As this thread's next connections, and other threads' first ones."""
        connections["default"].close()
        del connections["default"]
        connections.settings = connections.configure_settings(databases)

    before = dict(connections.settings)
    if not url.startswith("rethinkdb:"):
        there = database("DATABASE_URL", url)
        connect_to({"default": there, "feed": there})
    with override_settings(DATABASE_URL=url):
        get_store.cache_clear()
        store = get_store()
        try:
            yield store
        finally:
            store.close()
            get_store.cache_clear()
            connect_to(before)
