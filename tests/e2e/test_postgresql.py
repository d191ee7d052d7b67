"""PostgreSQL's connections that listen, and pools of connections before it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from websockets.asyncio.client import connect

from tests.e2e.viewers import Api, Viewer
from tests.support.programs import PROJECT, START_SECONDS, Program, wait_until
from tests.support.servers import PgBouncer, PostgresServer
from tests.support.stack import Stack

VIEWERS, AT_ONCE = 200, 50  # more than the server takes connections


@pytest.fixture
def pool(postgresql_server: PostgresServer, board_id: str) -> Iterator[PgBouncer]:
    postgresql_server.database(board_id)
    with PgBouncer(postgresql_server, board_id) as pool:
        yield pool


def make_board(api: Api) -> None:
    assert api("POST", "/boards/", {"id": "b"}).status == 201
    assert api("POST", "/boards/b/players/", {"id": "bob", "name": "Bob"}).status == 201


def test_behind_a_pool_of_transactions_the_feed_has_a_session_of_its_own(
    pool: PgBouncer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_FEED_URL", pool.sessions)
    with Stack(pool.transactions, tmp_path) as stack:
        api = Api(stack.port)
        make_board(api)
        with Viewer(stack.port, "/boards/b/") as viewer:
            for score in range(1, 20):
                api("POST", "/boards/b/players/bob/score-add/")
                wait_until(lambda: viewer.scores() == {"Bob": score}, f"score {score}")  # noqa: B023


def test_a_feed_without_changes_through_a_pool_says_what_to_do(
    pool: PgBouncer, tmp_path: Path
) -> None:
    env, log = {"DATABASE_URL": pool.transactions}, tmp_path / "listener.log"
    subprocess.run(
        [sys.executable, "manage.py", "ensure_store"],
        cwd=PROJECT,
        env={**os.environ, **env},
        check=True,
    )
    listener = Program([sys.executable, "dblistener.py"], log, env)
    try:
        wait_until(lambda: "DATABASE_FEED_URL" in log.read_text(), "the advice", START_SECONDS)
    finally:
        listener.stop()


def test_hundreds_of_viewers_cost_no_listening_connection_more(
    postgresql_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory, board_id: str
) -> None:
    folder = tmp_path_factory.mktemp("stack")  # short, as the addresses of sockets in it have to be
    url = postgresql_server.database(board_id)

    async def watch(stack: Stack) -> None:
        address = f"ws://localhost:{stack.ws_port}/boards/b/ws/"
        sockets = []
        for _ in range(VIEWERS // AT_ONCE):
            batch = (
                connect(address, proxy=None, ping_interval=None, open_timeout=START_SECONDS)
                for _ in range(AT_ONCE)
            )
            sockets += await asyncio.gather(*batch)
        with psycopg.connect(url) as console:
            names = console.execute(
                "SELECT application_name FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchall()
        assert names.count(("leaderboard feed",)) == 1
        assert names.count(("leaderboard messages",)) == 1
        assert len(names) <= 2 + 5 + 2 * 16, "these, the listener's others, the web's threads"
        for socket in sockets:
            assert await socket.recv()
        await asyncio.to_thread(Api(stack.port), "POST", "/boards/b/players/bob/score-add/")
        for socket in sockets:
            while '"score":1' not in str(await asyncio.wait_for(socket.recv(), START_SECONDS)):
                pass
            await socket.close()

    with Stack(url, folder, websockets=True) as stack:
        make_board(Api(stack.port))
        asyncio.run(watch(stack))
