"""The store is killed, cut off or filled up.

Afterwards acknowledged increments = the store's score, and every viewer shows the store's state.
"""

import signal
import sqlite3
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.viewers import Api
from tests.faults.conftest import Load, Recovered, Server
from tests.faults.link import Link
from tests.faults.load import (
    EventSource,
    Writers,
    assert_right,
    make_board,
)
from tests.support.programs import START_SECONDS, wait_until
from tests.support.stack import Stack

WAITING_SECONDS = 2.0  # each store waits longer for a server that does not answer


def refused_a_hundred(api: Api, board: str, at_once: int = 100) -> list[float]:
    """Send a hundred requests, by default at once, more than the web has threads; return how long
    each took."""

    def seconds(_: int) -> float:
        asked = time.monotonic()
        answer = api("GET", board)
        assert answer.status == 503 and answer.headers["Retry-After"]
        return time.monotonic() - asked

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(seconds, range(100)))


@pytest.mark.parametrize("how", ["killed", "shut down", "stopped"])
def test_an_unavailable_server_is_reported_and_survived(
    server_stack: Stack, own_server: Server, under_load: Load, how: str
) -> None:
    api = Api(server_stack.port)
    with under_load(server_stack, recovery=10) as writers:
        if how == "shut down":
            own_server.shut_down()
        else:
            own_server.program.signal_all(signal.SIGKILL if how == "killed" else signal.SIGSTOP)
        if how != "stopped":
            own_server.program.process.wait(30)
        refused_a_hundred(api, writers.board)
        # Once the circuit breaker is open, few requests wait for the server; others are refused.
        # Few at once, because they would wait for each other on a busy machine.
        usual = statistics.median(refused_a_hundred(api, writers.board, at_once=10))
        assert usual < WAITING_SECONDS
        stream = api("GET", writers.board, headers={"Accept": "text/event-stream"})
        assert stream.status == 200 and stream.text.startswith("retry: ")
        if how == "stopped":
            own_server.program.signal_all(signal.SIGCONT)
        else:
            own_server.program.start()
        writers.mark()
    assert writers.failures


@pytest.fixture
def link(server_stack: Stack, own_server: Server) -> Iterator[Link]:
    """The listener's link to the server. It has its own way there again afterwards."""
    listener = server_stack.listener
    usual = listener.env
    with Link(own_server.port) as link:
        url = usual["DATABASE_URL"].replace(f":{own_server.port}/", f":{link.port}/")
        listener.env = {**usual, "DATABASE_URL": url}
        try:
            listener.restart()
            wait_until(server_stack.listens, "the listener", START_SECONDS)
            yield link
        finally:
            listener.env = usual
            listener.restart()


@pytest.mark.parametrize("which", ["the feed's", "all"])
def test_a_link_cut_without_a_reset_is_noticed_and_rebuilt(
    server_stack: Stack, link: Link, under_load: Load, which: str
) -> None:
    with under_load(server_stack) as writers:
        wait_until(lambda: len(link.pairs) >= 4, "lease, feed, maintenance and messages")
        cut = time.monotonic()
        link.cut(only=1 if which == "the feed's" else None)
        wait_until(
            lambda: server_stack.listener.output().count("listening to") >= 2,
            "the listener to be back",
            60,
        )
        writers.mark(since=cut)


def test_a_full_disk_is_reported_and_loses_nothing(
    tmp_path: Path, board_id: str, recovered: Recovered
) -> None:
    """The web processes may not make the write-ahead log larger than 1 MB."""
    with Stack(f"sqlite:///{tmp_path}/leaderboard.sqlite3", tmp_path) as stack:
        api = Api(stack.port)
        board = make_board(api, board_id)
        stack.web.stop()
        # A reader that never ends keeps the log from being emptied.
        reader = sqlite3.connect(tmp_path / "leaderboard.sqlite3", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM player").fetchone()
        unlimited = stack.web.command
        stack.web.command = ["bash", "-c", 'ulimit -f 1024 && exec "$@"', "bash", *unlimited]
        stack.web.start()
        stack.web.wait_for_port(stack.web_port)
        with EventSource(stack.port, board) as viewer:
            with Writers(api, board, ["alice", "bob"]) as writers:
                wait_until(lambda: len(writers.failures) > 5, "the disk to be full", 60)
                answer = api(
                    "POST", f"{board}players/alice/score-add/", headers={"Idempotency-Key": "x"}
                )
                assert answer.status == 503
                assert api("GET", board).status == 200
                reader.close()
                stack.web.stop()
                stack.web.command = unlimited
                stack.web.start()
                stack.web.wait_for_port(stack.web_port)
                writers.mark()
                writers.go_on()
            assert_right(api, board, writers, viewer)
            recovered(writers.recovery(viewer))
