from django.db import migrations, models

from leaderboardapp.stores.sql.migrations.frozen import postgresql_triggers
from leaderboardapp.stores.sql.migrations.frozen.sqlite_triggers import (
    create_block_triggers,
    create_triggers,
    drop_block_triggers,
    drop_triggers,
)


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0005_emails_and_hidden"),
    ]

    operations = [
        # SQLite makes the table anew that the triggers write to.
        migrations.RunPython(drop_block_triggers, create_block_triggers),
        migrations.RunPython(drop_triggers, create_triggers),
        migrations.AddField(
            model_name="changerow",
            name="joined",
            field=models.JSONField(
                db_default=models.Value([], models.JSONField()),
                help_text="the newest players, by name",
            ),
        ),
        migrations.AlterField(
            model_name="changerow",
            name="seq",
            field=models.BigIntegerField(db_index=True),
        ),
        migrations.RunPython(create_triggers, drop_triggers),
        migrations.RunPython(create_block_triggers, drop_block_triggers),
        migrations.RunPython(
            postgresql_triggers.create_triggers, postgresql_triggers.drop_triggers
        ),
    ]
