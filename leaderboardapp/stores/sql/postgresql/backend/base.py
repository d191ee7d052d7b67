"""Django's backend for PostgreSQL, with a limit to how long a connection waits for an answer, and
transactions whose first statements go to the server together."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Self

from django.db import transaction
from django.db.backends.postgresql import base
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from psycopg import Error, OperationalError

Rows = list[tuple[Any, ...]]

ANSWER_SECONDS = 3.5
LOOK_SECONDS = 0.1  # between two looks of a waiting thread, as psycopg does by itself


class SchemaEditor(DatabaseSchemaEditor):
    """Changes tables without the limit: an index of a large table takes its time."""

    def __enter__(self) -> Self:
        self.connection.ensure_connection()
        del self.connection.connection.wait
        return super().__enter__()

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)
        limit_silence(self.connection.connection)


class DatabaseWrapper(base.DatabaseWrapper):
    """Connects with the limit, whoever in Django opens the connection."""

    SchemaEditorClass = SchemaEditor
    _opening: tuple[str, Sequence[Any] | None] = ("", None)
    _opened: list[Rows]

    @contextmanager
    def open_transaction(self, sql: str, values: Sequence[Any]) -> Iterator[list[Rows]]:
        """Run the body in a transaction that begins with these statements. Yield the rows of each
        that has any."""
        self._opening = sql, values
        try:
            with transaction.atomic(self.alias):
                yield self._opened
        finally:
            self._opening = "", None

    def _start_transaction_under_autocommit(self) -> None:
        # Django calls this instead of having psycopg send BEGIN by itself, before each first
        # statement, and wait for the answer.
        sql, values = self._opening
        with self.wrap_database_errors:
            cursor = self.connection.cursor()
            try:
                cursor.execute(f"BEGIN ISOLATION LEVEL READ COMMITTED; {sql}", values)
                self._opened = [*_read_results(cursor)]
            except BaseException:  # Django ends only what has begun
                with suppress(Error):  # such as that the connection is gone, which is raised
                    self.connection.rollback()
                raise

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        return limit_silence(super().get_new_connection(conn_params))


def _read_results(cursor: Any) -> Iterator[Rows]:
    """Yield the rows of each statement that has any."""
    has_more = True
    while has_more:
        if cursor.description:
            yield cursor.fetchall()
        has_more = cursor.nextset()


def limit_silence(driver: Any) -> Any:
    """Return the driver's connection, which raises OperationalError when the server has said
    nothing for ANSWER_SECONDS of waiting."""
    wait = type(driver).wait

    def wait_for_answer(
        answer: Any, interval: float = LOOK_SECONDS, timeout: float | None = None
    ) -> Any:
        if timeout is None:
            answer = end_in_silence(answer, ANSWER_SECONDS / interval)
        return wait(driver, answer, interval, timeout)

    driver.wait = wait_for_answer
    return driver


def end_in_silence(answer: Any, looks: float) -> Generator[Any, Any, Any]:
    """Yield what `answer` waits for; raise OperationalError when so many looks in a row find
    nothing.

    Looks are counted and not time, because a busy process comes late to an answer that is there:
    with 200 threads at work in it, each step of reading may take a second."""
    silent = 0
    try:
        wanted = next(answer)
        while silent < looks:
            ready = yield wanted
            silent = 0 if ready else silent + 1
            wanted = answer.send(ready)
    except StopIteration as end:
        return end.value
    raise OperationalError(f"no answer within {ANSWER_SECONDS:g} s")
