"""Several RethinkDB servers that are one cluster, which tests may kill and freeze."""

import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from rethinkdb import r

from tests.support.programs import START_SECONDS, free_ports, wait_until
from tests.support.servers import RethinkServer


class Node(RethinkServer):
    """A server of a cluster."""

    def __init__(self, folder: Path, joined: list["Node"]) -> None:
        [self.cluster_port] = free_ports(1)
        options = "--cache-size 100 --cores 2"
        options += "".join(f" --join 127.0.0.1:{other.cluster_port}" for other in joined)
        folder.mkdir()
        super().__init__(folder, *options.split(), cluster_port=self.cluster_port)
        with r.connect("127.0.0.1", self.port) as connection:
            self.name: str = connection.server()["name"]


class RethinkCluster:
    """A cluster of servers on this machine."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self.nodes: list[Node] = []
        self.cleanup = ExitStack()
        try:
            for _ in range(size):
                self._add()
            self.wait()
        except BaseException:  # the caller has no cluster to end yet
            self.__exit__()
            raise

    def _add(self) -> None:
        node = Node(self.folder / f"node{len(self.nodes)}", self.nodes)
        self.nodes.append(self.cleanup.enter_context(node))

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Have one server more. At the end no table may be left on it."""
        with Node(Path(tempfile.mkdtemp(dir=self.folder), "node"), self.nodes) as node:
            self.nodes.append(node)
            try:
                self.wait()
                yield
            finally:
                self.nodes.remove(node)

    def url(self, database: str, options: str = "") -> str:
        """Return the URL of a database at all servers."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
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
        with r.connect("127.0.0.1", (on or self.nodes[0]).port) as connection:
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
