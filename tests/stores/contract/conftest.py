"""What the tests of the contract share."""

# Nothing of the service is imported before there are settings, which it reads on being imported.
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def board(store: Any, board_id: str) -> str:
    store.create_board({"id": board_id, "name": "A board", "size": 5})
    return board_id


@pytest.fixture
def feed(store: Any) -> Iterator[Any]:
    feed = store.open_feed()
    yield feed
    feed.close()
