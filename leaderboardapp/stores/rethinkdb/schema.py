"""The tables, their indexes and their write hooks.

    boards      the boards
    players     a player's key is the UUID that `r.uuid("<board>/<player>")` gives in the console
    emails      an address of a player: its holder
    imports     how far each import has come, and how far the service is made from a copy
    deleted     when a board, or a player of it, was last deleted, and how often
    seasons     past seasons
    past        players of past seasons (archives.py)
    search      by which texts players are found (search.py)
    blocks      rank blocks, one document a board; and one a past season
    topics      a topic's last message
    tickets     tickets that were used
    lease       one document: the active listeners

A write hook runs in the server, whoever writes. It stamps boards, players and deletions with
`changed_at`. A player also gets `desc_keys` and `asc_keys`: first its key in the index of each
order, null where it is not ranked. A player who is carried over keeps what it had in the season
before, in the list `unarchived`, until it is in the table of past players. The keys of that come
next, so the player's place in that season stays where it is.

An index's function is run for each document that is read. Those of the orders therefore only take
the key that the write hook has made.
"""

import uuid
from typing import Any

from leaderboardapp.domain.parts import UUID_NAMESPACE
from leaderboardapp.domain.types import BOARD_DEFAULTS
from leaderboardapp.stores.rethinkdb.address import Address
from leaderboardapp.stores.rethinkdb.connection import Connection, r
from leaderboardapp.stores.rethinkdb.placement import (
    Placement,
    count_servers,
    place_tables,
    plan_table,
)
from leaderboardapp.stores.rethinkdb.sort_keys import FIRST_KEY, LAST_KEY

SETUP_SECONDS = 60.0
REWRITTEN_AT_ONCE = 500  # documents in one query
TOPS_AT_ONCE = 50  # seasons
# Fields of players that only the server reads; and all that no row has.
KEY_FIELDS = {"desc": "desc_keys", "asc": "asc_keys"}  # by order
EARLIER_FIELDS = ("desc", "asc", "past")  # that an earlier version wrote
SERVER_FIELDS = (
    *("keys", "key_times", "batches", "changed_at", "place", "unarchived"),
    *KEY_FIELDS.values(),
    *EARLIER_FIELDS,
)
INTERNAL_FIELDS = (*SERVER_FIELDS, "email")
ARCHIVED_FIELDS = ("player", "name", "score", "reached_at", "scored", "data")


def archived_id(board: str, season: int, player: str) -> str:
    """Return the primary key of a player of a past season."""
    return row_id(board, f"{season}/{player}")


def blocks_id(board: str, season: int) -> str:
    """Return the primary key of the rank blocks of a past season."""
    return f"{board}/{season}"


def row_id(board: str, name: str) -> str:
    """Return the primary key of what has this name on the board, such as a player."""
    # Ids are 64 characters each at most, too long for a primary key (127 bytes) of both.
    return str(uuid.uuid5(UUID_NAMESPACE, f"{board}/{name}"))


def ensure_schema(connection: Connection, address: Address) -> None:
    """Create the database, tables, indexes and write hooks that are missing. Safe to repeat."""
    db = address.login["db"]
    if db not in connection.run(r.db_list()):
        connection.run(r.db_create(db))
    servers = count_servers(connection, address)
    _create_tables(connection, address, servers)
    place_tables(connection, address, servers, TABLES)
    for name, indexes in TABLES.items():
        table = r.table(name)
        connection.run(table.wait(wait_for="ready_for_writes", timeout=SETUP_SECONDS))
        if name in WRITE_HOOKS:
            _set_write_hook(connection, name)
        for index in indexes.keys() - set(connection.run(table.index_list())):
            connection.run(_create_index(table, name, index))
    for name, indexes in TABLES.items():
        table = r.table(name)
        retired = RETIRED_INDEXES & set(connection.run(table.index_list())) - indexes.keys()
        if retired and name != "past":  # which only loses an index
            _upgrade_documents(connection, name)
        for index in retired:  # last, so that a setup that was cut short is done again
            connection.run(table.index_drop(index))
        connection.run(table.index_wait())
    _make_multiple(connection)
    archive_tops(connection)


def _set_write_hook(connection: Connection, name: str) -> None:
    """Set a table's write hook. If there was none, because somebody has called `reconfigure`, which
    drops it (2.4.4), all documents are written again."""
    table = r.table(name)
    was_lost = connection.run(table.get_write_hook()) is None
    indexes = connection.run(table.index_status())
    is_single = any((name, one["index"]) in MULTIPLE and not one["multi"] for one in indexes)
    hook = _build_player_hook(with_single_keys=True) if is_single else WRITE_HOOKS[name]
    connection.run(table.set_write_hook(hook))
    if was_lost:
        _upgrade_documents(connection, name)


def _create_index(table: Any, name: str, index: str, as_name: str = "") -> Any:
    multi = (name, index) in MULTIPLE
    return table.index_create(as_name or index, TABLES[name][index], multi=multi)


def _make_multiple(connection: Connection) -> None:
    """Replace the indexes of the orders that an earlier version made, of one key for a player.
    Until then they are read, and the write hook keeps their keys."""
    for name, index in MULTIPLE:
        table, new = r.table(name), f"{index}_of_all_seasons"
        [status] = connection.run(table.index_status(index))
        if not status["multi"]:
            if new not in connection.run(table.index_list()):
                connection.run(_create_index(table, name, index, new))
            _upgrade_documents(connection, name)
            connection.run(table.index_wait(new))
            connection.run(table.index_rename(new, index, overwrite=True))
            _set_write_hook(connection, name)


def archive_tops(connection: Connection) -> None:
    """Make archives of the seasons that an earlier version has recorded with their tops only.

    A board that has more of them than are kept by default keeps all."""
    tops = r.table("seasons").has_fields("players")
    boards: set[str] = set()
    while rows := connection.run(tops.limit(TOPS_AT_ONCE)):
        players = [document for row in rows for document in _list_top(row)]
        # A player who is there may have been erased since.
        keep = {"conflict": lambda _, old, __: old}
        connection.run(r.table("past").insert(players, **keep))
        connection.run(r.table("blocks").insert([_top_blocks(row) for row in rows], **keep))
        marked = {"complete": True, "top_only": True}
        for row in rows:
            season = {name: value for name, value in row.items() if name != "players"}
            connection.run(r.table("seasons").get(row["id"]).replace({**season, **marked}))
        boards |= {row["board"] for row in rows}
    for board in boards:
        seasons = r.table("seasons").between([board, r.minval], [board, r.maxval], index="board")
        if connection.run(seasons.count()) > BOARD_DEFAULTS["keep_seasons"]:
            connection.run(r.table("boards").get(board).update({"keep_seasons": None}))


def _list_top(season: Any) -> list[Any]:
    """Return the documents of the players of a recorded top."""
    board, number = season["board"], season["number"]
    sign = 1 if season["settings"].get("order") == "asc" else -1
    return [
        {
            **{field: row[field] for field in ARCHIVED_FIELDS if field in row},
            "id": archived_id(board, number, row["id"]),
            "board": board,
            "season": number,
            "player": row["id"],
            "place": [board, number, sign * row["score"], row["reached_at"], row["id"]],
        }
        for row in season["players"]
    ]


def _top_blocks(season: Any) -> Any:
    """Return the rank blocks of a recorded top: how many its ranks counted is not known."""
    id = blocks_id(season["board"], season["number"])
    counts = {"places": [FIRST_KEY], "before": [0], "scores": [0], "of": None}
    return {"id": id, "board": season["board"], "upto": LAST_KEY, "since": 0, "bound": 0, **counts}


def _create_tables(connection: Connection, address: Address, servers: int) -> None:
    def create(name: str) -> Any:
        placement = plan_table(address, servers, name, Placement(shards=1, replicas=1))
        return r.table_create(name, **placement._asdict())

    # All at once, because the server spends most of the time that a table takes waiting.
    connection.run_concurrently(map(create, _list_missing_tables(connection)))
    for name in _list_missing_tables(connection):
        connection.run(create(name))  # raises the reason


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


def _build_player_hook(*, with_single_keys: bool = False) -> Any:
    """Build the write hook of players. `with_single_keys` is for the indexes that an earlier
    version made, for as long as they are read.

    The server compiles a hook for each write, which takes longer than most of its work. So it has
    as few terms as may be: what is used twice is a variable."""

    def build_keys(new: Any, season: Any) -> Any:
        # A malformed document must be writable, and not ranked. Nothing else is asked of it.
        score = new["score"]
        is_number = score.default(None).type_of().eq("NUMBER")
        keys = r.expr([0 - score, score]).map(
            lambda key: [new["board"], season, key, new["reached_at"], new["player"]]
        )
        return r.branch(is_number & ~new["hidden"].default(False), keys, None).default(None)

    def write(context: Any, new: Any, keys: Any, kept: Any) -> Any:
        asc = r.branch(new["scored"].default(True), keys[1], None)
        own = {"desc": keys[0].default(None), "asc": asc.default(None)}
        all_keys = {name: kept[order].prepend(own[order]) for order, name in KEY_FIELDS.items()}
        return new.without("archived", *EARLIER_FIELDS).merge(
            {"changed_at": context["timestamp"], **all_keys},
            own if with_single_keys else {},
            r.branch(kept.is_empty(), {}, {"unarchived": kept}),
        )

    def hook(context: Any, old: Any, new: Any) -> Any:
        written = r.do(
            new["season"].default(1),
            old["season"].default(1),
            new["unarchived"].default([]),
            lambda season, was_in, kept: r.do(
                build_keys(new, season),
                r.branch(
                    (season > was_in) & _must_keep(old, new, was_in),
                    kept.append(_keep(old, was_in)),
                    kept,
                ),
                lambda keys, kept: write(context, new, keys, kept),
            ),
        )
        return r.branch(new.eq(None), None, written)

    return hook


def _must_keep(old: Any, new: Any, season: Any) -> Any:
    """Return, as ReQL, whether the player was ranked in the ended season, and the write does not
    say that this is `archived`."""
    # Only if the player was ranked: another document may lack fields.
    was_ranked = old["desc_keys"][0].default(None).ne(None)
    return was_ranked & new["archived"].default(None).ne(season)


def _keep(old: Any, season: Any) -> Any:
    """Return, as ReQL, what the player had in the ended season."""
    keys = {order: old[name][0] for order, name in KEY_FIELDS.items()}
    own = {"season": season, "scored": old["scored"].default(True)}
    return old.pluck(*ARCHIVED_FIELDS).merge({**own, **keys})


def _take_field(name: str) -> Any:
    return lambda row: row[name]


WRITE_HOOKS = {
    "boards": _set_changed_at,
    "players": _build_player_hook(),
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
    "player",
}

# Tables and their indexes. A document is not in an index whose function fails or returns null.
TABLES: dict[str, dict[str, Any]] = {
    "boards": {"changed_at": _take_field("changed_at"), "ends_at": _take_field("ends_at")},
    "players": {
        "desc": _take_field("desc_keys"),
        "asc": _take_field("asc_keys"),
        "changed_at": _take_field("changed_at"),
        "changed_on": lambda row: [row["board"], row["changed_at"]],
        "hidden_on": lambda row: r.branch(row["hidden"], [row["board"], row["player"]], None),
    },
    "deleted": {"changed_at": _take_field("changed_at")},
    "imports": {"board": _take_field("board")},
    "emails": {"board": _take_field("board")},
    "blocks": {},
    "seasons": {
        "board": lambda row: [row["board"], row["number"]],
        "unfinished": lambda row: r.branch(row["complete"], None, [row["board"], row["number"]]),
    },
    "past": {"place": _take_field("place")},
    "search": {
        "name_key": lambda row: [row["board"], row["hidden"], row["name_key"], row["player"]],
        "id_key": lambda row: [row["board"], row["hidden"], row["id_key"], row["player"]],
        "newest": lambda row: [row["board"], row["hidden"], row["newest"], row["player"]],
        "player": lambda row: [row["player"], row["board"]],  # the boards of a person
    },
    "lease": {},
    "topics": {"at": _take_field("at")},
    "tickets": {"used_at": _take_field("used_at")},
}
# Indexes in which a document may have several keys.
MULTIPLE = (("players", "desc"), ("players", "asc"))
