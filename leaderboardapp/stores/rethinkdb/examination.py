"""What is wrong with the tables of a RethinkDB server or cluster."""

from collections.abc import Iterator
from typing import Any

from leaderboardapp.stores.examination import ENSURE, Examination, Fault
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.schema import TABLES, WRITE_HOOKS


def examine_schema(db: Database) -> Examination:
    """Return what the tables lack, and the server's clock."""
    databases, name = db.run(r.db_list()), db.connections.address.login["db"]
    tables = set(db.run(r.table_list())) if name in databases else set()
    missing = sorted(TABLES.keys() - tables)
    faults = [Fault(f"the tables {', '.join(missing)} are missing", ENSURE)] if missing else []
    for table in TABLES:
        if table in tables:
            faults += _list_faults(db, table)
    return Examination(faults, db.run(r.now().to_epoch_time()))


def _list_faults(db: Database, name: str) -> Iterator[Fault]:
    table = r.table(name)
    status: Any = db.run(table.status())
    if not status["status"]["ready_for_writes"]:
        text = f"the table {name} takes no writes: too few of its servers answer"
        yield Fault(text, "Start the servers that are down, or see RethinkDB's page of its tables.")
        return  # it would not answer what follows
    if not status["status"]["all_replicas_ready"]:
        text = f"not all replicas of the table {name} are ready"
        yield Fault(text, "Start the servers that are down. A replica that returns takes a while.")
    indexes = {row["index"]: row["ready"] for row in db.run(table.index_status())}
    if missing := sorted(TABLES[name].keys() - indexes.keys()):
        yield Fault(f"the table {name} lacks the indexes {', '.join(missing)}", ENSURE)
    if unready := sorted(index for index in TABLES[name] if not indexes.get(index, True)):
        text = f"the table {name} is still making the indexes {', '.join(unready)}"
        yield Fault(text, "Wait until they are made; until then queries fail.")
    if name in WRITE_HOOKS and db.run(table.get_write_hook()) is None:
        text = f"the table {name} has lost its write hook, as by `reconfigure` in the console"
        yield Fault(f"{text}: what is written has no rank", ENSURE)
