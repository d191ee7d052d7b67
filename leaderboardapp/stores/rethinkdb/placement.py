"""Where a cluster keeps the tables: their replicas and shards, as DATABASE_URL says.

What the URL leaves out stays as it is. docs/adr/0047-replicas-and-shards.md says why.
"""

import logging
import time
from collections.abc import Collection
from typing import Any, NamedTuple

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.stores.rethinkdb.address import Address
from leaderboardapp.stores.rethinkdb.connection import Connection, r

logger = logging.getLogger(__name__)

SHARDED = {"players", "past"}  # which grow with their players; all others have one shard
LOOK_SECONDS = 0.2  # between two looks at replicas that are made
WRITE_ACKS = "majority"  # no fewer: a write must be on two servers of three before it is answered


class Placement(NamedTuple):
    """The shards of a table, and how many servers have a replica of each."""

    shards: int
    replicas: int


def plan_table(address: Address, servers: int, name: str, current: Placement) -> Placement:
    """Return the placement that the URL asks for. There are never more replicas than servers; a
    server that is away for the moment takes none from a table."""
    shards = address.shards if name in SHARDED else 1
    replicas = address.replicas or current.replicas
    if replicas > servers:
        replicas = max(servers, current.replicas)
    return Placement(shards or current.shards, replicas)


def count_servers(connection: Connection, address: Address) -> int:
    """Return how many servers may have replicas. Warns if they are fewer than asked for."""
    if address.replicas is None and address.shards is None:
        return 1  # nobody asks, and not all users may
    config = r.db("rethinkdb").table("server_config")
    servers: int = connection.run(
        config.filter(lambda row: row["tags"].contains("default")).count()
    )
    if servers < (address.replicas or 0):
        logger.warning(
            "DATABASE_URL asks for replicas=%d, and the cluster has %d: start more servers, and run"
            " ensure_store again",
            address.replicas,
            servers,
        )
    return servers


def place_tables(
    connection: Connection, address: Address, servers: int, names: Collection[str]
) -> None:
    """Bring tables to where the URL has them; return when all their replicas are ready."""
    if address.replicas is None and address.shards is None:
        return
    moved = []
    for name in names:
        table = r.table(name)
        config = connection.run(table.config())
        current = Placement(len(config["shards"]), len(config["shards"][0]["replicas"]))
        wanted = plan_table(address, servers, name, current)
        if config["write_acks"] != WRITE_ACKS:
            connection.run(table.config().update({"write_acks": WRITE_ACKS}))
        if wanted != current:
            logger.info("%s: from %s to %s", name, _describe(current), _describe(wanted))
            _move(connection, table, wanted)
            moved.append(name)
    for name in moved:
        _wait_for_replicas(connection, name)


def _move(connection: Connection, table: Any, wanted: Placement) -> None:
    # The server chooses where, and we write it: its own reconfigure drops the write hook (2.4.4).
    proposal = connection.run(table.reconfigure(**wanted._asdict(), dry_run=True))
    [change] = proposal["config_changes"]
    result = connection.run(table.config().update({"shards": change["new_val"]["shards"]}))
    if result["errors"]:
        raise StoreUnavailable(f"RethinkDB: {result['first_error']}")


def _wait_for_replicas(connection: Connection, name: str) -> None:
    """Wait until all replicas of a table are ready, however long, and log how far they are."""
    logged = ""
    while True:
        status = connection.run(r.table(name).status())
        states = [replica["state"] for shard in status["shards"] for replica in shard["replicas"]]
        progress = f"{states.count('ready')} of {len(states)} replicas are ready"
        if progress != logged:
            logger.info("%s: %s", name, progress)
            logged = progress
        if status["status"]["all_replicas_ready"]:
            return
        time.sleep(LOOK_SECONDS)


def _describe(placement: Placement) -> str:
    return f"{placement.shards} shards of {placement.replicas} replicas"
