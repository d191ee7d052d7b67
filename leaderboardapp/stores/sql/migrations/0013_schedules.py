from typing import Any

from django.db import migrations, models


def widen(apps: Any, schema_editor: Any) -> None:
    """Make room for an object. SQLite keeps a text of any length in the column that it has.

    An earlier version keeps the room, and the objects in it, so there is nothing to undo."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE board ALTER COLUMN schedule TYPE text")


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0012_windows"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(widen, migrations.RunPython.noop)],
            state_operations=[
                migrations.AlterField(
                    model_name="boardrow",
                    name="schedule",
                    field=models.TextField(null=True),
                )
            ],
        ),
    ]
