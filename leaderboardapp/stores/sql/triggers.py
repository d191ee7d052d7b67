"""Triggers that number each board's newest change, whoever makes it."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

TRIGGER = """
CREATE TRIGGER {table}_{event} AFTER {when} ON "{table}" BEGIN
    INSERT INTO change (board, seq)
    VALUES ({row}.{column}, (SELECT coalesce(max(seq), 0) + 1 FROM change))
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq;
END
"""
TABLES = {"board": "id", "player": "board_id"}
EVENTS = [
    ("insert", "INSERT", "NEW"),
    ("update", "UPDATE", "NEW"),
    ("delete", "DELETE", "OLD"),
    ("move", "UPDATE OF {column}", "OLD"),  # the board that a row leaves has changed, too
]


def create_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for table, column in TABLES.items():
        for event, when, row in EVENTS:
            names = {"table": table, "column": column, "event": event, "row": row}
            schema_editor.execute(TRIGGER.format(when=when.format(column=column), **names))


def drop_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for table in TABLES:
        for event, _, _ in EVENTS:
            schema_editor.execute(f"DROP TRIGGER {table}_{event}")
