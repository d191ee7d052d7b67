"""A store in this process."""

import gc
import itertools
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from leaderboardapp.domain.types import RankPosition, Row
from leaderboardapp.stores.base import Store
from tests.support.programs import free_ports, wait_until


@contextmanager
def store_at(url: str) -> Iterator[Any]:
    """Make this process use the store at the URL; yield it.

    Connects Django to it, too, if it is an SQL store. Waits at the end until nobody subscribes any
    more: the hub's thread would go on reading, from the next test's store."""
    from django.db import connections
    from django.test import override_settings

    from leaderboard_project.env import build_database
    from leaderboardapp import snapshots
    from leaderboardapp.stores import get_store

    def connect_to(databases: dict[str, Any]) -> None:
        """Point the next connections of this thread, and the first ones of others, to these."""
        connections["default"].close()
        del connections["default"]
        connections.settings = connections.configure_settings(databases)

    before = dict(connections.settings)
    if not url.startswith("rethinkdb:"):
        database = build_database("DATABASE_URL", url)
        connect_to({"default": database, "feed": database})
    with override_settings(DATABASE_URL=url), ExitStack() as cleanup:
        cleanup.callback(connect_to, before)
        snapshots.cache.entries.clear()  # of another store
        store = get_store()
        cleanup.callback(store.close)
        cleanup.callback(close_subscriptions)
        yield store
        if subscribed():
            gc.collect()  # queues that a test did not close
            wait_for_end_of_subscribers()


@contextmanager
def unreachable_store() -> Iterator[None]:
    """Make this process use a store that cannot be reached."""
    from django.test import override_settings

    with override_settings(DATABASE_URL=f"rethinkdb://127.0.0.1:{free_ports(1)[0]}/gone"):
        yield


def close_subscriptions() -> None:
    """Close what a failed test has left open, which would be open in the next tests, too."""
    from leaderboardapp.pubsub.hub import get_hub

    for inbox in itertools.chain.from_iterable(get_hub().inboxes.copy().values()):
        inbox.close()
    wait_for_end_of_subscribers()


def wait_for_end_of_subscribers() -> None:
    """Wait until no thread reads for subscribers."""
    wait_until(lambda: not subscribed(), "the end of the subscribers' thread")


def subscribed() -> bool:
    """Return whether a thread reads for subscribers in this process."""
    return any(thread.name == "pubsub" for thread in threading.enumerate())


def read_page(store: Store, board: str, limit: int, after: RankPosition | None = None) -> list[Row]:
    """Return a page of ranked rows, best first."""
    from leaderboardapp.domain.ranking import number_window

    return number_window(store.get_ranking_window(board, limit, after))


def read_around(store: Store, board: str, player: str, limit: int) -> list[Row]:
    """Return the ranked rows around a player; none if the player is not ranked."""
    from leaderboardapp.domain.ranking import number_window

    return number_window(store.get_ranking_window(board, limit, around=player))


def read_ranked(store: Store, board: str, player: str) -> Row | None:
    """Return a player's ranked row; None if the player is not ranked."""
    return next(iter(read_around(store, board, player, 1)), None)
