# Nothing of the service is imported before there are settings, which it reads on being imported.
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def rethink(rethinkdb_url: str) -> Iterator[Any]:
    """The store in RethinkDB, for what only that one has to get right."""
    from leaderboardapp.stores.rethinkdb.store import RethinkStore

    store = RethinkStore(rethinkdb_url)
    store.ensure()
    yield store
    store.close()
