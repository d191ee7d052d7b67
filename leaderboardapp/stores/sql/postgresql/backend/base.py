"""Django's backend for PostgreSQL, whose connections wait for an answer only so long."""

from functools import partial
from typing import Any, Self

from django.db.backends.postgresql import base
from django.db.backends.postgresql.schema import DatabaseSchemaEditor

ANSWER_SECONDS = 3.5


class SchemaEditor(DatabaseSchemaEditor):
    """Without a limit: an index of a large table takes its time."""

    def __enter__(self) -> Self:
        self.connection.ensure_connection()
        del self.connection.connection.wait
        return super().__enter__()

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)
        limit(self.connection.connection)


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = SchemaEditor

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        return limit(super().get_new_connection(conn_params))


def limit(driver: Any) -> Any:
    driver.wait = partial(type(driver).wait, driver, timeout=ANSWER_SECONDS)
    return driver
