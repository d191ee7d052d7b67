import django.db.models.deletion
from django.db import migrations, models

from leaderboardapp.stores.sql.migrations.frozen import (
    postgresql_archive,
    sqlite_archive,
    tops,
)
from leaderboardapp.stores.sql.migrations.frozen.sqlite_triggers import (
    create_block_triggers,
    create_triggers,
    drop_block_triggers,
    drop_triggers,
)


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0010_tickets"),
    ]

    operations = [
        # SQLite makes the board's table anew for its column, without the triggers.
        migrations.RunPython(drop_block_triggers, create_block_triggers),
        migrations.RunPython(drop_triggers, create_triggers),
        migrations.AddField(
            model_name="boardrow",
            name="keep_seasons",
            field=models.PositiveIntegerField(db_default=12, null=True),
        ),
        migrations.AddField(
            model_name="seasonrow",
            name="archive",
            field=models.CharField(
                db_default="top",
                help_text="who is in PastRow: the top only, those who are carried over, or all",
                max_length=6,
            ),
        ),
        migrations.AddIndex(
            model_name="seasonrow",
            index=models.Index(
                condition=models.Q(("archive", "moving")), fields=["board"], name="moving"
            ),
        ),
        migrations.RemoveConstraint(model_name="blockrow", name="block_place"),
        migrations.AddField(
            model_name="blockrow",
            name="season",
            field=models.PositiveIntegerField(db_default=1),
        ),
        migrations.AddConstraint(
            model_name="blockrow",
            constraint=models.UniqueConstraint(
                fields=("board", "season", "place", "reached_at", "player"), name="block_place"
            ),
        ),
        migrations.CreateModel(
            name="PastRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "board",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="store.boardrow",
                    ),
                ),
                ("season", models.PositiveIntegerField()),
                ("player", models.CharField(help_text="longer than an id if erased")),
                ("name", models.CharField(max_length=100)),
                ("score", models.BigIntegerField()),
                (
                    "place",
                    models.BigIntegerField(help_text="the sort key, by the order of the season"),
                ),
                ("reached_at", models.BigIntegerField()),
                ("scored", models.BooleanField()),
                ("data", models.TextField(null=True)),
            ],
            options={
                "db_table": "past",
            },
        ),
        migrations.RunPython(postgresql_archive.compare_by_bytes, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="pastrow",
            index=models.Index(fields=["board", "player", "season"], name="past_player"),
        ),
        migrations.AddIndex(
            model_name="pastrow",
            index=models.Index(
                fields=["board", "season", "place", "reached_at", "player"], name="past_ranked"
            ),
        ),
        migrations.RunPython(create_triggers, drop_triggers),
        migrations.RunPython(sqlite_archive.create_triggers, sqlite_archive.drop_triggers),
        migrations.RunPython(postgresql_archive.create_triggers, postgresql_archive.drop_triggers),
        migrations.RunPython(tops.keep_tops, tops.forget_archives),
    ]
