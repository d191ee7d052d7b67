"""Servers of a cluster are killed, frozen, cut off, restarted, added and taken away. There are
three, with three replicas of each table.

Afterwards acknowledged increments = the store's score, and every viewer shows the store's state.
"""

import shutil
import signal
import statistics
from collections.abc import Iterator

import pytest
from rethinkdb import r

from tests.e2e.viewers import Api
from tests.faults.conftest import Load
from tests.faults.test_store import WAITING_SECONDS, refused_a_hundred
from tests.support.cluster import RethinkCluster
from tests.support.network import CAN_BE_CUT
from tests.support.stack import Stack

DATABASE = "fault"
HEARTBEAT = r.db("rethinkdb").table("cluster_config").get("heartbeat")
HEARTBEAT_SECONDS = 3  # after which servers give up one that is frozen; by default ten


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RethinkCluster]:
    if not shutil.which("rethinkdb"):
        pytest.skip("rethinkdb is not on PATH; see rethinkdb.com/docs/install")
    with RethinkCluster(tmp_path_factory.mktemp("cluster"), 3) as cluster:
        cluster.run(HEARTBEAT.update({"heartbeat_timeout_secs": HEARTBEAT_SECONDS}))
        yield cluster


@pytest.fixture(scope="module")
def shared_stack(
    shared_cluster: RethinkCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Web processes at all servers, and a listener at those that are the primary of nothing."""
    url, listener_url = (shared_cluster.url(DATABASE, "?replicas=3", start) for start in (0, 1))
    with Stack(url, tmp_path_factory.mktemp("stack"), listener_url=listener_url) as stack:
        shared_cluster.make_primary(shared_cluster.nodes[0], DATABASE)
        yield stack


@pytest.fixture(autouse=True)  # before the stack, whose processes need the servers
def cluster(shared_cluster: RethinkCluster) -> RethinkCluster:
    """Servers that the test may kill; those that an earlier test has ended run again."""
    shared_cluster.repair()
    return shared_cluster


needs_networks = pytest.mark.skipif(not CAN_BE_CUT, reason="only root can cut networks, on Linux")


@pytest.mark.parametrize("how", ["killed", "frozen", pytest.param("cut off", marks=needs_networks)])
@pytest.mark.parametrize("which", ["the primary", "another", "a third"])
def test_a_server_that_fails_is_left_and_taken_back(
    cluster: RethinkCluster, stack: Stack, under_load: Load, which: str, how: str
) -> None:
    """Of the two that are no primary, the listener's feed is read from one."""
    node = cluster.nodes[["the primary", "another", "a third"].index(which)]
    with under_load(stack, recovery=8 if which == "the primary" else 3) as writers:
        writers.mark()
        if how == "cut off":
            cluster.cut_off(node)
        else:
            node.program.signal_all(signal.SIGKILL if how == "killed" else signal.SIGSTOP)
        writers.go_on()
        cluster.repair()


def test_without_a_majority_requests_are_refused_at_once_until_it_is_back(
    cluster: RethinkCluster, stack: Stack, under_load: Load
) -> None:
    api = Api(stack.port)
    with under_load(stack, recovery=10) as writers:
        for node in cluster.nodes[1:]:
            node.program.signal_all(signal.SIGKILL)
        for node in cluster.nodes[1:]:
            node.program.process.wait(30)
        refused_a_hundred(api, writers.board)
        usual = statistics.median(refused_a_hundred(api, writers.board, at_once=10))
        assert usual < WAITING_SECONDS
        for node in cluster.nodes[1:]:
            node.program.start()
        writers.mark()


def test_servers_are_restarted_one_after_the_other(
    cluster: RethinkCluster, stack: Stack, under_load: Load
) -> None:
    with under_load(stack, recovery=8) as writers:
        for node in cluster.nodes:
            node.shut_down()
            node.program.process.wait(30)
            writers.go_on(10)
            cluster.repair()


def test_tables_are_sharded_and_moved_to_a_new_server_and_back(
    cluster: RethinkCluster, stack: Stack, under_load: Load
) -> None:
    def place(options: str) -> None:
        url = cluster.url(DATABASE, options)
        assert stack.manage("ensure_store", DATABASE_URL=url).returncode == 0

    with under_load(stack, recovery=8) as writers:
        writers.mark()
        place("?replicas=3&shards=2")
        writers.go_on()
        with cluster.one_more():
            place("?replicas=4")
            writers.go_on()
            cluster.run(r.db(DATABASE).rebalance())
            writers.go_on()
            cluster.make_primary(cluster.nodes[0], DATABASE)
