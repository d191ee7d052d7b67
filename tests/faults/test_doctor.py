"""The doctor names what is broken, and what to do."""

import re
import signal
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.programs import PROJECT, START_SECONDS, free_ports, is_ready, wait_until
from tests.support.stack import Stack

pytestmark = pytest.mark.stores("sqlite")


def examine(stack: Stack, url: str = "", conf: Path | None = None, **env: str) -> dict[str, str]:
    """Run the doctor; return what is wrong, and for each what to do. It must end with 1 if it
    reports an error."""
    file = conf or stack.run_dir / "pushpin" / "pushpin.conf"
    options = ["--url", url or f"http://localhost:{stack.port}", "--pushpin-conf", str(file)]
    doctor = stack.manage("doctor", *options, **env)
    found = re.findall(r"^(warning|error) +((?!settings).*)\n +→ (.*)", doctor.stdout, re.MULTILINE)
    assert doctor.returncode == any(level == "error" for level, *_ in found), doctor.stderr
    return {text: remedy for _, text, remedy in found}


def only(found: dict[str, str]) -> tuple[str, str]:
    """Return the one thing that is wrong, and what to do."""
    [(text, remedy)] = found.items()
    return text, remedy


def test_without_the_store_all_else_is_looked_at(stack: Stack) -> None:
    [port] = free_ports(1)
    found = examine(stack, DATABASE_URL=f"postgresql://postgres@127.0.0.1:{port}/x")
    [store, rest] = found
    assert store.startswith("store: postgresql does not answer") and str(port) in store
    assert "DATABASE_URL" in found[store]
    assert rest.startswith("service: neither")


def test_a_store_of_another_version(stack: Stack, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/empty.sqlite3"
    missing, *_ = examine(stack, DATABASE_URL=url).items()
    assert "migrations are missing" in missing[0] and "ensure_store" in missing[1]
    stack.manage("ensure_store", DATABASE_URL=url)
    code = "from django.db.migrations.recorder import MigrationRecorder as R; "
    code += "from django.db import connection; R(connection).record_applied('store', '9999_later')"
    assert stack.manage("shell", "-c", code, DATABASE_URL=url).returncode == 0
    newer, listener, other = examine(stack, DATABASE_URL=url).items()
    assert "9999_later" in newer[0] and "newer version" in newer[1]
    assert "listener: none runs" in listener[0]
    assert "do not find a board" in other[0] and "DATABASE_URL" in other[1]


def test_fewer_files_than_viewers(stack: Stack, tmp_path: Path) -> None:
    conf = (stack.run_dir / "pushpin" / "pushpin.conf").read_text()
    changed = tmp_path / "pushpin.conf"
    changed.write_text(conf.replace("client_maxconn = 20000", "client_maxconn = 99999999"))
    text, remedy = only(examine(stack, conf=changed))
    assert str(changed) in text and "may open" in text and "LimitNOFILE" in remedy


def test_an_address_in_grip_url_that_is_nobodys(stack: Stack) -> None:
    [port] = free_ports(1)
    address = f"tcp://localhost:{port}"
    url = f"{stack.env['GRIP_URL']} {address}?iss=pushpin&key=base64:{'b' * 44}"
    text, remedy = only(examine(stack, GRIP_URL=url))
    assert address in text and "bbbb" not in text
    assert "Start that Pushpin" in remedy and "WebSockets" in remedy


def test_no_listener_one_that_stands_still_and_one_without_boards(stack: Stack) -> None:
    stack.listener.signal_all(signal.SIGSTOP)
    found = examine(stack)
    stack.listener.signal_all(signal.SIGCONT)
    still, unseen = found
    assert "listener: no sign of life" in still and "dblistener.py" in found[still]
    assert "a change is not shown" in unseen
    stack.listener.stop()
    none, _ = examine(stack).items()
    assert "listener: none runs" in none[0] and "dblistener.py" in none[1]


def test_a_listener_that_publishes_elsewhere(stack: Stack) -> None:
    stack.listener.stop()
    [port] = free_ports(1)
    elsewhere = stack.env["GRIP_URL"].replace("localhost:", "127.0.0.2:")
    other = stack.program("elsewhere", stack.listener.command, GRIP_URL=elsewhere)
    try:
        text, remedy = only(examine(stack))
    finally:
        other.stop()
    assert "a change is not shown" in text and "GRIP_URL" in remedy


def test_one_of_two_listeners_publishes_elsewhere(stack: Stack) -> None:
    elsewhere = stack.env["GRIP_URL"].replace("localhost:", "127.0.0.2:")
    other = stack.program("drifted", stack.listener.command, GRIP_URL=elsewhere)
    try:
        wait_until(lambda: "listening to 8 of" in other.output(), "its share")
        text, remedy = only(examine(stack))
    finally:
        other.stop()
    assert "listener: changes of boards of" in text and "GRIP_URL" in remedy
    assert f"{socket.gethostname()}:{other.process.pid}:" in text


def test_a_pushpin_that_is_not_in_grip_url(stack: Stack, tmp_path: Path) -> None:
    control, *ports = free_ports(3)
    key = stack.env["GRIP_URL"].split("?")[1].split()[0]
    command = [sys.executable, "script/pushpin", f"--port=127.0.0.1:{ports[0]}", *stack.options]
    env = {"GRIP_URL": f"tcp://localhost:{control}?{key}", "PUSHPIN_RUN_DIR": f"{stack.run_dir}/x"}
    file = tmp_path / "haproxy.cfg"
    file.write_text(BY_TURNS.format(port=ports[1], first=stack.port, second=ports[0]))
    pushpin = stack.program("unknown-pushpin", command, **env)
    front = stack.program("front", ["haproxy", "-db", "-f", str(file)])
    try:
        wait_until(lambda: is_ready(ports[0]), "an answer through Pushpin", START_SECONDS)
        wait_until(lambda: is_ready(ports[1]), "an answer through the front", START_SECONDS)
        text, remedy = only(examine(stack, f"http://localhost:{ports[1]}"))
    finally:
        front.stop()
        pushpin.stop()
    assert "to some viewers of a board, and not to 2 of 4" in text and "GRIP_URL" in remedy


BY_TURNS = """
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend all
    bind 127.0.0.1:{port}
    default_backend pushpins
backend pushpins
    balance roundrobin
    server one 127.0.0.1:{first}
    server two 127.0.0.1:{second}
"""


def test_a_store_that_takes_no_writes(stack: Stack) -> None:
    with open_file(stack) as database:
        database.execute("BEGIN IMMEDIATE")
        store, rest = examine(stack).items()
    assert "store: it takes no writes: database is locked" in store[0]
    assert "service: neither" in rest[0]


def test_a_store_that_tells_of_no_change_and_takes_no_ticket(stack: Stack) -> None:
    with open_file(stack) as database:
        for table, action in [("change", "IGNORE"), ("ticket", "ABORT, 'not granted'")]:
            body = f"BEFORE INSERT ON {table} BEGIN SELECT RAISE({action}); END"
            database.execute(f"CREATE TRIGGER broken_{table} {body}")
        try:
            untold, unstored = examine(stack).items()
        finally:
            database.execute("DROP TRIGGER broken_change")
            database.execute("DROP TRIGGER broken_ticket")
    assert "does not say that there was one" in untold[0] and "TRIGGER" in untold[1]
    assert "did not take the ticket" in unstored[0] and "store unavailable" in unstored[1]


@contextmanager
def open_file(stack: Stack) -> Iterator[sqlite3.Connection]:
    """Open the stack's database, as somebody at a console does."""
    path = stack.env["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(PROJECT / path, isolation_level=None)) as database:
        yield database


def test_the_web_processes_asked_past_pushpin(stack: Stack) -> None:
    text, remedy = only(examine(stack, f"http://localhost:{stack.web_port}"))
    assert "501" in text and "Pushpin's port" in remedy


def test_nothing_and_something_else_at_the_address(stack: Stack) -> None:
    [port] = free_ports(1)
    text, remedy = only(examine(stack, f"http://localhost:{port}"))
    assert f"localhost:{port}" in text and "--url" in remedy


def test_two_doctors_at_once_find_nothing(stack: Stack) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert [*pool.map(examine, [stack, stack])] == [{}, {}]


def test_a_redirect_is_followed(stack: Stack) -> None:
    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(301)
            self.send_header("Location", f"http://localhost:{stack.port}{self.path}")
            self.end_headers()

        do_POST = do_GET

    with ThreadingHTTPServer(("127.0.0.1", 0), Redirect) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            assert examine(stack, f"http://localhost:{server.server_port}") == {}
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    "way, text, remedy",
    [
        ("collects", "nothing of a stream arrives", "buffering"),
        ("without Accept", "application/json", "Accept header"),
        ("ends at once", "a stream ended", "what is before it"),
    ],
)
def test_what_is_before_pushpin(stack: Stack, way: str, text: str, remedy: str) -> None:
    with front(stack.port, way) as port:
        found = only(examine(stack, f"http://localhost:{port}"))
    assert text in found[0] and remedy in found[1]


@contextmanager
def front(behind: int, way: str) -> Iterator[int]:
    """A front proxy with a fault, one request at a time; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, behind, way))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def serve(listener: socket.socket, behind: int, way: str) -> None:
    with suppress(OSError):  # the listener is shut
        while True:
            client, _ = listener.accept()
            with client, socket.create_connection(("127.0.0.1", behind)) as service:
                request = client.recv(65536)
                request = re.sub(rb"(?i)connection: [^\r]*", b"Connection: close", request)
                is_stream = b"/boards/" in request
                if way == "without Accept":
                    request = re.sub(rb"(?im)^accept: [^\r]*\r\n", b"", request)
                service.sendall(request)
                hand_on(service, client, way if is_stream else "")


def hand_on(service: socket.socket, client: socket.socket, way: str) -> None:
    """Hand on what the service says. A front that collects holds it until the client has gone."""
    if way == "collects":
        client.recv(1)
        return
    with suppress(OSError):
        while data := service.recv(65536):
            if way == "ends at once":
                data = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            client.sendall(data)
            if way == "ends at once":
                return
