"""What the tests of PostgreSQL's store share."""

# Nothing of the service is imported before there are settings, which it reads on being imported.
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.store import store_at

Console = psycopg.Connection[Any]


@pytest.fixture
def postgres(postgresql_url: str) -> Iterator[Any]:
    with store_at(postgresql_url) as store:
        store.ensure()
        yield store


@pytest.fixture
def board(postgres: Any, board_id: str) -> str:
    postgres.create_board({"id": board_id, "name": "", "size": 5})
    postgres.create_player(board_id, {"id": "alice", "name": "Alice", "score": 0})
    return board_id


@pytest.fixture
def console(postgresql_url: str, postgres: Any) -> Iterator[Console]:
    """Another program's connection, which commits when it is told to."""
    with psycopg.connect(postgresql_url) as console:
        yield console
        console.rollback()
