"""Web processes or Pushpin are killed, deployed or flooded.

Afterwards acknowledged increments = the store's score, and every viewer shows the store's state.
"""

import asyncio
import signal
import socket
import threading
import time
from contextlib import ExitStack
from itertools import pairwise

import psutil
import pytest

from leaderboard_client import Leaderboard
from tests.e2e.viewers import Api, first_events, open_files
from tests.faults.conftest import OVER_HTTP, Load, Recovered
from tests.faults.load import (
    GROWTH_BYTES,
    make_board,
)
from tests.support.programs import START_SECONDS, wait_until
from tests.support.stack import Stack

BYTES_A_VIEWER = 100_000
HOW_DEPLOYED = ["SIGHUP", "SIGUSR2 and SIGTERM"]


@pytest.mark.parametrize("what", ["a worker", "everything"])
def test_killed_web_processes_lose_no_acknowledged_increment(
    stack: Stack, under_load: Load, what: str
) -> None:
    with under_load(stack) as writers:
        writers.mark()
        if what == "a worker":
            worker = psutil.Process(stack.web.process.pid).children()[0]
            worker.kill()
            wait_until(lambda: not worker.is_running(), "its end")
        else:
            stack.web.restart()
            stack.web.wait_for_port(stack.web_port)


# How the first process hands over is its own affair. The workers' connections are the store's.
@pytest.mark.parametrize(
    ("shared_stack", "how"),
    [
        *(("sqlite", how) for how in HOW_DEPLOYED),
        *((store, "SIGHUP") for store in ("rethinkdb", "postgresql", OVER_HTTP)),
    ],
    indirect=["shared_stack"],
)
def test_a_deploy_of_web_and_listener_loses_no_request_and_closes_no_stream(
    stack: Stack, under_load: Load, how: str
) -> None:
    with under_load(stack, recovery=1) as writers:
        old = psutil.Process(stack.web.process.pid)
        workers, ready = old.children(), stack.web.output().count("takes requests")
        writers.mark()
        old.send_signal(signal.SIGHUP if how == "SIGHUP" else signal.SIGUSR2)
        wait_until(
            lambda: stack.web.output().count("takes requests") == ready + 2,
            "the new workers",
            START_SECONDS,
        )
        if how != "SIGHUP":  # the new master has the socket, too; the old one answers what it began
            old.terminate()
            stack.web.process.wait(30)
        wait_until(
            lambda: not any(worker.is_running() for worker in workers),
            "the end of the old workers",
            START_SECONDS,
        )
        stack.listener.stop()
        stack.listener.start()
        writers.go_on(40)
    assert writers.failures == []


@pytest.mark.stores("sqlite", OVER_HTTP)
def test_after_a_restart_of_pushpin_viewers_come_back_to_the_current_board(
    stack: Stack, under_load: Load
) -> None:
    # A viewer comes back after four seconds at most, the listener tries again after five.
    # In its first moments Pushpin may say 500. About one start of forty lost what came first, so
    # that nobody ever answered: a client asks again when it has lost patience.
    with under_load(
        stack, recovery=15, connects=2, passing=(500, 502, 503, 504), patience=10
    ) as writers:
        stack.pushpin.restart()
        writers.mark()
        stack.pushpin.wait_for_port(stack.port)


@pytest.mark.stores("sqlite", OVER_HTTP)
def test_viewers_that_stop_reading_do_no_harm(stack: Stack, under_load: Load) -> None:
    with under_load(stack) as writers, ExitStack() as idle:
        # Each frame is some 45 kB, so that the system's buffers are full after a few seconds.
        writers.api("PATCH", writers.board, {"size": 100})
        for number in range(98):
            body = {"id": f"p{number}", "name": "\N{MUSICAL SYMBOL G CLEF}" * 100}
            assert writers.api("POST", f"{writers.board}players/", body).status == 201
        for _ in range(5):
            viewer = idle.enter_context(socket.socket())
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            viewer.connect(("127.0.0.1", stack.port))
            request = f"GET {writers.board} HTTP/1.1\r\nHost: localhost\r\n"
            viewer.sendall(f"{request}Accept: text/event-stream\r\n\r\n".encode())
        began = time.monotonic()
        while time.monotonic() < began + 10:
            writers.go_on(20)
        writers.mark()


def test_thousands_of_viewers_at_once_are_all_served(
    stack: Stack, api: Api, board_id: str, recovered: Recovered
) -> None:
    """The storm is Pushpin's. Each store answers the first of its requests, in a smaller one, and
    so does a web process that publishes over HTTP."""
    viewers = (
        5000 if stack.env["DATABASE_URL"].startswith("sqlite:") and not stack.repeats else 1500
    )
    board = make_board(api, board_id)
    api("POST", f"{board}players/alice/score-add/")
    before = stack.memory()
    with open_files(6000):
        started = time.monotonic()
        answers = asyncio.run(first_events(stack.port, board, viewers=viewers, seconds=200))
        recovered(time.monotonic() - started)
    assert {status for status, _ in answers} == {"HTTP/1.1 200 OK"}
    assert {id for _, id in answers} == {api("GET", board).headers["ETag"].strip('"')}
    after = stack.memory()
    for name in ("web", "listener"):
        assert after[name] - before[name] < GROWTH_BYTES, name
    assert after["pushpin"] - before["pushpin"] < viewers * BYTES_A_VIEWER


@pytest.mark.stores("sqlite", OVER_HTTP)
def test_the_python_client_counts_once_and_goes_on_watching_through_restarts(
    stack: Stack, board_id: str
) -> None:
    with Leaderboard(f"http://localhost:{stack.port}") as leaderboard:
        board = leaderboard.create_board(board_id)
        alice = board.add_player("Alice")
        seen: list[int] = []

        def watch() -> None:
            for snapshot in board.watch():
                seen.append(sum(player["score"] for player in snapshot["players"]))
                if seen[-1] == 60:
                    return

        thread = threading.Thread(target=watch)
        thread.start()
        wait_until(lambda: seen, "the snapshot")
        for program, score in ((stack.web, 20), (stack.pushpin, 40), (stack.listener, 60)):
            program.restart()
            for _ in range(20):
                last = alice.add()
            assert last == score
        # A Pushpin that has just started may lose the watch's request. The client takes a stream
        # for dead after 45 seconds of silence.
        thread.join(90)
        assert not thread.is_alive() and seen[-1] == 60
        # A snapshot that was on its way when the stream was opened again, after Pushpin's restart,
        # may follow a newer one (docs/api.md, "The same update again").
        assert sum(later < earlier for earlier, later in pairwise(seen)) <= 1
