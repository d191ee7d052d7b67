"""The doctor names what is broken, and what to do."""

import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.programs import free_ports
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


def test_the_web_processes_asked_past_pushpin(stack: Stack) -> None:
    text, remedy = only(examine(stack, f"http://localhost:{stack.web_port}"))
    assert "501" in text and "Pushpin's port" in remedy


def test_nothing_and_something_else_at_the_address(stack: Stack) -> None:
    [port] = free_ports(1)
    text, remedy = only(examine(stack, f"http://localhost:{port}"))
    assert f"localhost:{port}" in text and "--url" in remedy


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
