"""The tables, their indexes and their write hooks.

    boards      the boards
    players     a player's key is the UUID that `r.uuid("<board>/<player>")` gives in the console
    emails      an address of a player: its holder
    imports     how far each import has come
    deleted     when a board, or a player of it, was last deleted, and how often
    seasons     past seasons with their final tops
    blocks      rank blocks, one document a board
    topics      a topic's last message
    tickets     tickets that were used
    lease       one document: the active listener

A write hook runs in the server, whoever writes. It stamps boards, players and deletions with
`changed_at`. A player also gets `desc` and `asc`, its key in the index of each order, or null where
it is not ranked. A player who is carried over gets `past`: what it had in the season before.

An index's function is run for each document that is read. Those of the orders therefore only take
the key that the write hook has made.
"""

import uuid
from typing import Any

from leaderboardapp.stores.rethinkdb.connection import Connection, r

SETUP_SECONDS = 60.0
REWRITTEN_AT_ONCE = 500  # documents in one query
# Fields of players that only the server reads; and all that no row has.
SERVER_FIELDS = ("keys", "key_times", "batches", "changed_at", "desc", "asc", "past")
INTERNAL_FIELDS = (*SERVER_FIELDS, "email")
# The namespace of RethinkDB's own r.uuid(text); read from its source, src/containers/uuid.cc.
UUID_NAMESPACE = uuid.UUID("91461c99-f89d-49d2-af96-d8e2e14e9b58")


def row_id(board: str, name: str) -> str:
    """Return the primary key of what has this name on the board, such as a player."""
    # Ids are 64 characters each at most, too long for a primary key (127 bytes) of both.
    return str(uuid.uuid5(UUID_NAMESPACE, f"{board}/{name}"))


def ensure_schema(connection: Connection, db: str) -> None:
    """Create the database, tables, indexes and write hooks that are missing. Safe to repeat."""
    if db not in connection.run(r.db_list()):
        connection.run(r.db_create(db))
    _create_tables(connection)
    for name, indexes in TABLES.items():
        table = r.table(name)
        connection.run(table.wait(wait_for="ready_for_writes", timeout=SETUP_SECONDS))
        if name in WRITE_HOOKS:
            connection.run(table.set_write_hook(WRITE_HOOKS[name]))
        for index in indexes.keys() - set(connection.run(table.index_list())):
            connection.run(table.index_create(index, indexes[index]))
    for name, indexes in TABLES.items():
        table = r.table(name)
        retired = RETIRED_INDEXES & set(connection.run(table.index_list())) - indexes.keys()
        if retired:
            _upgrade_documents(connection, name)
        for index in retired:  # last, so that a setup that was cut short is done again
            connection.run(table.index_drop(index))
        connection.run(table.index_wait())


def _create_tables(connection: Connection) -> None:
    # All at once, because the server spends most of the time that a table takes waiting.
    missing = _list_missing_tables(connection)
    connection.run_concurrently(r.table_create(name) for name in missing)
    for name in _list_missing_tables(connection):
        connection.run(r.table_create(name))  # raises the reason


def _list_missing_tables(connection: Connection) -> set[str]:
    return TABLES.keys() - set(connection.run(r.table_list()))


def _upgrade_documents(connection: Connection, name: str) -> None:
    """Update each document that an earlier version wrote, so that the write hook sees it. Rank
    blocks are deleted instead, because they are made anew."""
    table = r.table(name)
    if name == "blocks":
        connection.run(table.delete())
        return
    last = r.minval
    while True:
        rest = table.between(last, r.maxval, left_bound="open").order_by(index="id")
        keys = connection.run(rest.limit(REWRITTEN_AT_ONCE)["id"])
        if not keys:
            return
        connection.run(table.get_all(*keys).update({}))
        last = keys[-1]


def _set_changed_at(context: Any, _: Any, new: Any) -> Any:
    return r.branch(new.eq(None), None, new.merge({"changed_at": context["timestamp"]}))


def _set_changed_at_and_keys(context: Any, old: Any, new: Any) -> Any:
    def change(season: Any, score: Any) -> Any:
        # A malformed document must be writable, and not ranked. Nothing else is asked of it.
        ranked = score.type_of().eq("NUMBER") & ~new["hidden"].default(False)

        def build_key(score: Any) -> Any:
            key = [new["board"], season, score, new["reached_at"], new["player"]]
            return r.expr(key).default(None)

        fields = {
            "changed_at": context["timestamp"],
            "desc": r.branch(ranked, build_key(0 - score), None),
            "asc": r.branch(ranked & new["scored"].default(True), build_key(score), None),
        }
        was_in = old["season"].default(1)
        past = {"season": was_in, "scored": old["scored"].default(True)}
        # Only if the player was ranked: another document may lack fields.
        carried_over = (season > was_in) & old["desc"].default(None).ne(None)
        moved = r.branch(carried_over, {"past": old.pluck("score", "reached_at").merge(past)}, {})
        return new.merge(fields, moved)

    written = r.do(new["season"].default(1), new["score"].default(None), change)
    return r.branch(new.eq(None), None, written)


def _take_field(name: str) -> Any:
    return lambda row: row[name]


WRITE_HOOKS = {
    "boards": _set_changed_at,
    "players": _set_changed_at_and_keys,
    "deleted": _set_changed_at,
}

# Indexes of earlier versions, now dropped.
RETIRED_INDEXES = {
    "ranked_desc",
    "ranked_asc",
    "season_desc",
    "season_asc",
    "hidden",
    "place",
    "board",
}

# Tables and their indexes. A document is not in an index whose function fails or returns null.
TABLES: dict[str, dict[str, Any]] = {
    "boards": {"changed_at": _take_field("changed_at"), "ends_at": _take_field("ends_at")},
    "players": {
        "desc": _take_field("desc"),
        "asc": _take_field("asc"),
        "changed_at": _take_field("changed_at"),
        "changed_on": lambda row: [row["board"], row["changed_at"]],
        "hidden_on": lambda row: r.branch(row["hidden"], [row["board"], row["player"]], None),
    },
    "deleted": {"changed_at": _take_field("changed_at")},
    "imports": {"board": _take_field("board")},
    "emails": {"board": _take_field("board")},
    "blocks": {},
    "seasons": {"board": lambda row: [row["board"], row["number"]]},
    "lease": {},
    "topics": {"at": _take_field("at")},
    "tickets": {"used_at": _take_field("used_at")},
}
