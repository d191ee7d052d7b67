"""What all tests share: settings of their own, and both stores, each a real one."""

import base64
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import RethinkServer

STORES = ["sqlite", "rethinkdb"]


def pytest_configure(config: pytest.Config) -> None:
    # Before Django reads them. All of them, so that a developer's own .env has no say.
    folder = tempfile.mkdtemp(prefix="leaderboard-tests-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ.update(
        DJANGO_SETTINGS_MODULE="leaderboard_project.settings",
        SECRET_KEY="a key for the tests only",
        DEBUG="0",
        DATABASE_URL=f"sqlite:///{folder}/in-process.sqlite3",
        GRIP_URL="http://localhost:9?iss=pushpin&key=a-key-of-32-bytes-or-more-for-the-tests",
        PUBLISH_INTERVAL="0.05",
        TOKEN_KEYS=f"HS256:{base64.b64encode(b'k' * 32).decode()}",
        ALLOW_ANONYMOUS_WRITES="1",
        WRITE_RATE="0",
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="session")
def rethinkdb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RethinkServer]:
    if not shutil.which("rethinkdb"):
        pytest.skip("rethinkdb is not on PATH; see rethinkdb.com/docs/install")
    with RethinkServer(tmp_path_factory.mktemp("rethinkdb")) as server:
        yield server


@pytest.fixture(scope="session", params=STORES)
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty database of each store."""
    if request.param == "rethinkdb":
        server = request.getfixturevalue("rethinkdb_server")
        return f"rethinkdb://127.0.0.1:{server.port}/test_{uuid.uuid4().hex}"
    folder: Path = tmp_path_factory.mktemp("sqlite")
    return f"sqlite:///{folder}/leaderboard.sqlite3"


@pytest.fixture
def board_id() -> str:
    """A board that no other test uses."""
    return f"board-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def rethinkdb_url(rethinkdb_server: RethinkServer) -> str:
    return f"rethinkdb://127.0.0.1:{rethinkdb_server.port}/in_process"


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The store of this process, each kind in turn, ready for use."""
    from django.test import override_settings

    from leaderboardapp.stores import get_store

    url = os.environ["DATABASE_URL"]
    if request.param == "rethinkdb":
        url = request.getfixturevalue("rethinkdb_url")
    with override_settings(DATABASE_URL=url):
        get_store.cache_clear()
        store = get_store()
        store.ensure()
        yield store
        store.close()
    get_store.cache_clear()
