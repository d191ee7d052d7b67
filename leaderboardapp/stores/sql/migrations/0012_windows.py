from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from leaderboardapp.stores.sql.migrations.frozen import sqlite_archive
from leaderboardapp.stores.sql.migrations.frozen.longer_board_ids import lengthen, shorten
from leaderboardapp.stores.sql.migrations.frozen.sqlite_triggers import (
    create_triggers,
    drop_triggers,
)


def delete_windows(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Delete windows, which would be boards of an earlier version that no address reaches."""
    if schema_editor.connection.vendor == "postgresql":
        # It alters no table in a transaction that has yet to look for rows without their board.
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    apps.get_model("store", "BoardRow").objects.filter(id__contains="~").delete()
    apps.get_model("store", "ChangeRow").objects.filter(board__contains="~").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0011_archive"),
    ]

    operations = [
        # SQLite makes the board's table anew for its column, without the triggers.
        migrations.RunPython(sqlite_archive.drop_triggers, sqlite_archive.create_triggers),
        migrations.RunPython(drop_triggers, create_triggers),
        migrations.AddField(
            model_name="boardrow",
            name="windows",
            field=models.JSONField(db_default=models.Value([], models.JSONField())),
        ),
        migrations.AddField(
            model_name="boardrow",
            name="since",
            field=models.CharField(max_length=20, null=True),
        ),
        migrations.RunPython(create_triggers, drop_triggers),
        migrations.RunPython(sqlite_archive.create_triggers, sqlite_archive.drop_triggers),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(lengthen, shorten)],
            state_operations=[
                migrations.AlterField(
                    model_name="boardrow",
                    name="id",
                    field=models.CharField(max_length=80, primary_key=True, serialize=False),
                ),
                migrations.AlterField(
                    model_name="changerow",
                    name="board",
                    field=models.CharField(max_length=80, primary_key=True, serialize=False),
                ),
            ],
        ),
        migrations.RunPython(migrations.RunPython.noop, delete_windows),
    ]
