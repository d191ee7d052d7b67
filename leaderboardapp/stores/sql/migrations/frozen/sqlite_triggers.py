"""SQLite's triggers, as migrations 0002 to 0006 make them. Whichever program writes, they number
each board's newest change, and keep the counts of rank blocks.

Frozen: this module imports nothing of the service, and never changes. For other triggers, write a
new module beside it, and a migration that replaces these. (postgresql_triggers.py has those of
PostgreSQL.)"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

MAX_JOINED = 5
NEXT = "(SELECT coalesce(max(seq), 0) + 1 FROM change)"
TRIGGER = """
CREATE TRIGGER {table}_{event} AFTER {when} ON "{table}" BEGIN
    INSERT INTO change (board, seq) VALUES ({row}.{column}, {next})
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq;
    {then}
END
"""
JOINED = f"""
    UPDATE change SET joined = json_insert(
        CASE WHEN json_array_length(joined) < {MAX_JOINED} THEN joined
            ELSE json_remove(joined, '$[0]') END,
        '$[#]',
        json_object('id', NEW.player, 'name', NEW.name, 'score', NEW.score, 'seq', seq)
    )
    WHERE board = NEW.board_id AND NOT NEW.hidden;
"""
TABLES = {"board": "id", "player": "board_id"}
EVENTS = [
    ("insert", "INSERT", "NEW"),
    ("update", "UPDATE", "NEW"),
    ("delete", "DELETE", "OLD"),
    ("move", "UPDATE OF {column}", "OLD"),  # the board that a row leaves has changed, too
]


def create_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor != "sqlite":
        return
    for table, column in TABLES.items():
        for event, when, row in EVENTS:
            names = {"table": table, "column": column, "event": event, "row": row, "next": NEXT}
            then = JOINED if (table, event) == ("player", "insert") else ""
            schema_editor.execute(
                TRIGGER.format(when=when.format(column=column), then=then, **names)
            )


def drop_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor != "sqlite":
        return
    for table in TABLES:
        for event, _, _ in EVENTS:
            # The version that landed first had none for rows that move.
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_{event}")


# Select the block in which a row counts, with the number to add to its count. Nothing for a row
# that is not ranked, or with dense ranking if another player has the same score.
COUNTED = """
SELECT (
    SELECT block.id FROM block
    WHERE block.board_id = board.id
        AND (block.place, block.reached_at, block.player)
            <= (CASE board."order" WHEN 'asc' THEN {row}.score ELSE -{row}.score END,
                {row}.reached_at, {row}.player)
    ORDER BY block.place DESC, block.reached_at DESC, block.player DESC LIMIT 1
) AS id, {delta} AS delta
FROM board
WHERE board.id = {row}.board_id AND board.season = {row}.season AND NOT {row}.hidden
    AND (board."order" = 'desc' OR {row}.scored)
    AND (board.ranking <> 'dense' OR NOT EXISTS (
        SELECT 1 FROM player
        WHERE board."order" = 'desc' AND NOT player.hidden
            AND player.board_id = {row}.board_id AND player.season = {row}.season
            AND player.negative = -{row}.score
            AND (player.board_id, player.player) NOT IN (VALUES {selves})
        UNION ALL
        SELECT 1 FROM player
        WHERE board."order" = 'asc' AND NOT player.hidden AND player.scored
            AND player.board_id = {row}.board_id AND player.season = {row}.season
            AND player.score = {row}.score
            AND (player.board_id, player.player) NOT IN (VALUES {selves})
    ))
"""
COUNT = """
CREATE TRIGGER block_{event} AFTER {when} ON player BEGIN
    UPDATE block SET count = block.count + moved.delta
    FROM (
        SELECT id, sum(delta) AS delta FROM ({rows})
        WHERE id IS NOT NULL GROUP BY id HAVING sum(delta) <> 0
    ) AS moved
    WHERE block.id = moved.id;
END
"""
RANKED_BY = "board_id, player, season, score, reached_at, hidden, scored"
OLD, NEW = "(OLD.board_id, OLD.player)", "(NEW.board_id, NEW.player)"
ENTERS = COUNTED.format(row="NEW", delta=1, selves="{selves}")
LEAVES = COUNTED.format(row="OLD", delta=-1, selves="{selves}")
COUNTS = {
    "insert": ("INSERT", ENTERS, NEW),
    "update": (f"UPDATE OF {RANKED_BY}", f"{LEAVES} UNION ALL {ENTERS}", f"{OLD}, {NEW}"),
    "delete": ("DELETE", LEAVES, OLD),
}
# The board ranks other players, or in another order, so all blocks are counted anew.
FORGET = """
CREATE TRIGGER block_forget AFTER UPDATE OF "order", ranking, season ON board
WHEN NEW."order" <> OLD."order" OR NEW.ranking <> OLD.ranking OR NEW.season <> OLD.season
BEGIN
    DELETE FROM block WHERE board_id = NEW.id;
END
"""


def create_block_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor != "sqlite":
        return
    for event, (when, rows, selves) in COUNTS.items():
        rows = rows.format(selves=selves)
        schema_editor.execute(COUNT.format(event=event, when=when, rows=rows))
    schema_editor.execute(FORGET)


def drop_block_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor != "sqlite":
        return
    for event in (*COUNTS, "forget"):
        schema_editor.execute(f"DROP TRIGGER block_{event}")
