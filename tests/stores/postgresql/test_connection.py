"""Connections to PostgreSQL: statements that take long or get no answer, and TLS."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from django.db import connection

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.stores.circuit_breaker import OPEN_SECONDS
from leaderboardapp.stores.sql.postgresql import store as postgresql
from leaderboardapp.stores.sql.postgresql.backend import base
from leaderboardapp.stores.sql.postgresql.store import PostgresStore
from leaderboardapp.stores.sql.reading import read_at_one_moment
from leaderboardapp.stores.sql.statements import read, write
from tests.support.programs import PROJECT, wait_until
from tests.support.servers import PostgresServer
from tests.support.store import store_at


def test_a_statement_that_takes_too_long_is_refused_and_leaves_the_breaker_closed(
    postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "LOCK_BOARD", postgresql.LOCK_BOARD.replace("3000", "100"))
    with pytest.raises(StoreUnavailable, match="statement timeout"):
        postgres.transaction(None, lambda: write("SELECT pg_sleep(60)", {}))
    postgres.ping()


def test_an_increment_goes_to_the_server_and_back_three_times(
    postgres: PostgresStore, board: str
) -> None:
    """Others wait for the board meanwhile."""
    postgres.ping()  # connects
    driver, trips = connection.connection, list[Any]()
    wait = driver.wait

    def count(answer: Any) -> Any:
        with suppress(StopIteration):
            wanted = next(answer)
            trips.append(wanted)
            while True:
                wanted = answer.send((yield wanted))

    def wait_and_count(answer: Any, *args: Any, **options: Any) -> Any:
        result: list[Any] = []

        def keep() -> Any:
            result.append((yield from answer))

        wait(count(keep()), *args, **options)
        return result[0]

    driver.wait = wait_and_count
    try:
        assert postgres.add_score(board, "alice", 2)["score"] == 2
    finally:
        driver.wait = wait
    assert len(trips) == 3, "to hold the board and read it, to write, and to commit"


def test_no_statement_is_compiled_whose_ranks_are_read(postgres: PostgresStore, board: str) -> None:
    def is_on() -> str:
        return str(read("SHOW jit", [])[0][0])

    assert postgres.run(is_on) == "on"  # or this would show nothing
    assert postgres.transaction(board, is_on) == "off"
    assert postgres.run(lambda: read_at_one_moment(postgres.begin_snapshot, is_on)) == "off"


def test_a_write_sees_what_was_committed_before_it_held_the_board(
    postgres: PostgresStore, board: str
) -> None:
    """Whatever the database has as its default."""

    def choose() -> None:
        write("SET default_transaction_isolation = 'repeatable read'", ())

    postgres.run(choose)
    [[level]] = postgres.transaction(board, lambda: read("SHOW transaction_isolation", ()))
    postgres.close()  # or the next tests would have the default
    assert level == "read committed"


def test_a_server_that_does_not_answer_opens_the_breaker(
    postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as limits:
        limits.setattr(base, "ANSWER_SECONDS", 0.2)
        postgres.close()  # the next connection has the new limit
        with pytest.raises(StoreUnavailable):
            postgres.run(lambda: read("SELECT pg_sleep(60)", []))
    with pytest.raises(StoreUnavailable, match="did not answer just now"):
        postgres.ping()
    time.sleep(OPEN_SECONDS)
    postgres.ping()


def test_an_answer_that_goes_on_coming_may_take_long(
    postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a process whose threads keep it from reading does not take its server for gone."""
    monkeypatch.setattr(base, "ANSWER_SECONDS", 0.5)
    pieces = "SELECT repeat('x', 20000), pg_sleep(0.2) FROM generate_series(1, 5)"
    assert len(postgres.run(lambda: read(pieces, []))) == 5
    with pytest.raises(StoreUnavailable, match="no answer within 0.5 s"):
        postgres.run(lambda: read("SELECT pg_sleep(60)", []))
    time.sleep(OPEN_SECONDS)


def test_a_transaction_that_failed_and_was_not_ended_is_not_gone_on_with(
    postgres: PostgresStore, board: str
) -> None:
    """As when its ROLLBACK was cancelled, or its COMMIT."""

    def fail() -> None:
        write("BEGIN", ())
        read("SELECT 1 / 0", ())

    with pytest.raises(StoreUnavailable, match="division by zero"):
        postgres.run(fail)
    postgres.ping()
    assert postgres.add_score(board, "alice", 1)["score"] == 1


def test_a_commit_whose_answer_is_lost_is_of_unknown_outcome(
    postgres: PostgresStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection ends at once after the last statement, or in the middle of them."""

    def end() -> None:
        connection.connection.close()

    with pytest.raises(OutcomeUnknown):
        postgres.transaction(board, end)
    time.sleep(OPEN_SECONDS)

    def end_early() -> None:
        end()
        read("SELECT 1", [])

    with pytest.raises(StoreUnavailable) as raised:
        postgres.transaction(board, end_early)
    assert not isinstance(raised.value, OutcomeUnknown)
    time.sleep(OPEN_SECONDS)
    postgres.ping()


def test_an_index_may_take_longer_than_an_answer(
    postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "ANSWER_SECONDS", 1.0)
    postgres.close()
    with connection.schema_editor() as editor:
        editor.execute("SELECT pg_sleep(1.5)")
    with pytest.raises(StoreUnavailable):
        postgres.run(lambda: read("SELECT pg_sleep(60)", []))
    time.sleep(OPEN_SECONDS)


def test_every_connection_is_closed_that_is_opened(postgres: PostgresStore, board: str) -> None:
    """However often a listener begins anew."""
    with connection.cursor() as cursor:

        def connected() -> set[int]:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND backend_type = 'client backend'"
            )
            return {pid for [pid] in cursor.fetchall()}

        before = connected()
        for _ in range(5):
            postgres.open_feed().close()
        wait_until(lambda: connected() <= before, "the connections to be closed")


@pytest.mark.processes
def test_nothing_is_connected_before_gunicorn_forks(postgresql_url: str) -> None:
    program = (
        "import leaderboard_project.wsgi; from django.db import connections;"
        "print([c.connection for c in connections.all(initialized_only=True)])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": postgresql_url},
        capture_output=True,
        text=True,
    )
    assert result.stdout.strip() in ("[]", "[None]")


@pytest.mark.processes
def test_tls_is_checked_as_the_url_says(tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("localhost")
    tls = {
        "ssl_key_file": certificate.private_key_pem.bytes(),
        "ssl_cert_file": b"".join(part.bytes() for part in certificate.cert_chain_pems),
    }
    with PostgresServer(tls) as server:
        url = server.database("tls").replace("127.0.0.1", "localhost")
        for name, issuer in (("right", authority), ("wrong", other)):
            issuer.cert_pem.write_to_path(tmp_path / f"{name}.pem")
        query = "sslmode=verify-full&sslrootcert="
        with store_at(f"{url}?{query}{tmp_path}/right.pem") as store:
            store.ensure()
            with connection.cursor() as cursor:
                cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                assert cursor.fetchone() == (True,)
            store.open_feed().close()
        with (
            store_at(f"{url}?{query}{tmp_path}/wrong.pem") as store,
            pytest.raises(StoreUnavailable, match="certificate"),
        ):
            store.ping()
