"""Each part of a running service is killed, stopped or cut off, and afterwards acknowledged
increments = the store's score, and every viewer shows the store's state."""

import asyncio
import resource
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from leaderboard_client import Leaderboard
from leaderboardapp.lease import VALID_SECONDS
from tests.e2e.viewers import Api, first_events
from tests.faults.conftest import SERVERS, Load, Recovered, Server
from tests.faults.link import Link
from tests.faults.load import (
    GROWTH_BYTES,
    EventSource,
    Writers,
    assert_right,
    make_board,
)
from tests.processes import Program, Stack, wait_until

TAKEOVER_SECONDS = 5.0
BYTES_A_VIEWER = 100_000


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api(stack.port)


@contextmanager
def standby(stack: Stack) -> Iterator[Program]:
    """A second listener."""
    program = stack.program("standby", [*stack.listener.command])
    try:
        wait_until(lambda: "standing by" in program.log.read_text(), "it to stand by")
        yield program
    finally:
        program.signal_all(signal.SIGCONT)
        program.stop()


def restart(program: Program) -> None:
    program.signal_all(signal.SIGKILL)
    program.process.wait()
    program.start()


def test_a_killed_listener_that_is_started_again_catches_up(
    stack: Stack, api: Api, board_id: str, recovered: Recovered
) -> None:
    board = make_board(api, board_id)
    with EventSource(stack.port, board) as viewer:
        with Writers(api, board, ["alice", "bob"]) as writers:
            writers.go_on()
            stack.listener.signal_all(signal.SIGKILL)
            writers.go_on()
        stack.listener.process.wait()
        stack.listener.start()  # to find out by itself what changed meanwhile
        started = time.monotonic()
        assert_right(api, board, writers, viewer, recovery=TAKEOVER_SECONDS)
        recovered(time.monotonic() - started)
        assert viewer.connects == 1


def test_what_is_deleted_while_no_listener_runs_reaches_viewers(
    stack: Stack, api: Api, board_id: str, recovered: Recovered
) -> None:
    board = make_board(api, board_id)
    gone = make_board(api, f"{board_id}-gone")
    with EventSource(stack.port, board) as viewer, EventSource(stack.port, gone) as other:
        stack.listener.stop()
        api("DELETE", f"{board}players/bob/")
        api("DELETE", gone)
        stack.listener.start()
        started = time.monotonic()
        wait_until(lambda: viewer.scores() == {"alice": 0}, "the deleted player to go")
        wait_until(lambda: other.gave_up == 404, "the stream of the deleted board to end")
        recovered(time.monotonic() - started)


def test_a_standby_takes_over_from_a_killed_listener_within_five_seconds(
    stack: Stack, under_load: Load
) -> None:
    with standby(stack) as second, under_load(stack) as writers:
        stack.listener.signal_all(signal.SIGKILL)
        writers.mark()
        wait_until(lambda: "listening" in second.log.read_text(), "the takeover", TAKEOVER_SECONDS)


def test_a_listener_that_was_stopped_for_a_while_steps_down_and_two_are_never_active(
    stack: Stack, under_load: Load
) -> None:
    with standby(stack) as second:
        with under_load(stack) as writers:
            stack.listener.signal_all(signal.SIGSTOP)
            writers.mark()
            wait_until(lambda: "listening" in second.log.read_text(), "the takeover")
            writers.go_on()
            stack.listener.signal_all(signal.SIGCONT)
            wait_until(lambda: "standing by" in stack.listener.log.read_text(), "it to step down")
        # Before the second one ends, and the first takes over again.
        for program in (second, stack.listener):
            assert program.log.read_text().count("listening,") == 1


def test_a_listener_alone_that_was_stopped_goes_on(stack: Stack, under_load: Load) -> None:
    with under_load(stack, recovery=1) as writers:
        stack.listener.signal_all(signal.SIGSTOP)
        time.sleep(VALID_SECONDS + 0.5)  # longer than its lease is valid
        stack.listener.signal_all(signal.SIGCONT)
        writers.mark()


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
            restart(stack.web)
            stack.web.wait_for_port(stack.web_port)


@pytest.mark.parametrize("how", ["SIGHUP", "SIGUSR2 and SIGTERM"])
def test_a_deploy_of_web_and_listener_loses_no_request_and_closes_no_stream(
    stack: Stack, under_load: Load, how: str
) -> None:
    with under_load(stack, recovery=1) as writers:
        old = psutil.Process(stack.web.process.pid)
        writers.mark()
        if how == "SIGHUP":
            old.send_signal(signal.SIGHUP)
        else:  # a new master takes over the socket; the old one answers what it has begun
            workers = set(old.children())
            old.send_signal(signal.SIGUSR2)
            [new] = wait_until(lambda: set(old.children()) - workers, "the new master")
            wait_until(lambda: len(new.children()) == len(workers), "its workers")
            old.terminate()
            stack.web.process.wait(30)
        stack.listener.stop()
        stack.listener.start()
        writers.go_on(200)
    assert writers.failures == 0


def test_after_a_restart_of_pushpin_viewers_come_back_to_the_current_board(
    stack: Stack, under_load: Load
) -> None:
    # A viewer comes back after four seconds at most, the listener tries again after five.
    with under_load(stack, recovery=5, connects=2) as writers:
        restart(stack.pushpin)
        writers.mark()
        stack.pushpin.wait_for_port(stack.port)


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


@pytest.mark.parametrize("how", ["killed", "shut down", "stopped"])
def test_a_server_that_is_away_is_said_and_survived(
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
        # More than there are threads to wait for it.
        asked = time.monotonic()
        with ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(lambda _: api("GET", writers.board), range(100)))
        assert {answer.status for answer in answers} == {503}
        assert all(answer.headers["Retry-After"] for answer in answers)
        assert time.monotonic() - asked < 6
        stream = api("GET", writers.board, headers={"Accept": "text/event-stream"})
        assert stream.status == 200 and stream.text.startswith("retry: ")
        if how == "stopped":
            own_server.program.signal_all(signal.SIGCONT)
        else:
            own_server.program.start()
        writers.mark()
    assert writers.failures > 0


@pytest.mark.parametrize("which", ["the feed's", "all"])
@pytest.mark.parametrize("store", SERVERS)
def test_a_link_cut_without_a_reset_is_noticed_and_rebuilt(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    board_id: str,
    under_load: Load,
    store: str,
    which: str,
) -> None:
    server: Server = request.getfixturevalue(f"{store}_server")
    url = server.database(f"fault_{board_id}")
    with (
        Link(server.port) as link,
        Stack(url, tmp_path, url.replace(f":{server.port}/", f":{link.port}/")) as stack,
        under_load(stack) as writers,
    ):
        wait_until(lambda: len(link.pairs) == 3, "lease, feed and keeper to be connected")
        cut = time.monotonic()
        link.cut(only=1 if which == "the feed's" else None)
        wait_until(
            lambda: stack.listener.log.read_text().count("listening,") == 2,
            "the listener to be back",
            30,
        )
        writers.mark(since=cut)


def test_a_full_disk_is_said_and_loses_nothing(
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
                wait_until(lambda: writers.failures > 5, "the disk to be full", 60)
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


def test_five_thousand_viewers_at_once_are_all_served(
    stack: Stack, api: Api, board_id: str, recovered: Recovered
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 6000:
        pytest.skip(f"only {hard} open files are allowed here")
    board = make_board(api, board_id)
    api("POST", f"{board}players/alice/score-add/")
    before = stack.memory()
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 6000), hard))
    try:
        started = time.monotonic()
        answers = asyncio.run(first_events(stack.port, board, viewers=5000, seconds=100))
        recovered(time.monotonic() - started)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert {status for status, _ in answers} == {"HTTP/1.1 200 OK"}
    assert {id for _, id in answers} == {api("GET", board).headers["ETag"].strip('"')}
    after = stack.memory()
    for name in ("web", "listener"):
        assert after[name] - before[name] < GROWTH_BYTES, name
    assert after["pushpin"] - before["pushpin"] < 5000 * BYTES_A_VIEWER


def test_the_python_client_counts_once_and_goes_on_watching_through_restarts(
    stack: Stack, board_id: str
) -> None:
    with Leaderboard(f"http://localhost:{stack.port}") as leaderboard:
        board = leaderboard.create_board(board_id)
        alice = board.add_player("Alice")
        seen: list[int] = []

        def watch() -> None:
            for snapshot in board.watch():
                seen.append(snapshot["players"][0]["score"])
                if seen[-1] == 60:
                    return

        thread = threading.Thread(target=watch)
        thread.start()
        wait_until(lambda: seen, "the snapshot")
        for program, score in ((stack.web, 20), (stack.pushpin, 40), (stack.listener, 60)):
            restart(program)
            for _ in range(20):
                last = alice.add()
            assert last == score
        thread.join(20)
        assert not thread.is_alive() and sorted(seen) == seen
