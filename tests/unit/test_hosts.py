"""The hosts of a cluster: which of them threads ask, and what is asked again elsewhere."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from rethinkdb.errors import ReqlDriverError, ReqlTimeoutError

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.stores.circuit_breaker import NoAnswer, Unreachable
from leaderboardapp.stores.rethinkdb import connection, hosts
from leaderboardapp.stores.rethinkdb.address import Host, parse_url
from leaderboardapp.stores.rethinkdb.connection import Connections, Refused, r
from leaderboardapp.stores.rethinkdb.hosts import Hosts
from tests.support.programs import wait_until

A, B, C = THREE = (Host("a", 1), Host("b", 1), Host("c", 1))
READ = r.table("boards").get("b").do(lambda row: [row["size"], row["name"]])
ONE = r.table("players").get("p").update({"score": r.row["score"] + 1})
SEVERAL = r.table("players").get_all("p", "q").update({"score": 1})


@pytest.fixture(autouse=True)
def probes_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "PROBE_SECONDS", 0.01)


class Cluster:
    """Stands for three servers, and what each of them does with a query."""

    failures: ClassVar[dict[Host, Exception]] = {}  # that it answers with
    dead: ClassVar[set[Host]] = set()  # which take no connections
    asked: ClassVar[list[Host]] = []

    def __init__(self, address: Any, answer_seconds: float, host: Host) -> None:
        self.host, self.is_open = host, True
        self.check()

    def check(self) -> None:
        if self.host in self.dead:
            raise Unreachable(f"no {self.host}")

    def run(self, query: Any) -> Host:
        if query is not connection.PROBE:
            self.asked.append(self.host)
        self.check()
        if failure := self.failures.get(self.host):
            self.is_open = isinstance(failure, Refused)
            raise failure
        return self.host

    def is_alive(self) -> bool:
        return self.is_open

    def close(self) -> None:
        self.is_open = False


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connections]:
    """Connections to three hosts, of which this thread asks A first, then B and C."""
    monkeypatch.setattr(connection, "Connection", Cluster)
    Cluster.failures, Cluster.dead, Cluster.asked = {}, set(), []
    connections = Connections(parse_url("rethinkdb://a:1,b:1,c:1/db"), 1.0)
    connections.hosts.local.order = [*THREE]
    yield connections
    Cluster.failures, Cluster.dead = {}, set()
    wait_for_all(connections.hosts)


def wait_for_all(known: Hosts) -> None:
    """Wait until no host is left, and nothing probes any more."""
    known.left.clear()
    if known.watcher:
        known.watcher.join(5)


def closed() -> NoAnswer:
    error = NoAnswer("closed")
    error.__cause__ = ReqlDriverError("Connection is closed.")
    return error


def late() -> NoAnswer:
    error = NoAnswer("timed out")
    error.__cause__ = ReqlTimeoutError("a", 1)
    return error


def in_a_thread(call: Callable[[], None]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def test_threads_spread_over_the_hosts() -> None:
    known, owned = Hosts(THREE, lambda host: None), Counter[Host]()
    for _ in range(9):
        in_a_thread(lambda: owned.update([known.sort()[0]]))
    assert owned == {A: 3, B: 3, C: 3}


def test_threads_of_a_host_that_is_left_spread_over_the_others() -> None:
    probed = threading.Event()
    known, owned = Hosts(THREE, lambda host: probed.wait(5)), Counter[Host]()
    known.leave(B)
    for _ in range(200):
        in_a_thread(lambda: owned.update([known.sort()[0]]))
    probed.set()
    wait_for_all(known)
    assert not owned[B] and min(owned[A], owned[C]) > 75


def test_a_dead_host_is_left_by_all_threads_and_taken_back(cluster: Connections) -> None:
    Cluster.dead.add(A)
    assert cluster.run(READ) == B
    last: list[Host] = []
    in_a_thread(lambda: last.append(cluster.hosts.sort()[-1]))
    assert last == [A]
    Cluster.dead.clear()
    wait_until(lambda: not cluster.hosts.left, "the host to be taken back")
    assert cluster.run(READ) == A


def test_without_any_host_all_are_named_and_the_breaker_opens(cluster: Connections) -> None:
    Cluster.dead.update(THREE)
    with pytest.raises(Unreachable, match="no a:1; no b:1; no c:1"):
        cluster.run(READ)
    with pytest.raises(StoreUnavailable, match="did not answer just now"):
        cluster.run(READ)


def test_the_breaker_stays_closed_while_one_host_answers(cluster: Connections) -> None:
    Cluster.failures = {A: late(), B: late()}
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            cluster.run(READ)
    assert cluster.run(READ) == C
    Cluster.failures[C] = late()
    with pytest.raises(NoAnswer):
        cluster.run(READ)
    with pytest.raises(StoreUnavailable, match="did not answer just now"):
        cluster.breaker.check()


def test_of_hosts_that_are_all_left_the_first_to_be_left_is_asked_first() -> None:
    known = Hosts(THREE, lambda host: None)
    for host in (C, A, B):
        known.leave(host)
        time.sleep(0.001)
    assert known.sort() == [C, A, B]


def test_hosts_that_hang_are_not_all_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "CONNECT_SECONDS", 0.0)
    known, asked = Hosts(THREE, lambda host: None), []

    def hang(host: Host) -> None:
        asked.append(host)
        raise Unreachable(str(host))

    for _ in range(3):
        with pytest.raises(Unreachable):
            known.connect(hang)
    assert len(asked) == 3 + 1 + 1  # none was left at first
    assert {*asked[:3]} == {*THREE} and asked[3:] == asked[:2]


def test_a_read_on_a_closed_connection_is_asked_once_more_elsewhere(cluster: Connections) -> None:
    Cluster.failures = {A: closed()}
    assert cluster.run(READ) == B
    Cluster.failures[B] = closed()
    with pytest.raises(NoAnswer):
        Cluster.failures[C] = closed()
        cluster.run(READ)
    assert Cluster.asked == [A, B, B, C]


@pytest.mark.parametrize("query", [ONE, SEVERAL])
def test_a_write_on_a_closed_connection_is_not_repeated(cluster: Connections, query: Any) -> None:
    Cluster.failures = {A: closed()}
    with pytest.raises(OutcomeUnknown):
        cluster.run(query)
    assert B not in Cluster.asked and C not in Cluster.asked
    assert cluster.run(query) == B


def test_a_late_read_is_not_repeated_and_others_do_not_wait(cluster: Connections) -> None:
    Cluster.failures = {A: late()}
    with pytest.raises(OutcomeUnknown):
        cluster.run(READ)
    assert cluster.run(ONE) == B


@pytest.mark.parametrize("query", [READ, ONE])
def test_what_a_host_refuses_is_asked_elsewhere_and_the_host_left_if_it_is_its_fault(
    cluster: Connections, query: Any
) -> None:
    Cluster.failures = {A: Refused("no majority")}
    assert cluster.run(query) == B
    assert cluster.hosts.left.keys() == {A}


def test_a_refused_write_of_several_documents_is_not_repeated_but_the_host_left(
    cluster: Connections,
) -> None:
    Cluster.failures = {A: Refused("no majority")}
    with pytest.raises(Refused):
        cluster.run(SEVERAL)
    assert cluster.run(SEVERAL) == B


@pytest.mark.parametrize("query", [READ, ONE, SEVERAL])
def test_what_all_refuse_is_no_fault_of_a_host(cluster: Connections, query: Any) -> None:
    Cluster.failures = dict.fromkeys(THREE, Refused("no primary"))
    for _ in range(3):
        with pytest.raises(Refused):
            cluster.run(query)
    assert not cluster.hosts.left
    Cluster.failures = {}
    assert cluster.run(query) == A
