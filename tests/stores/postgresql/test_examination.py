"""What the examination says of other sessions of the server."""

from collections.abc import Iterator

import psycopg
import pytest

from leaderboardapp.stores.sql.postgresql import examination
from leaderboardapp.stores.sql.postgresql.store import PostgresStore
from tests.stores.postgresql.conftest import Console


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(examination, "LONG_SECONDS", 0.3)
    yield


def list_texts(postgres: PostgresStore) -> list[str]:
    return [f"{fault.text} {fault.remedy}" for fault in postgres.examine().faults]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE player SET score = score WHERE board_id = %s",
        "SELECT FROM board WHERE id = %s FOR UPDATE",
    ],
)
def test_a_session_that_keeps_locks_is_named_by_any_role(
    postgres: PostgresStore, board: str, console: Console, role: None, statement: str
) -> None:
    console.execute("SET application_name = 'a quick look'")
    console.commit()
    console.execute(statement, [board])
    [text] = list_texts(postgres)
    assert f"session {console.info.backend_pid} of postgres (a quick look)" in text
    assert f"pg_terminate_backend({console.info.backend_pid})" in text
    console.rollback()
    assert list_texts(postgres) == []


@pytest.fixture
def role(postgres: PostgresStore, postgresql_url: str) -> Iterator[None]:
    """The store's own connection has a role of its own, without rights but to read."""
    from django.db import connection

    with psycopg.connect(postgresql_url, autocommit=True) as admin, connection.cursor() as cursor:
        admin.execute(
            "CREATE ROLE stranger; GRANT SELECT ON ALL TABLES IN SCHEMA public TO stranger"
        )
        cursor.execute("SET ROLE stranger")
        try:
            yield
        finally:
            cursor.execute("RESET ROLE")
            admin.execute("DROP OWNED BY stranger; DROP ROLE stranger")


def test_who_reads_or_vacuums_keeps_nobody(
    postgres: PostgresStore, board: str, console: Console
) -> None:
    console.execute("SELECT FROM player")
    console.execute("LOCK TABLE player IN SHARE UPDATE EXCLUSIVE MODE")
    assert list_texts(postgres) == []


def test_few_connections_that_are_left_are_warned_of(
    postgres: PostgresStore, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "FEW_CONNECTIONS", 1000)
    [fault] = postgres.examine().faults
    assert fault.is_warning and "of 97 connections are left (postgres in " in fault.text
    assert "max_connections" in fault.remedy
