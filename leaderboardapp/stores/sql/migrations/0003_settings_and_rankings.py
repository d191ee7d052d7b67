from django.db import migrations, models

from leaderboardapp.stores.sql.migrations.frozen.sqlite_triggers import (
    create_triggers,
    drop_triggers,
)


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0002_change_triggers"),
    ]

    operations = [
        # SQLite makes the tables anew for these columns, without their triggers.
        migrations.RunPython(drop_triggers, create_triggers),
        migrations.RemoveIndex(
            model_name="playerrow",
            name="rank",
        ),
        migrations.AddField(
            model_name="boardrow",
            name="private",
            field=models.BooleanField(db_default=False),
        ),
        migrations.AddField(
            model_name="boardrow",
            name="max",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="boardrow",
            name="max_amount",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="boardrow",
            name="min",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="boardrow",
            name="order",
            field=models.CharField(db_default="desc", max_length=4),
        ),
        migrations.AddField(
            model_name="boardrow",
            name="ranking",
            field=models.CharField(db_default="ordinal", max_length=16),
        ),
        migrations.AddField(
            model_name="playerrow",
            name="hidden",
            field=models.BooleanField(db_default=False),
        ),
        migrations.AddField(
            model_name="playerrow",
            name="scored",
            field=models.BooleanField(db_default=True),
        ),
        migrations.AddIndex(
            model_name="playerrow",
            index=models.Index(
                condition=models.Q(("hidden", False)),
                fields=["board", "-score", "reached_at", "player"],
                name="ranked_desc",
            ),
        ),
        migrations.AddIndex(
            model_name="playerrow",
            index=models.Index(
                condition=models.Q(("hidden", False), ("scored", True)),
                fields=["board", "score", "reached_at", "player"],
                name="ranked_asc",
            ),
        ),
        migrations.RunPython(create_triggers, drop_triggers),
    ]
