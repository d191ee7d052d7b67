import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.processes import RethinkServer, Stack


@pytest.fixture
def own_server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RethinkServer]:
    """A RethinkDB server that the test may kill."""
    request.getfixturevalue("rethinkdb_server")  # or skip
    with RethinkServer(tmp_path) as server:
        yield server


@pytest.fixture(params=["sqlite", "rethinkdb"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """Processes that the test may kill, on each store in turn."""
    url = f"sqlite:///{tmp_path}/leaderboard.sqlite3"
    if request.param == "rethinkdb":
        server = request.getfixturevalue("rethinkdb_server")
        url = f"rethinkdb://127.0.0.1:{server.port}/fault_{uuid.uuid4().hex}"
    with ExitStack() as processes:
        yield processes.enter_context(Stack(url, tmp_path))


@pytest.fixture
def rethink_stack(own_server: RethinkServer, tmp_path: Path) -> Iterator[Stack]:
    with Stack(f"rethinkdb://127.0.0.1:{own_server.port}/fault", tmp_path) as stack:
        yield stack
