"""Tables: `boards`; `players`, whose key is a UUID made from the board's and the player's id, the
one that `r.uuid("<board>/<player>")` gives in the database's console; `imports`; `deleted`, when
each board, or a player of it, was last deleted, and how often; `seasons`, past ones with their
final tops; `blocks`, for ranks on large boards; `lease`, the one document of the active listener.

A write hook of the server stamps each board and player with `changed_at`, whoever writes.
"""

import uuid
from typing import Any

from leaderboardapp.stores.rethinkdb.connection import Connection, r

SETUP_SECONDS = 60.0
# The namespace of RethinkDB's own r.uuid(text); read from its source, src/containers/uuid.cc.
UUID_NAMESPACE = uuid.UUID("91461c99-f89d-49d2-af96-d8e2e14e9b58")


def row_id(board: str, name: str) -> str:
    # Ids are 64 characters each at most, too long for a primary key (127 bytes) of both.
    return str(uuid.uuid5(UUID_NAMESPACE, f"{board}/{name}"))


def ensure(connection: Connection, db: str) -> None:
    if db not in connection.run(r.db_list()):
        connection.run(r.db_create(db))
    existing = connection.run(r.table_list())
    for name, indexes in TABLES.items():
        table = r.table(name)
        if name not in existing:
            connection.run(r.table_create(name))
        connection.run(table.wait(wait_for="ready_for_writes", timeout=SETUP_SECONDS))
        if "changed_at" in indexes:
            connection.run(table.set_write_hook(_stamp))
        for index in indexes.keys() - set(connection.run(table.index_list())):
            connection.run(table.index_create(index, indexes[index]))
        for index in RETIRED & set(connection.run(table.index_list())):
            connection.run(table.index_drop(index))
        connection.run(table.index_wait())


def _stamp(context: Any, _: Any, new: Any) -> Any:
    return r.branch(new.eq(None), None, new.merge({"changed_at": context["timestamp"]}))


def _field(name: str) -> Any:
    return lambda row: row[name]


# A row for which an index's function fails is not in the index.


def _ranked(sign: int) -> Any:
    def place(row: Any) -> Any:
        season = row["season"].default(1)
        key = [row["board"], season, row["score"] * sign, row["reached_at"], row["player"]]
        scored = row["scored"].default(True) if sign > 0 else True
        return r.branch(~_hidden(row) & scored, key, r.error("not ranked"))

    return place


def _hidden_on(row: Any) -> Any:
    return r.branch(_hidden(row), row["board"], r.error("not hidden"))


def _hidden(row: Any) -> Any:
    return row["hidden"].default(False)


RETIRED = {"ranked_desc", "ranked_asc"}  # indexes that earlier versions made

# Tables and their indexes.
TABLES: dict[str, dict[str, Any]] = {
    "boards": {"changed_at": _field("changed_at"), "ends_at": _field("ends_at")},
    "players": {
        "season_desc": _ranked(-1),
        "season_asc": _ranked(1),
        "hidden": _hidden_on,
        "changed_at": _field("changed_at"),
        "changed_on": lambda row: [row["board"], row["changed_at"]],
    },
    "deleted": {"changed_at": _field("changed_at")},
    "imports": {"board": _field("board")},
    "blocks": {
        "place": lambda row: r.expr([row["board"], row["season"], row["order"]]) + row["place"],
        "board": lambda row: [row["board"], row["number"]],
    },
    "seasons": {"board": lambda row: [row["board"], row["number"]]},
    "lease": {},
}
