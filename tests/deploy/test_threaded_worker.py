"""gunicorn's worker with threads of its own, before a small application in place of the service."""

import http.client
import os
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.programs import Program, free_ports, wait_until

pytestmark = pytest.mark.processes

THREADS = 2
APPLICATION = """
import os
import threading
from leaderboard_project import threaded_worker

threaded_worker.REQUEST_SECONDS = 1
asked, released = threading.Event(), threading.Event()

class Worker(threaded_worker.ThreadedWorker):
    def handle(self, listener, client, address):
        if client.recv(5, threaded_worker.socket.MSG_PEEK) == b"BREAK":
            raise RuntimeError("a thread that breaks")
        super().handle(listener, client, address)

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/wait":
        asked.set()
        released.wait()
    if path == "/asked":
        asked.wait()
    if path == "/pid":
        path = str(os.getpid())
    if path == "/thread":
        path = threading.current_thread().name
    if path == "/length":
        path = str(len(environ["wsgi.input"].read()))
    if path == "/release":
        threading.Timer(0.3, released.set).start()
    body = b"x" * 300_000 if path == "/large" else path.encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


class Web(Program):
    """gunicorn with one process, or as the options say, at a port."""

    def __init__(self, folder: Path, *more: str) -> None:
        (folder / "small.py").write_text(APPLICATION)
        [self.port] = free_ports(1)
        options = ["--no-control-socket", "--worker-class=small.Worker", f"--threads={THREADS}"]
        options += more
        command = [str(Path(sys.executable).with_name("gunicorn")), "small:application", *options]
        path = os.pathsep.join([str(folder), str(Path.cwd())])
        super().__init__(
            [*command, f"--bind=127.0.0.1:{self.port}"], folder / "log", {"PYTHONPATH": path}
        )
        self.wait_for_port(self.port)

    def ask(self, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET" if body is None else "POST", path, body)
            return connection.getresponse().read()
        finally:
            connection.close()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    web = Web(tmp_path)
    yield web
    web.stop()


def in_thread(work: Callable[[], bytes]) -> tuple[threading.Thread, list[bytes]]:
    answers: list[bytes] = []
    thread = threading.Thread(target=lambda: answers.append(work()))
    thread.start()
    return thread, answers


def test_clients_that_say_nothing_are_let_go(web: Web) -> None:
    silent = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(2 * THREADS)]
    assert web.ask("/") == b"/"
    for client in silent:
        client.settimeout(20)
        assert client.recv(1) == b"", "it is closed"
        client.close()


def test_processes_share_requests_that_come_one_by_one(tmp_path: Path) -> None:
    web = Web(tmp_path, "--workers=2")
    try:
        wait_until(lambda: len({web.ask("/pid") for _ in range(20)}) == 2, "both processes")
        answered_by = Counter(web.ask("/pid") for _ in range(40))
    finally:
        web.stop()
    assert min(answered_by.values()) > 10 and len(answered_by) == 2


def test_few_threads_answer_requests_that_come_one_by_one_and_all_those_at_once(
    tmp_path: Path,
) -> None:
    web = Web(tmp_path, "--threads=16")
    try:
        one_by_one = Counter(web.ask("/thread") for _ in range(40))
        waiting = [in_thread(lambda: web.ask("/wait")) for _ in range(15)]
        web.ask("/asked")
        assert web.ask("/thread")
        web.ask("/release")
        for thread, answers in waiting:
            thread.join()
            assert answers == [b"/wait"]
    finally:
        web.stop()
    # Two wait. One that has answered may have its connection to close when the next one comes.
    by_four = sum(number for _, number in one_by_one.most_common(4))
    assert by_four > 20, "in turn it would be 12"


def test_a_process_that_has_answered_enough_is_replaced_at_once(tmp_path: Path) -> None:
    web = Web(tmp_path, "--max-requests=5")
    try:
        for _ in range(30):
            assert web.ask("/") == b"/"
        assert web.output().count("Booting worker") > 3
    finally:
        web.stop()


def test_a_body_may_come_slowly(web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=20) as client:
        client.sendall(b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
        time.sleep(1.5)  # which is more than the rest of the request may take
        client.sendall(b"b")
        assert client.makefile("rb").read().endswith(b"\r\n\r\n2")


def test_an_answer_arrives_whole_though_the_request_was_not_read(web: Web) -> None:
    for _ in range(5):
        assert len(web.ask("/large", b"y" * 50_000)) == 300_000


def test_a_request_is_answered_though_the_process_was_told_to_end(web: Web) -> None:
    waiting, answers = in_thread(lambda: web.ask("/wait"))
    assert web.ask("/asked") == b"/asked"
    assert web.ask("/release") == b"/release"
    web.process.send_signal(signal.SIGTERM)
    waiting.join()
    assert answers == [b"/wait"]
    assert web.process.wait(20) == 0


def test_a_process_of_which_a_thread_has_failed_is_replaced(web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web.port)) as client:
        client.sendall(b"BREAK")
        wait_until(lambda: web.output().count("Booting worker") == 2, "another process")
    assert "a thread that breaks" in web.output()
    assert web.ask("/") == b"/"
