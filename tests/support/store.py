"""A store in this process."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.programs import wait_until


@contextmanager
def store_at(url: str) -> Iterator[Any]:
    """The store of this process, with Django's connections if it has them. At the end nobody
    may subscribe any more: a thread that outlived its store would read for the next one's."""
    from django.db import connections
    from django.test import override_settings

    from leaderboard_project.env import build_database
    from leaderboardapp.stores import get_store

    def connect_to(databases: dict[str, Any]) -> None:
        """As this thread's next connections, and other threads' first ones."""
        connections["default"].close()
        del connections["default"]
        connections.settings = connections.configure_settings(databases)

    before = dict(connections.settings)
    if not url.startswith("rethinkdb:"):
        there = build_database("DATABASE_URL", url)
        connect_to({"default": there, "feed": there})
    with override_settings(DATABASE_URL=url):
        get_store.cache_clear()
        store = get_store()
        try:
            yield store
            if subscribed():
                gc.collect()  # queues that nobody refers to
                wait_until(lambda: not subscribed(), "the end of the subscribers' thread")
        finally:
            store.close()
            get_store.cache_clear()
            connect_to(before)


def subscribed() -> bool:
    """Whether a thread reads for subscribers in this process."""
    return any(thread.name == "pubsub" for thread in threading.enumerate())
