"""Django's backend for PostgreSQL, with a limit to how long a connection waits for an answer."""

from functools import partial
from typing import Any, Self

from django.db.backends.postgresql import base
from django.db.backends.postgresql.schema import DatabaseSchemaEditor

ANSWER_SECONDS = 3.5


class SchemaEditor(DatabaseSchemaEditor):
    """Changes tables without the limit: an index of a large table takes its time."""

    def __enter__(self) -> Self:
        self.connection.ensure_connection()
        del self.connection.connection.wait
        return super().__enter__()

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)
        limit_waiting(self.connection.connection)


class DatabaseWrapper(base.DatabaseWrapper):
    """Connects with the limit, whoever in Django opens the connection."""

    SchemaEditorClass = SchemaEditor

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        return limit_waiting(super().get_new_connection(conn_params))


def limit_waiting(driver: Any) -> Any:
    """Return the driver's connection, which raises an error after ANSWER_SECONDS of waiting."""
    driver.wait = partial(type(driver).wait, driver, timeout=ANSWER_SECONDS)
    return driver
