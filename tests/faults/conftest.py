import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import STORES
from tests.e2e.viewers import Api
from tests.faults.load import EventSource, Writers, assert_right, bounded_memory, make_board
from tests.processes import RethinkServer, Stack

Recovered = Callable[[float], None]
Load = Callable[..., AbstractContextManager[Writers]]


@pytest.fixture
def own_server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RethinkServer]:
    """A RethinkDB server that the test may kill."""
    request.getfixturevalue("rethinkdb_server")  # or skip
    with RethinkServer(tmp_path) as server:
        yield server


@pytest.fixture(params=STORES)
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


@pytest.fixture
def recovered(record_property: Callable[[str, object], None]) -> Recovered:
    """recovered(seconds): how long it took; for bench/recovery.py."""
    return lambda seconds: record_property("recovery", round(max(0.0, seconds), 2))


@pytest.fixture
def under_load(board_id: str, recovered: Recovered) -> Load:
    """under_load(stack): two writers and a viewer before, during and after what happens inside;
    then all is right within `recovery` and two seconds, and the viewer has connected `connects`
    times. What happens inside marks the moment from which recovery is counted."""

    @contextmanager
    def run(stack: Stack, recovery: float = 0.0, connects: int = 1) -> Iterator[Writers]:
        api = Api(stack.port)
        board = make_board(api, board_id)
        with bounded_memory(stack), EventSource(stack.port, board) as viewer:
            with Writers(api, board, ["alice", "bob"]) as writers:
                writers.go_on()
                yield writers
                writers.go_on()
            assert_right(api, board, writers, viewer, recovery=recovery)
            recovered(writers.recovery(viewer))
            assert viewer.connects == connects and not viewer.gave_up
            assert writers.statuses <= {200, 502, 503, 504}

    return run
