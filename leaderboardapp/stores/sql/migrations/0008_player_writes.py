from django.db import migrations, models

from leaderboardapp.stores.sql.migrations.frozen.sqlite_triggers import (
    create_block_triggers,
    create_triggers,
    drop_block_triggers,
    drop_triggers,
)


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0007_messages"),
    ]

    operations = [
        # SQLite makes the board's table anew for its column, without the triggers.
        migrations.RunPython(drop_block_triggers, create_block_triggers),
        migrations.RunPython(drop_triggers, create_triggers),
        migrations.AddField(
            model_name="boardrow",
            name="player_writes",
            field=models.CharField(db_default="none", max_length=4),
        ),
        migrations.RunPython(create_triggers, drop_triggers),
        migrations.RunPython(create_block_triggers, drop_block_triggers),
    ]
