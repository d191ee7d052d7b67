from django.db import migrations, models

from leaderboardapp.stores.sql.migrations.frozen import sqlite_archive
from leaderboardapp.stores.sql.migrations.frozen.longer_board_ids import lengthen, shorten
from leaderboardapp.stores.sql.migrations.frozen.sqlite_triggers import (
    create_triggers,
    drop_triggers,
)


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
    ]
