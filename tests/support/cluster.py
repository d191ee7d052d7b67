"""Several RethinkDB servers that are one cluster, which tests may kill, freeze and cut off."""

import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from rethinkdb import r

from tests.support.network import CAN_BE_CUT, Island, islands
from tests.support.programs import START_SECONDS, free_ports, wait_until
from tests.support.servers import ONE_CORE, RethinkServer


class Node(RethinkServer):
    """A server of a cluster, perhaps in a network of its own."""

    def __init__(self, folder: Path, joined: list["Node"], island: Island | None) -> None:
        self.island = island
        [self.cluster_port] = free_ports(1)
        folder.mkdir()
        super().__init__(
            folder,
            *("--cache-size", "100", *ONE_CORE, *list_joined(joined)),
            cluster_port=self.cluster_port,
            host=island.host if island else "127.0.0.1",
            within=island.within if island else (),
        )
        with self.connect() as connection:
            self.name: str = connection.server()["name"]

    def connect(self) -> Any:
        """Return a connection of the driver."""
        return r.connect(self.host, self.port)


def list_joined(nodes: list[Node]) -> list[str]:
    """Return the options by which a server joins the others. It waits until one of them runs."""
    return [text for node in nodes for text in ("--join", f"{node.host}:{node.cluster_port}")]


class RethinkCluster:
    """A cluster of servers on this machine, in networks that can be cut if this is possible."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self.nodes: list[Node] = []
        self.cleanup = ExitStack()
        try:
            self.islands: list[Any] = [None] * (size + 1)
            if CAN_BE_CUT:
                self.islands = self.cleanup.enter_context(islands(folder, size + 1))
            for number in range(size):
                node = Node(folder / f"node{number}", self.nodes, self.islands[number])
                self.nodes.append(self.cleanup.enter_context(node))
            # Those that came before it are joined already. Next time, each has to come back alone.
            for number, node in enumerate(self.nodes):
                node.program.command += list_joined(self.nodes[number + 1 :])
            self.wait()
        except BaseException:  # the caller has no cluster to end yet
            self.__exit__()
            raise

    def cut_off(self, node: Node) -> None:
        """Have all packets between this server and the others vanish."""
        for other in self.nodes:
            if other is not node and node.island and other.island:
                node.island.cut(other.island)
                other.island.cut(node.island)

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Have one server more. At the end no table may be left on it."""
        folder = Path(tempfile.mkdtemp(dir=self.folder), "node")
        with Node(folder, self.nodes, self.islands[-1]) as node:
            self.nodes.append(node)
            try:
                self.wait()
                yield
            finally:
                self.nodes.remove(node)

    def url(self, database: str, options: str = "", start: int = 0) -> str:
        """Return the URL of a database at all servers, or at those from one on."""
        hosts = ",".join(f"{node.host}:{node.port}" for node in self.nodes[start:])
        return f"rethinkdb://{hosts}/{database}{options}"

    def wait(self) -> None:
        """Wait until each server sees all of them."""
        for node in self.nodes:
            node.wait()
            wait_until(lambda: self._sees_all(node), "the cluster", START_SECONDS)  # noqa: B023

    def repair(self) -> None:
        """Start again what has ended, let go on what was frozen; return when all replicas are
        ready."""
        for node in self.nodes:
            node.program.signal_all(signal.SIGCONT)
            if node.island:
                node.island.heal()
            if node.program.process.poll() is not None:
                node.program.restart()
        self.wait()
        for database in {*self.run(r.db_list())} - {"rethinkdb", "test"}:
            self.run(r.db(database).wait(wait_for="all_replicas_ready", timeout=START_SECONDS))

    def make_primary(self, node: Node, database: str) -> None:
        """Have one server be the primary of all tables, which have one shard, and replicas on the
        first three servers."""
        shard = {"primary_replica": node.name, "replicas": [one.name for one in self.nodes[:3]]}
        for table in self.run(r.db(database).table_list()):
            self.run(r.db(database).table(table).config().update({"shards": [shard]}))
        self.run(r.db(database).wait(wait_for="all_replicas_ready", timeout=START_SECONDS))

    def run(self, query: Any, on: Node | None = None) -> Any:
        """Run a query on a server, by default the first; return its answer."""
        with (on or self.nodes[0]).connect() as connection:
            answer = query.run(connection)
            return answer if isinstance(answer, dict | int) else [*answer]

    def _sees_all(self, node: Node) -> bool:
        seen = self.run(r.db("rethinkdb").table("server_status").count(), on=node)
        return bool(seen == len(self.nodes))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.program.signal_all(signal.SIGCONT)
        self.cleanup.close()
