"""What all tests share: settings of their own, and both stores, each a real one."""

import base64
import gc
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

from tests.support import forks
from tests.support.servers import ONE_CORE, PostgresServer, RabbitServer, RethinkServer
from tests.support.store import store_at

STORES = ["sqlite", "rethinkdb", "postgresql"]
# Folders whose tests take long.
LONG = ("faults", "bench", "browser", "e2e", "clients", "local_run", "amqp", "tunnel")
SHARED = ("database_url", "shared_stack", "shared_server")  # parameters: a store
PER_STORE = ("store", "database_url", "shared_stack")  # fixtures that a test has for each store
NOT_FAST = (*LONG, "test_schema.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="only what needs no other process")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "processes: starts processes; left out by --fast")
    config.addinivalue_line("markers", "stores(*names): runs on these only; no other changes it")
    # Before Django reads them. All of them, so that a developer's own .env has no say.
    folder = tempfile.mkdtemp(prefix="leaderboard-tests-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ.update(
        DJANGO_SETTINGS_MODULE="leaderboard_project.settings",
        SECRET_KEY="a key for the tests only",
        DEBUG="0",
        DATABASE_URL=f"sqlite:///{folder}/in-process.sqlite3",
        GRIP_URL="http://localhost:9?iss=pushpin&key=a-key-of-32-bytes-or-more-for-the-tests",
        LOCAL_HTTP_PORT="7999",
        LOCAL_PUSHPIN_PORT="7997",
        LOCAL_WEBSOCKETS_PORT="7998",
        LOCAL_WEB_PORT="5000",
        PUBLISH_INTERVAL="0.05",
        LISTENER_PARTS="16",
        TOKEN_KEYS=f"HS256:{base64.b64encode(b'k' * 32).decode()}",
        ALLOW_ANONYMOUS_WRITES="1",
        WRITE_RATE="0",
        AMQP_URL="",
        AMQP_EXCHANGE="leaderboard",
        AMQP_ROUTES="",
        SSH_TUNNEL_TARGET="",
        SSH_TUNNEL_KEY="",
        SSH_TUNNEL_HOST_KEY="",
        SSH_TUNNEL_FORWARDS="",
    )
    forks.turn_on()
    import django
    from django.core.management import call_command

    django.setup()
    # How long an example takes is the machine's affair, and a fixture is for all examples.
    checks = {*hypothesis.HealthCheck} - {hypothesis.HealthCheck.filter_too_much}
    hypothesis.settings.register_profile("leaderboard", deadline=None, suppress_health_check=checks)
    hypothesis.settings.load_profile("leaderboard")
    if not hasattr(config, "workerinput"):  # once, before the processes that share it
        call_command("collectstatic", interactive=False, verbosity=0)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With --fast, do not even import what takes long."""
    return True if config.getoption("fast") and collection_path.name in NOT_FAST else None


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test marked with `stores` on these. The mark nearest to the test counts."""
    if marker := metafunc.definition.get_closest_marker("stores"):
        for name in {*PER_STORE} & {*metafunc.fixturenames}:
            on_these = pytest.mark.parametrize(name, marker.args, indirect=True)
            metafunc.definition.add_marker(on_these)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Shorten long texts in the names of tests."""
    return f"{val[:40]!r}…" if isinstance(val, str | bytes) and len(val) > 60 else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    """Group the tests that run in one process: those of a file, and those of a folder that share
    the processes of a store, which take longer to start than most tests. Long ones come first, so
    that no process waits for another one's at the end. Those of a folder follow each other: a stack
    or a browser that they share starts once in each process."""
    if config.getoption("fast"):
        left_out = [item for item in items if needs_processes(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not needs_processes(item)]
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
    yield
    if items and config.getoption("loadgroup", False) and "@" not in items[0].nodeid:
        raise pytest.UsageError("pytest-xdist does not group tests: see requirements-dev.txt")

    def place(item: pytest.Item) -> tuple[int, str]:
        folder = item.path.parent.name
        return (LONG.index(folder), group_of(item)) if folder in LONG else (len(LONG), "")

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Have garbage collected without looking through all tests, thousands of objects that stay,
    each time."""
    gc.freeze()


class FromBothEnds(LoadGroupScheduling):  # type: ignore[misc]  # it has no types
    """Has one process begin at the end of the order, where the tests are that use the processor
    most of the time. Those that mostly wait leave a fourth of it unused."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        if node.gateway.id == "gw0":
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FromBothEnds | None:
    return FromBothEnds(config, log) if config.getoption("dist") == "loadgroup" else None


def group_of(item: pytest.Item) -> str:
    """Return the name of the group that the test belongs to."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    shared = [f"{name} {parameters[name]}" for name in SHARED if name in parameters]
    return "/".join([item.path.parent.name, *(shared or [item.path.name])])


def needs_processes(item: pytest.Item) -> bool:
    """Return whether the test starts a process, or speaks to a server that some fixture starts."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else []
    fixtures = getattr(item, "fixturenames", [])
    return bool(
        item.get_closest_marker("processes")
        or {"rethinkdb", "postgresql"} & {value for value in parameters if isinstance(value, str)}
        or {"rethinkdb_server", "postgresql_server", "rethinkdb_url", "postgresql_url", "rabbit"}
        & {*fixtures}
    )


@pytest.fixture(scope="session")
def rethinkdb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RethinkServer]:
    if not shutil.which("rethinkdb"):
        pytest.skip("rethinkdb is not on PATH; see rethinkdb.com/docs/install")
    with RethinkServer(tmp_path_factory.mktemp("rethinkdb"), *ONE_CORE) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    with RabbitServer(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture(scope="session")
def new_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """new_database("sqlite"): the URL of an empty database of that store."""

    def new(store: str) -> str:
        if store == "sqlite":
            return f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/leaderboard.sqlite3"
        url: str = request.getfixturevalue(f"{store}_server").database(f"test_{uuid.uuid4().hex}")
        return url

    return new


@pytest.fixture(scope="session", params=STORES)
def database_url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """An empty database of each store."""
    return new_database(request.param)


@pytest.fixture
def board_id() -> str:
    """A board that no other test uses."""
    return f"board-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def rethinkdb_url(new_database: Callable[[str], str]) -> str:
    return new_database("rethinkdb")


@pytest.fixture(scope="session")
def postgresql_url(new_database: Callable[[str], str]) -> str:
    return new_database("postgresql")


@pytest.fixture(scope="session")
def ensured() -> set[str]:
    """The URLs of databases that have all tables, which takes long to find out."""
    return set()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, ensured: set[str]) -> Iterator[Any]:
    """The store of this process, each kind in turn, ready for use."""
    url = os.environ["DATABASE_URL"]
    if request.param != "sqlite":
        url = request.getfixturevalue(f"{request.param}_url")
    with store_at(url) as store:
        if url not in ensured:
            store.ensure()
            ensured.add(url)
        yield store
