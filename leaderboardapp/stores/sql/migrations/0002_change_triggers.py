"""Triggers that number each board's newest change, whoever makes it."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

TRIGGER = """
CREATE TRIGGER {table}_{event} AFTER {event} ON "{table}" BEGIN
    INSERT INTO change (board, seq)
    VALUES ({row}.{column}, (SELECT coalesce(max(seq), 0) + 1 FROM change))
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq;
END
"""
TABLES = {"board": "id", "player": "board_id"}
EVENTS = {"insert": "NEW", "update": "NEW", "delete": "OLD"}


def create_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for table, column in TABLES.items():
        for event, row in EVENTS.items():
            schema_editor.execute(TRIGGER.format(table=table, column=column, event=event, row=row))


def drop_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for table in TABLES:
        for event in EVENTS:
            schema_editor.execute(f"DROP TRIGGER {table}_{event}")


class Migration(migrations.Migration):
    dependencies = [("store", "0001_initial")]
    operations = [migrations.RunPython(create_triggers, drop_triggers)]
