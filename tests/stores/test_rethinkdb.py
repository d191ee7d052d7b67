"""What only RethinkDB's store has to get right, tested against a real server."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trustme
from django.core.exceptions import ObjectDoesNotExist
from rethinkdb.errors import ReqlDriverError

from leaderboardapp.domain.exceptions import AlreadyExists, OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.types import BOARD_DEFAULTS, Amount, Import, Increment, Row
from leaderboardapp.stores.rethinkdb import database, schema, score_updates
from leaderboardapp.stores.rethinkdb.connection import Connection, r
from leaderboardapp.stores.rethinkdb.feed import RethinkFeed
from leaderboardapp.stores.rethinkdb.schema import row_id
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from tests.support.programs import START_SECONDS, free_ports, wait_until
from tests.support.servers import RethinkServer


@pytest.fixture
def board(rethink: RethinkStore, board_id: str) -> str:
    rethink.create_board({"id": board_id, "name": "", "size": 5})
    rethink.create_player(board_id, {"id": "alice", "name": "Alice", "score": 0})
    return board_id


@pytest.fixture
def own_server(
    rethinkdb_server: RethinkServer, tmp_path: Path
) -> Iterator[tuple[RethinkServer, RethinkStore]]:
    """A server that the test may stop."""
    with RethinkServer(tmp_path) as server:
        store = RethinkStore(f"rethinkdb://127.0.0.1:{server.port}/own")
        store.ensure()
        store.create_board({"id": "b", "name": "", "size": 5})
        yield server, store
        server.program.signal_all(signal.SIGCONT)
        store.close()


def test_the_url_gives_address_and_credentials_decoded() -> None:
    url = "rethinkdb://us%40er:p%3Ass%2F@db.example:28016/scores?ssl_ca=/etc/ca.pem"
    assert RethinkStore(url).db.address == {
        "host": "db.example",
        "port": 28016,
        "user": "us@er",
        "password": "p:ss/",
        "db": "scores",
        "ssl": {"ca_certs": "/etc/ca.pem"},
    }


def test_the_url_needs_only_a_database() -> None:
    address = RethinkStore("rethinkdb:///scores").db.address
    assert (address["host"], address["port"], address["user"]) == ("localhost", 28015, "admin")


def test_keys_are_those_of_the_consoles_r_uuid(rethink: RethinkStore) -> None:
    for text in ("b/p", "board_1/A-b_C", "x" * 64 + "/" + "y" * 64):
        assert rethink.db.run(r.uuid(text)) == row_id(*text.split("/"))


def test_a_row_made_in_the_console_is_a_player(rethink: RethinkStore, board: str) -> None:
    row = {"board": board, "player": "bob", "name": "Bob", "score": 3, "reached_at": 1}
    rethink.db.run(r.table("players").insert({"id": r.uuid(f"{board}/bob"), **row}))
    assert rethink.add_score(board, "bob", 1)["score"] == 4
    assert top(rethink, board) == [("bob", 4), ("alice", 0)]


def test_rows_that_lack_something_keep_no_other_from_being_shown(
    rethink: RethinkStore, board: str
) -> None:
    rethink.db.run(r.table("boards").insert({"id": f"{board}-bare"}))
    for fields in ({"score": 1, "reached_at": 1}, {"name": "No score"}):
        player = {"board": f"{board}-bare", "player": "bob", **fields}
        rethink.db.run(r.table("players").insert(player))
    tops = rethink.get_top_players([board, f"{board}-bare"])
    assert [row["id"] for row in tops[board][1]] == ["alice"]
    row, [bob] = tops[f"{board}-bare"]
    assert row == {**BOARD_DEFAULTS, "id": f"{board}-bare"}
    assert (bob["id"], bob["name"], bob["score"], bob["hidden"]) == ("bob", "", 1, False)


def test_a_malformed_row_can_be_written_and_is_not_ranked(
    rethink: RethinkStore, board: str
) -> None:
    bob = {"id": row_id(board, "bob"), "board": board, "player": "bob", "reached_at": 1}
    for fields in (
        {},
        {"score": None},
        {"score": "many"},
        {"score": 1, "reached_at": {"a": "b"}},
        {"score": 1, "season": None, "hidden": 1},
    ):
        written = rethink.db.run(rethink.db.players.insert({**bob, **fields}, conflict="replace"))
        assert not written["errors"]
        assert top(rethink, board) == [("alice", 0)]
    rethink.db.run(rethink.db.players.get(bob["id"]).update({"score": 1, "hidden": None}))
    assert top(rethink, board) == [("bob", 1), ("alice", 0)]
    rethink.db.run(rethink.db.players.get(bob["id"]).replace(lambda row: row.without("score")))
    assert top(rethink, board) == [("alice", 0)]


def test_a_malformed_row_keeps_no_other_from_being_added_to(
    rethink: RethinkStore, board: str
) -> None:
    rethink.db.run(rethink.db.players.insert({"id": row_id(board, "bob"), "board": board}))
    increments = [Increment(player, 1) for player in ("alice", "bob", "alice")]
    first, second, third = rethink.add_scores(board, increments)
    assert isinstance(second, OutcomeUnknown)
    assert [row["score"] for row in (first, third) if isinstance(row, dict)] == [1, 2]
    with pytest.raises(OutcomeUnknown):
        rethink.add_score(board, "bob", 1)


@pytest.mark.parametrize(
    ("keys", "most", "queries"),
    [
        (("key", "key"), None, 1),  # the same key is in no write twice
        ((None, None), 1, 2),  # too much together, so refused, and then sent singly
    ],
)
def test_a_failure_after_something_was_written_is_an_unknown_outcome(
    rethink: RethinkStore,
    board: str,
    monkeypatch: pytest.MonkeyPatch,
    keys: tuple[str | None, ...],
    most: int | None,
    queries: int,
) -> None:
    rethink.update_board(board, {"max": most})
    run, allowed = rethink.db.run, iter([True] * queries)

    def fail_later(query: Any) -> Any:
        if next(allowed, False):
            return run(query)
        raise StoreUnavailable

    monkeypatch.setattr(score_updates, "WRITES_AT_ONCE", 1)
    monkeypatch.setattr(rethink.db, "run", fail_later)
    with pytest.raises(OutcomeUnknown):
        rethink.add_scores(board, [Increment("alice", 1, key) for key in keys])
    monkeypatch.undo()
    assert top(rethink, board) == [("alice", 1)]


def test_players_of_an_earlier_version_are_ranked_after_ensure(
    rethinkdb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "REWRITTEN_AT_ONCE", 3)
    old = RethinkStore(f"{rethinkdb_url}_of_an_earlier_version")
    old.ensure()
    old.db.run(old.db.players.set_write_hook(None))
    for index in ("asc", "desc"):
        old.db.run(old.db.players.index_drop(index))
    old.db.run(old.db.players.index_create("season_desc", lambda row: row["score"]))
    old.create_board({"id": "b", "size": 5})
    for number in range(10):
        old.create_player("b", {"id": f"p{number}", "name": "", "score": number})
    old.ensure()
    assert top(old, "b") == [(f"p{number}", number) for number in reversed(range(10))]
    assert "season_desc" not in old.db.run(old.db.players.index_list())
    changed_at = old.db.players.get(row_id("b", "p1"))["changed_at"]
    before = old.db.run(changed_at)
    old.ensure()
    assert old.db.run(changed_at) == before
    old.close()


def test_players_added_while_their_board_was_deleted_do_not_come_back(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_record = rethink.imports.record_progress

    def delete_then_record(board: str, name: str, state: Import) -> None:
        if state.done:
            rethink.delete_board(board)
        real_record(board, name, state)

    monkeypatch.setattr(rethink.imports, "record_progress", delete_then_record)
    with pytest.raises(ObjectDoesNotExist):
        rethink.import_batch(board, "f", Import(0, 10, "x"), [Amount("bob", "Bob", 3)])
    with pytest.raises(ObjectDoesNotExist):
        rethink.get_player(board, "bob")
    latecomer = {"board": board, "player": "latecomer", "name": "", "score": 3, "reached_at": 1}
    rethink.db.run(r.table("players").insert(latecomer))
    rethink.create_board({"id": board, "name": "", "size": 5})
    assert top(rethink, board) == []


def test_a_taken_id_does_not_cost_the_board_its_players(rethink: RethinkStore, board: str) -> None:
    with pytest.raises(AlreadyExists):
        rethink.create_board({"id": board, "name": "", "size": 5})
    assert len(top(rethink, board)) == 1


def test_a_row_that_moves_changes_both_boards(rethink: RethinkStore, board: str) -> None:
    feed = rethink.open_feed()
    rethink.db.run(r.table("players").get(row_id(board, "alice")).update({"board": "other"}))
    boards: set[str] = set()

    def both() -> bool:
        boards.update(feed.poll(timeout=0.1))
        return {board, "other"} <= boards

    wait_until(both, "both boards")
    feed.close()


def test_a_top_is_read_by_index(rethink: RethinkStore, board: str) -> None:
    row = rethink.db.boards.get(board)
    assert "order_by(index=" in str(rethink.ranking.select_top_rows(row))
    for index in rethink.db.run(r.table("players").index_status("desc", "asc")):
        assert index["ready"]


@pytest.mark.parametrize("cut", ["before the players", "after the players"])
def test_an_import_batch_that_was_cut_short_counts_once(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    real_run, upto = rethink.db.run, Import(0, 10, "digest")
    amounts = [Amount("alice", "Alice", 2), Amount("bob", "Bob", 3)]

    def failing_run(query: Any) -> Any:
        players = "insert(" in str(query) and "'batches'" in str(query)
        if players and cut == "before the players":
            raise StoreUnavailable("cut")
        result = real_run(query)
        if players:
            raise StoreUnavailable("cut")
        return result

    monkeypatch.setattr(rethink.db, "run", failing_run)
    with pytest.raises(StoreUnavailable, match="cut"):
        rethink.import_batch(board, "f", upto, amounts)
    monkeypatch.undo()
    assert rethink.get_import(board, "f") == upto._replace(done=False)
    rethink.import_batch(board, "f", upto, amounts)
    assert rethink.get_import(board, "f") == upto
    assert top(rethink, board) == [("bob", 3), ("alice", 2)]


def test_a_big_board_is_deleted_in_pieces(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "DELETE_ROWS", 3)
    amounts = [Amount(f"p{number}", "P", 1) for number in range(10)]
    rethink.import_batch(board, "f", Import(0, 10, "x"), amounts)
    rethink.delete_board(board)
    rethink.db.run(rethink.db.boards.insert({"id": board}))
    assert top(rethink, board) == []


def test_a_forked_process_has_a_connection_of_its_own(rethink: RethinkStore, board: str) -> None:
    parents = rethink.db.connections.get_connection()
    child = os.fork()
    if not child:
        failed = 1
        try:
            rethink.add_score(board, "alice", 1)
            failed = int(rethink.db.connections.get_connection() is parents)
        finally:
            os._exit(failed)
    assert os.waitpid(child, 0)[1] == 0
    assert rethink.db.connections.get_connection() is parents
    assert rethink.get_player(board, "alice")["score"] == 1


def test_without_a_server_the_address_is_named() -> None:
    port = free_ports(1)[0]
    store = RethinkStore(f"rethinkdb://127.0.0.1:{port}/db")
    with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{port}"):
        store.ping()


def test_a_restarted_server_is_found_again(
    own_server: tuple[RethinkServer, RethinkStore],
) -> None:
    server, store = own_server
    store.create_player("b", {"id": "p", "name": "P", "score": 0})
    server.program.stop()
    server.program.start()
    server.program.wait_for_port(server.port)
    other = RethinkStore(f"rethinkdb://127.0.0.1:{server.port}/own")
    wait_until(lambda: _takes_writes(other), "the tables", START_SECONDS)
    other.close()
    # Not one write fails because its thread has a connection from before.
    assert store.add_score("b", "p", 1)["score"] == 1


def test_a_server_that_hangs_is_given_up_in_time(
    own_server: tuple[RethinkServer, RethinkStore],
) -> None:
    server, store = own_server
    store.ping()
    server.program.signal_all(signal.SIGSTOP)
    messages = []
    for _ in range(100):
        with pytest.raises(StoreUnavailable) as raised:
            store.get_board("b")
        messages.append(str(raised.value))
    # A thread that waits can answer no other request: one at a time asks whether it is back.
    assert "timed out" in messages[0]
    assert sum("did not answer just now" in message for message in messages) > 90
    server.program.signal_all(signal.SIGCONT)
    # The answer to the old question is not taken for that to the new one.
    assert first_answer(lambda: store.get_board("b"))["id"] == "b"


def test_a_write_without_an_answer_says_so_and_counts_once_when_it_is_sent_again(
    own_server: tuple[RethinkServer, RethinkStore],
) -> None:
    server, store = own_server
    store.create_player("b", {"id": "p", "name": "P", "score": 0})
    server.program.signal_all(signal.SIGSTOP)
    with pytest.raises(OutcomeUnknown):
        store.add_score("b", "p", 5, key="once")
    server.program.signal_all(signal.SIGCONT)
    assert first_answer(lambda: store.add_score("b", "p", 5, key="once"))["score"] == 5
    assert store.add_score("b", "p", 1)["score"] == 6


def test_it_works_over_tls_and_a_hang_is_given_up_there_too(
    rethinkdb_server: RethinkServer, tmp_path: Path
) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for part in certificate.cert_chain_pems:
        part.write_to_path(tmp_path / "cert.pem", append=True)
    tls = ["--driver-tls-key", str(tmp_path / "key.pem")]
    tls += ["--driver-tls-cert", str(tmp_path / "cert.pem")]
    with RethinkServer(tmp_path, *tls) as server:
        store = RethinkStore(f"rethinkdb://localhost:{server.port}/own?ssl_ca={tmp_path}/ca.pem")
        store.ensure()
        feed = store.open_feed()
        store.create_board({"id": "b", "name": "", "size": 5})
        wait_until(lambda: "b" in feed.poll(timeout=0.1), "the feed")
        feed.close()
        server.program.signal_all(signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailable, match="timed out"):
                store.get_board("b")
        finally:
            server.program.signal_all(signal.SIGCONT)
        assert first_answer(lambda: store.get_board("b"))["id"] == "b"
        store.close()


def test_a_feed_that_cannot_be_opened_says_so(
    own_server: tuple[RethinkServer, RethinkStore],
) -> None:
    server, store = own_server
    connection = Connection(store.db.address, 0.5)
    server.program.signal_all(signal.SIGSTOP)
    with pytest.raises(StoreUnavailable):
        RethinkFeed(connection, store.db)
    assert not connection.is_alive()


def test_a_board_that_was_deleted_in_part_is_not_said_to_be_untouched(
    rethink: RethinkStore, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(rethink.db, "delete_in_pieces", fail)
    with pytest.raises(OutcomeUnknown):
        rethink.delete_board(board)


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
            feed._handle_change(
                {"type": "error", "error": "Changefeed cache over array size limit"}
            )
    finally:
        feed.close()


def test_a_table_that_may_not_be_made_says_so(rethink: RethinkStore, rethinkdb_url: str) -> None:
    users = r.db("rethinkdb").table("users")
    rethink.db.run(users.insert({"id": "reader", "password": "secret"}, conflict="replace"))
    address = rethinkdb_url.replace("//", "//reader:secret@")
    rethink.db.run(r.db(address.rpartition("/")[2]).grant("reader", {"read": True, "write": True}))
    # Names that no version has had, so they are still to be made.
    with pytest.MonkeyPatch.context() as patch, closing(RethinkStore(address)) as reader:
        patch.setattr(schema, "TABLES", {"one": {}, "two": {}})
        with pytest.raises(StoreUnavailable, match="permission"):
            reader.ensure()
    rethink.db.run(users.get("reader").delete())


def test_ensure_is_safe_to_repeat(rethink: RethinkStore, board: str) -> None:
    rethink.ensure()
    assert rethink.get_board(board)["id"] == board
    assert uuid.UUID(row_id(board, "alice")).version == 5


def first_answer(call: Callable[[], Row]) -> Row:
    """Return the call's first answer."""

    def answer_or_none() -> Row | None:
        try:
            return call()
        except StoreUnavailable:
            return None

    row = wait_until(answer_or_none, "the server to be back")
    assert row is not None
    return row


def top(store: RethinkStore, board: str) -> list[tuple[str, int]]:
    return [
        (row["id"], row["score"])
        for row in store.get_ranking_window(store.get_board(board), 100).rows
    ]


def _takes_writes(store: RethinkStore) -> bool:
    try:
        store.add_score("b", "p", 0)
    except StoreUnavailable:
        return False
    return True
