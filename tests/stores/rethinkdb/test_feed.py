"""RethinkDB's feed: what it reports, and that it says so when it cannot."""

import itertools
import signal
from typing import Any

import pytest
from rethinkdb.errors import ReqlDriverError

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.parts import ALL_PARTS, Parts
from leaderboardapp.stores import streams
from leaderboardapp.stores.rethinkdb.connection import Connection, r
from leaderboardapp.stores.rethinkdb.feed import RethinkFeed
from leaderboardapp.stores.rethinkdb.schema import row_id
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from tests.support.programs import wait_until
from tests.support.servers import RethinkServer


def test_a_row_that_moves_changes_both_boards(rethink: RethinkStore, board: str) -> None:
    feed = rethink.open_feed()
    rethink.db.run(r.table("players").get(row_id(board, "alice")).update({"board": "other"}))
    boards: set[str] = set()

    def both() -> bool:
        boards.update(feed.poll(timeout=0.1))
        return {board, "other"} <= boards

    wait_until(both, "both boards")
    feed.close()


def test_a_feed_of_some_parts_is_sent_no_others(rethink: RethinkStore, board: str) -> None:
    parts = Parts(7, frozenset({1, 4}))
    feed, feed_of_all = rethink.open_feed(parts), rethink.open_feed()
    ids = {f"{board}-{number}" for number in range(40)}
    # A number, which the database's own console takes as well, and a player of no board.
    rethink.db.run(r.table("players").insert({"id": "of no board"}))
    rethink.db.run(r.table("boards").insert([{"id": id} for id in (*ids, 5)]))
    reported: set[Any] = set()
    all_reported: set[Any] = set()

    def arrive() -> bool:
        reported.update(feed.poll(0.05))
        all_reported.update(feed_of_all.poll(0.05))
        return {*ids, 5} <= all_reported and {*filter(parts.have, all_reported)} <= reported

    try:
        wait_until(arrive, "all boards")
        assert all(map(parts.have, reported)) and not ids <= reported
    finally:
        feed.close()
        feed_of_all.close()
        rethink.db.run(r.table("boards").get_all(5, *ids).delete())
        rethink.db.run(r.table("players").get("of no board").delete())


def test_its_reader_rests_after_changes_and_skips_none(
    rethink: RethinkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = rethink.open_feed()
    assert isinstance(feed, RethinkFeed)
    monkeypatch.setattr(streams, "SHORTEST_REST", 60.0)
    feed.rest.longest = feed.rest.next = 60.0
    feed.rest.ends_at = 0.0  # whatever it has begun with
    ids, written, reported = itertools.count(), list[str](), set[str]()

    def write() -> None:
        new = [f"rest-{next(ids)}" for _ in range(20)]
        rethink.db.run(r.table("boards").insert([{"id": id} for id in new]))
        written.extend(new)

    def rests() -> bool:
        write()
        return feed.rest.ends_at > 0

    def are_reported() -> bool:
        reported.update(feed.poll(0.1))
        return {*written} <= reported

    try:
        wait_until(rests, "a rest")
        write()
        for _ in range(5):
            assert not are_reported()
        feed.closed.set()  # which ends its rest
        wait_until(are_reported, "all boards")
    finally:
        feed.close()
        rethink.db.run(r.table("boards").get_all(*written).delete())


def test_a_feed_that_cannot_be_opened_says_so(
    own_server: tuple[RethinkServer, RethinkStore],
) -> None:
    server, store = own_server
    connection = Connection(store.db.connections.address, 0.5)
    server.program.signal_all(signal.SIGSTOP)
    with pytest.raises(StoreUnavailable):
        RethinkFeed(connection, store.db, ALL_PARTS)
    assert not connection.is_alive()


def test_a_feed_whose_server_dies_says_so(own_server: tuple[RethinkServer, RethinkStore]) -> None:
    server, store = own_server
    feed = store.open_feed()
    server.program.stop()
    with pytest.raises(StoreUnavailable):
        wait_until(lambda: feed.poll(timeout=1), "an error")
    feed.close()


def test_a_feed_that_skipped_changes_says_so(rethink: RethinkStore) -> None:
    feed = rethink.open_feed()
    assert isinstance(feed, RethinkFeed)
    try:
        with pytest.raises(ReqlDriverError, match="over array size limit"):
            feed._handle_changes(
                [{"type": "error", "error": "Changefeed cache over array size limit"}]
            )
    finally:
        feed.close()
