from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from leaderboardapp.stores.sql.migrations.frozen.sqlite_triggers import (
    create_triggers,
    drop_triggers,
)


def create_lease(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the lease's table, which 0001 did not have at first."""
    lease = apps.get_model("store", "LeaseRow")
    if lease._meta.db_table not in schema_editor.connection.introspection.table_names():
        schema_editor.create_model(lease)


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0002_change_triggers"),
    ]

    operations = [
        migrations.RunPython(create_lease, migrations.RunPython.noop),
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
