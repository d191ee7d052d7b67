import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

from leaderboardapp.stores.sql.migrations.frozen.sqlite_triggers import (
    create_block_triggers,
    create_triggers,
    drop_block_triggers,
    drop_triggers,
)


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0003_settings_and_rankings"),
    ]

    operations = [
        # SQLite makes the tables anew for these columns, without their triggers.
        migrations.RunPython(drop_triggers, create_triggers),
        migrations.CreateModel(
            name="BlockRow",
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
                (
                    "place",
                    models.BigIntegerField(
                        help_text="the score, or its negative on a descending board"
                    ),
                ),
                ("reached_at", models.BigIntegerField()),
                ("player", models.CharField(max_length=64)),
                ("count", models.BigIntegerField()),
            ],
            options={
                "db_table": "block",
            },
        ),
        migrations.CreateModel(
            name="SeasonRow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "board_id",
                        "number",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
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
                ("number", models.PositiveIntegerField()),
                ("ended_at", models.CharField(max_length=20)),
                ("settings", models.JSONField()),
                ("players", models.JSONField()),
            ],
            options={
                "db_table": "season",
            },
        ),
        migrations.RemoveIndex(
            model_name="playerrow",
            name="ranked_desc",
        ),
        migrations.RemoveIndex(
            model_name="playerrow",
            name="ranked_asc",
        ),
        migrations.AddField(
            model_name="boardrow",
            name="ends_at",
            field=models.CharField(max_length=20, null=True),
        ),
        migrations.AddField(
            model_name="boardrow",
            name="schedule",
            field=models.CharField(max_length=10, null=True),
        ),
        migrations.AddField(
            model_name="boardrow",
            name="season",
            field=models.PositiveIntegerField(db_default=1),
        ),
        migrations.AddField(
            model_name="playerrow",
            name="negative",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.expressions.CombinedExpression(
                    models.F("score"), "*", models.Value(-1)
                ),
                output_field=models.BigIntegerField(),
            ),
        ),
        migrations.AddField(
            model_name="playerrow",
            name="season",
            field=models.PositiveIntegerField(db_default=1, help_text="that the score is of"),
        ),
        migrations.AddIndex(
            model_name="boardrow",
            index=models.Index(
                condition=models.Q(("ends_at", None), _negated=True), fields=["ends_at"], name="due"
            ),
        ),
        migrations.AddIndex(
            model_name="playerrow",
            index=models.Index(
                condition=models.Q(("hidden", False)),
                fields=["board", "season", "negative", "reached_at", "player"],
                name="ranked_desc",
            ),
        ),
        migrations.AddIndex(
            model_name="playerrow",
            index=models.Index(
                condition=models.Q(("hidden", False), ("scored", True)),
                fields=["board", "season", "score", "reached_at", "player"],
                name="ranked_asc",
            ),
        ),
        migrations.AddConstraint(
            model_name="blockrow",
            constraint=models.UniqueConstraint(
                fields=("board", "place", "reached_at", "player"), name="block_place"
            ),
        ),
        migrations.RunPython(create_triggers, drop_triggers),
        migrations.RunPython(create_block_triggers, drop_block_triggers),
    ]
