"""Room for the ids of windows, as migration 0012 makes it: a board's id, and what is appended.

Frozen: this module imports nothing of the service, and never changes."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# Columns with ids of boards, which are compared by their bytes.
COLUMNS = {
    "board": "id",
    "player": "board_id",
    "block": "board_id",
    "season": "board_id",
    "past": "board_id",
    "import": "board_id",
    "change": "board",
}


def lengthen(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _set_length(schema_editor, 80)


def shorten(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _set_length(schema_editor, 64)


def _set_length(schema_editor: BaseDatabaseSchemaEditor, length: int) -> None:
    if schema_editor.connection.vendor != "postgresql":  # SQLite does not hold texts to a length
        return
    for table, column in COLUMNS.items():
        schema_editor.execute(
            f'ALTER TABLE "{table}" ALTER COLUMN {column} TYPE varchar({length}) COLLATE "C"'
        )
