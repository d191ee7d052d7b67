from django.db import migrations, models

from leaderboardapp.stores.sql.migrations.frozen.sqlite_triggers import (
    create_block_triggers,
    create_triggers,
    drop_block_triggers,
    drop_triggers,
)


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0008_player_writes"),
    ]

    operations = [
        # Without a default, so that no database writes its players anew.
        migrations.AddField(
            model_name="playerrow",
            name="data",
            field=models.TextField(help_text="JSON; null for none", null=True),
        ),
        # SQLite makes the board's table anew for its columns, without the triggers.
        migrations.RunPython(drop_block_triggers, create_block_triggers),
        migrations.RunPython(drop_triggers, create_triggers),
        migrations.AddField(
            model_name="boardrow",
            name="show",
            field=models.JSONField(db_default=models.Value([], models.JSONField())),
        ),
        migrations.AddField(
            model_name="boardrow",
            name="format",
            field=models.JSONField(db_default=models.Value({"type": "points"}, models.JSONField())),
        ),
        migrations.RunPython(create_triggers, drop_triggers),
        migrations.RunPython(create_block_triggers, drop_block_triggers),
    ]
