"""Replicas and shards, on three real servers."""

import logging
import shutil
import uuid
from collections.abc import Iterator

import pytest

from leaderboardapp.stores.rethinkdb.address import parse_url
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.placement import (
    SHARDED,
    Placement,
    place_tables,
    plan_table,
)
from leaderboardapp.stores.rethinkdb.schema import TABLES
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from tests.support.cluster import RethinkCluster

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RethinkCluster]:
    if not shutil.which("rethinkdb"):
        pytest.skip("rethinkdb is not on PATH; see rethinkdb.com/docs/install")
    with RethinkCluster(tmp_path_factory.mktemp("cluster"), 3) as cluster:
        yield cluster


@pytest.fixture
def database() -> str:
    return f"db_{uuid.uuid4().hex}"


def ensure(cluster: RethinkCluster, database: str, options: str) -> dict[str, Placement]:
    """Make the tables; return where they are."""
    store = RethinkStore(cluster.url(database, options))
    store.ensure()
    store.close()
    tables = r.db("rethinkdb").table("table_config").filter({"db": database})
    configs = cluster.run(tables)
    assert {config["write_acks"] for config in configs} == {"majority"}
    return {
        config["name"]: Placement(len(config["shards"]), len(config["shards"][0]["replicas"]))
        for config in configs
    }


def expected(shards: int, replicas: int) -> dict[str, Placement]:
    return {name: Placement(shards if name in SHARDED else 1, replicas) for name in TABLES}


def test_tables_are_made_where_the_url_says(cluster: RethinkCluster, database: str) -> None:
    assert ensure(cluster, database, "?replicas=3&shards=2") == expected(2, 3)
    # What a URL leaves out stays as it is.
    assert ensure(cluster, database, "") == expected(2, 3)


def test_tables_that_are_there_are_moved_and_keep_what_they_have(
    cluster: RethinkCluster, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert ensure(cluster, database, "") == expected(1, 1)
    store = RethinkStore(cluster.url(database))
    store.create_board({"id": "b", "name": "", "size": 5})
    lease = r.db(database).table("lease")
    cluster.run(lease.config().update({"write_acks": "single"}))
    with caplog.at_level(logging.INFO):
        assert ensure(cluster, database, "?replicas=3") == expected(1, 3)
    assert "boards: from 1 shards of 1 replicas to 1 shards of 3 replicas" in caplog.text
    assert "boards: 3 of 3 replicas are ready" in caplog.text
    assert store.get_board("b")["size"] == 5
    caplog.clear()
    assert ensure(cluster, database, "?replicas=3") == expected(1, 3)
    assert "replicas" not in caplog.text
    store.close()


def test_a_table_that_is_moved_keeps_its_write_hook(cluster: RethinkCluster, database: str) -> None:
    """RethinkDB's own `reconfigure` drops it. Players would have no rank from then on."""
    ensure(cluster, database, "")
    store = RethinkStore(cluster.url(database, "?replicas=3&shards=2"))
    connection = store.db.connections.open(60)
    place_tables(connection, store.db.connections.address, 3, ["players"])
    assert connection.run(r.table("players").get_write_hook())
    connection.close()
    store.close()


def test_what_was_written_without_the_write_hook_is_put_right(
    cluster: RethinkCluster, database: str
) -> None:
    ensure(cluster, database, "")
    cluster.run(r.db(database).table("players").reconfigure(shards=1, replicas=1))
    store = RethinkStore(cluster.url(database))
    store.create_board({"id": "b", "name": "", "size": 5})
    store.create_player("b", {"id": "p", "name": "P", "score": 1})
    assert store.get_top_players(["b"])["b"][1] == []
    ensure(cluster, database, "")
    assert [row["id"] for row in store.get_top_players(["b"])["b"][1]] == ["p"]
    store.close()


def test_fewer_servers_than_replicas_are_warned_of(
    cluster: RethinkCluster, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert ensure(cluster, database, "?replicas=5") == expected(1, 3)
    assert "asks for replicas=5, and the cluster has 3: start more servers" in caplog.text


@pytest.mark.parametrize(
    ("options", "servers", "current", "wanted"),
    [
        ("?replicas=3", 3, Placement(1, 1), Placement(1, 3)),
        ("?replicas=3", 2, Placement(1, 3), Placement(1, 3)),  # one is away for the moment
        ("?replicas=3", 2, Placement(1, 1), Placement(1, 2)),
        ("?replicas=1", 3, Placement(2, 3), Placement(2, 1)),
        ("?shards=2", 3, Placement(1, 3), Placement(2, 3)),
    ],
)
def test_what_a_url_asks_for(
    options: str, servers: int, current: Placement, wanted: Placement
) -> None:
    address = parse_url(f"rethinkdb://a/db{options}")
    assert plan_table(address, servers, "players", current) == wanted
