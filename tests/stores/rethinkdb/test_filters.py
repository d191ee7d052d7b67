"""RethinkDB's server and this process give a filter the same meaning."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leaderboardapp.domain.topics import parse_filter
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.message_stream import matches_filter
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from tests.unit.test_topics import FILTERS, TOPICS


@pytest.fixture(scope="module")
def rethink(rethinkdb_url: str) -> Iterator[RethinkStore]:
    store = RethinkStore(rethinkdb_url)
    yield store
    store.close()


@settings(max_examples=100)
@example(topics=[{"a": [False]}, {"a": [True, False]}], wanted={"a": [False, False]})
@given(topics=st.lists(TOPICS, min_size=5, max_size=15), wanted=FILTERS)
def test_the_server_passes_what_python_passes(
    rethink: RethinkStore, topics: list[Any], wanted: Any
) -> None:
    chosen = parse_filter(wanted)
    passed = rethink.db.run(r.expr(topics).map(lambda topic: matches_filter(topic, chosen)))
    assert passed == [chosen.matches(topic) for topic in topics]
