from typing import Any

from django.db import migrations, models


def widen(apps: Any, schema_editor: Any) -> None:
    """Make room for an object. SQLite keeps a text of any length in the column that it has."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE board ALTER COLUMN schedule TYPE text")


def narrow(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE board ALTER COLUMN schedule TYPE varchar(10)")


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0012_windows"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(widen, narrow)],
            state_operations=[
                migrations.AlterField(
                    model_name="boardrow",
                    name="schedule",
                    field=models.TextField(null=True),
                )
            ],
        ),
    ]
