from django.db import migrations, models

from leaderboardapp.stores.sql.migrations.frozen.sqlite_triggers import (
    create_block_triggers,
    create_triggers,
    drop_block_triggers,
    drop_triggers,
)


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0004_seasons_and_blocks"),
    ]

    operations = [
        # SQLite makes the board's table anew for its column, without the triggers.
        migrations.RunPython(drop_block_triggers, create_block_triggers),
        migrations.RunPython(drop_triggers, create_triggers),
        migrations.AddField(
            model_name="boardrow",
            name="ask_email",
            field=models.BooleanField(db_default=False),
        ),
        migrations.AddField(
            model_name="playerrow",
            name="email",
            field=models.CharField(max_length=254, null=True),
        ),
        migrations.AddConstraint(
            model_name="playerrow",
            constraint=models.UniqueConstraint(
                condition=models.Q(("email", None), _negated=True),
                fields=("board", "email"),
                name="email",
            ),
        ),
        migrations.AddIndex(
            model_name="playerrow",
            index=models.Index(
                condition=models.Q(("hidden", True)), fields=["board", "player"], name="hidden"
            ),
        ),
        migrations.RunPython(create_triggers, drop_triggers),
        migrations.RunPython(create_block_triggers, drop_block_triggers),
    ]
