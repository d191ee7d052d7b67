"""What the tests of RethinkDB's store share."""

# Nothing of the service is imported before there are settings, which it reads on being imported.
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import ONE_CORE, RethinkServer


@pytest.fixture(scope="session")
def ensured_store(rethinkdb_url: str) -> Any:
    """The store in RethinkDB, with all tables. Each new one would build all its queries again."""
    from leaderboardapp.stores.rethinkdb.store import RethinkStore

    store = RethinkStore(rethinkdb_url)
    store.ensure()
    return store


@pytest.fixture
def rethink(ensured_store: Any) -> Iterator[Any]:
    """The store in RethinkDB, for what only that one has to get right."""
    yield ensured_store
    ensured_store.close()


@pytest.fixture
def board(rethink: Any, board_id: str) -> str:
    """A board with one player, alice, who has 0."""
    rethink.create_board({"id": board_id, "name": "", "size": 5})
    rethink.create_player(board_id, {"id": "alice", "name": "Alice", "score": 0})
    return board_id


@pytest.fixture
def own_server(
    rethinkdb_server: RethinkServer, tmp_path: Path
) -> Iterator[tuple[RethinkServer, Any]]:
    """A server that the test may stop."""
    from leaderboardapp.stores.rethinkdb.store import RethinkStore

    with RethinkServer(tmp_path, *ONE_CORE) as server:
        store = RethinkStore(f"rethinkdb://127.0.0.1:{server.port}/own")
        store.ensure()
        store.create_board({"id": "b", "name": "", "size": 5})
        yield server, store
        server.program.signal_all(signal.SIGCONT)
        store.close()
