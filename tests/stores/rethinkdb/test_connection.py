"""Connections to RethinkDB, against a real server: one that restarts, hangs, or speaks TLS."""

import gc
import os
import signal
import socket
import struct
import sys
import threading
from typing import Any

import pytest

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from tests.stores.rethinkdb.helpers import first_answer
from tests.support.programs import START_SECONDS, free_ports, wait_until
from tests.support.servers import RethinkServer


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


def test_answers_that_nobody_waits_for_are_none_of_queries_that_are_sent_together(
    rethink: RethinkStore,
) -> None:
    connection = rethink.db.connections.get_connection()
    connection.open_cursor(r.range().limit(100_000)).close()
    assert rethink.db.run_together([r.expr(1), r.expr(2)]) == [1, 2]


def test_without_a_server_the_address_is_named() -> None:
    port = free_ports(1)[0]
    store = RethinkStore(f"rethinkdb://127.0.0.1:{port}/db")
    with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{port}"):
        store.ping()


def test_a_dead_host_is_no_obstacle_to_anything(rethink: RethinkStore, board: str) -> None:
    """Not to queries, feeds, scans or messages, of whatever thread; each begins at another host."""
    [living], database = rethink.db.connections.address.hosts, rethink.db.connections.address.login
    dead = ",".join(f"127.0.0.1:{port}" for port in free_ports(2))
    store = RethinkStore(f"rethinkdb://{dead},{living}/{database['db']}")
    done: list[bool] = []

    def use_all() -> None:
        feed, messages = store.open_feed(), store.open_message_stream()
        store.add_score(board, "alice", 1)
        wait_until(lambda: board in feed.poll(timeout=0.1), "the change")
        messages.check()
        done.append(board in store.changed_since(0))
        for part in (feed, messages, store):
            part.close()

    for _ in range(3):
        thread = threading.Thread(target=use_all)
        thread.start()
        thread.join()
    assert done == [True, True, True]
    assert rethink.get_player(board, "alice")["score"] == 3
    store.db.connections.hosts.left.clear()  # so that nothing probes them any more


def test_a_server_that_resets_a_connection_leaves_no_socket_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)  # a socket nobody closed is one
    with socket.create_server(("127.0.0.1", 0)) as listening:
        resetting = threading.Thread(target=_reset_one, args=(listening,))
        resetting.start()
        store = RethinkStore(f"rethinkdb://127.0.0.1:{listening.getsockname()[1]}/db")
        with pytest.raises(StoreUnavailable):
            store.ping()
        resetting.join()
    gc.collect()
    assert unraisable == []


def _reset_one(listening: socket.socket) -> None:
    accepted, _ = listening.accept()
    with accepted:
        accepted.recv(1)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


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


def _takes_writes(store: RethinkStore) -> bool:
    try:
        store.add_score("b", "p", 0)
    except StoreUnavailable:
        return False
    return True
