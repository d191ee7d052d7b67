from typing import Any

from django.db import migrations, models


def compare_bytes(apps: Any, schema_editor: Any) -> None:
    """Compare the texts by their bytes, as SQLite does. The players who are there are filled in by
    `ensure_store`."""
    if schema_editor.connection.vendor == "postgresql":
        for column, length in (("board", 64), ("player", 64), ("name_key", 100), ("id_key", 64)):
            schema_editor.execute(
                f'ALTER TABLE search ALTER COLUMN {column} TYPE varchar({length}) COLLATE "C"'
            )


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0015_parts"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchRow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "board",
                        "player",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("board", models.CharField(max_length=64)),
                ("player", models.CharField(max_length=64)),
                ("name_key", models.CharField(max_length=100)),
                ("id_key", models.CharField(max_length=64)),
                ("hidden", models.BooleanField()),
                (
                    "newest",
                    models.BigIntegerField(
                        help_text="of a board: the negative of when it was created, or 0", null=True
                    ),
                ),
            ],
            options={
                "db_table": "search",
                "indexes": [
                    models.Index(
                        fields=["board", "hidden", "name_key", "player"], name="search_name"
                    ),
                    models.Index(fields=["board", "hidden", "id_key", "player"], name="search_id"),
                    models.Index(
                        condition=models.Q(("newest", None), _negated=True),
                        fields=["board", "hidden", "newest", "player"],
                        name="search_newest",
                    ),
                ],
            },
        ),
        migrations.RunPython(compare_bytes, migrations.RunPython.noop),
    ]
