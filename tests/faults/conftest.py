import signal
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.conftest import STORES
from tests.e2e.viewers import Api
from tests.faults.load import EventSource, Writers, assert_right, bounded_memory, make_board
from tests.support.servers import ONE_CORE, PostgresServer, RabbitServer, RethinkServer
from tests.support.stack import Stack

OVER_HTTP = "sqlite, http"
SERVERS = ["rethinkdb", "postgresql"]  # the stores that are servers
Server = RethinkServer | PostgresServer
Recovered = Callable[..., None]
Load = Callable[..., AbstractContextManager[Writers]]


@pytest.fixture(scope="package", params=SERVERS)
def shared_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A database server that tests may kill."""
    request.getfixturevalue(f"{request.param}_server")  # or skip
    folder = tmp_path_factory.mktemp("server")
    is_rethinkdb = request.param == "rethinkdb"
    with RethinkServer(folder, *ONE_CORE) if is_rethinkdb else PostgresServer() as server:
        yield server


@pytest.fixture
def own_server(shared_server: Server) -> Iterator[Server]:
    """A database server that the test may kill or stop. It runs again afterwards, because the stack
    on it may be begun before this fixture of the next test."""
    yield shared_server
    shared_server.program.signal_all(signal.SIGCONT)
    if shared_server.program.process.poll() is not None:
        shared_server.program.restart()
        shared_server.wait()


@pytest.fixture(scope="package", params=[*STORES, OVER_HTTP])
def shared_stack(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    new_database: Callable[[str], str],
) -> Iterator[Stack]:
    """Processes that tests may kill, on each store in turn. They publish over ZeroMQ, and then over
    HTTP."""
    store, way = ("sqlite", "http") if request.param == OVER_HTTP else (request.param, "tcp")
    folder = tmp_path_factory.mktemp("stack")
    with Stack(new_database(store), folder, publish_by=way) as stack:
        yield stack


@pytest.fixture
def stack(shared_stack: Stack) -> Stack:
    """Processes that the test may kill; those that an earlier test has ended run again."""
    shared_stack.repair()
    return shared_stack


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api(stack.port)


@pytest.fixture(scope="package")
def shared_server_stack(
    shared_server: Server, rabbit: RabbitServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Processes on a server that tests may kill, with a worker on a broker that they may kill."""
    url, broker = shared_server.database("fault"), rabbit.vhost(uuid.uuid4().hex)
    with Stack(url, tmp_path_factory.mktemp("stack"), amqp_url=broker) as stack:
        yield stack


@pytest.fixture
def server_stack(own_server: Server, shared_server_stack: Stack) -> Stack:
    """On a server that the test may kill; processes that an earlier test has ended run again."""
    shared_server_stack.repair()
    return shared_server_stack


@pytest.fixture
def recovered(record_property: Callable[[str, object], None]) -> Recovered:
    """recovered(seconds): record how long recovery took, for bench/recovery.py. Another `what` may
    be named."""

    def record(seconds: float, what: str = "recovery") -> None:
        record_property(what, round(max(0.0, seconds), 2))

    return record


@pytest.fixture
def under_load(board_id: str, recovered: Recovered) -> Load:
    """under_load(stack): two writers and a viewer before, during and after the block inside.

    Afterwards store and viewer are right within `recovery` and two seconds. The viewer has
    connected `connects` times. No increment has had an answer other than 200 and `passing`.
    All ask again after `patience` seconds without a word. The block inside marks the moment from
    which recovery is counted."""

    @contextmanager
    def run(
        stack: Stack,
        recovery: float = 0.0,
        connects: int = 1,
        passing: Collection[int] = (502, 503, 504),
        patience: float = 30,
    ) -> Iterator[Writers]:
        api = Api(stack.port, patience)
        board = make_board(api, board_id)
        with bounded_memory(stack), EventSource(stack.port, board, patience) as viewer:
            with Writers(api, board, ["alice", "bob"]) as writers:
                writers.go_on()
                yield writers
                writers.go_on()
            assert_right(api, board, writers, viewer, recovery=recovery)
            recovered(writers.recovery(viewer))
            recovered(writers.longest, "longest increment")
            assert viewer.connects == connects and not viewer.gave_up
            assert writers.statuses <= {200, *passing}

    return run
