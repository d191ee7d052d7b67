"""Run the two commands of README.md on new machines: Debian 12 and 13, as root and as a user.

usage: python -m tests.fresh [--suite bookworm|trixie] [--user root|dev] [--folder /var/tmp/fresh]

Run it as root, before a release; it needs debootstrap, and takes some ten minutes for each suite.
It prints how long each step took. New systems are kept in the folder, and copied for each run. No
test that script/test runs does this.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.request import Request, urlopen

import psutil

from tests.fresh.machine import USER, Machine
from tests.support.programs import PROJECT, free_ports, wait_until

SUITES = ("bookworm", "trixie")
LIVE_SECONDS = 900.0
TEST_SECONDS = 1800.0
STREAM = {"Accept": "text/event-stream"}


class Step:
    """A step, whose time is printed once it is done."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.began_at = time.monotonic()

    def __exit__(self, error: object, *_: object) -> None:
        seconds = time.monotonic() - self.began_at
        print(f"{self.name}: {seconds:.0f} s{' (failed)' if error else ''}", flush=True)


def ask(url: str, body: object = None, headers: dict[str, str] | None = None) -> bytes:
    """Return the answer to a request, or the first five lines of it if it is a stream."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    with urlopen(Request(url, data, headers), timeout=10) as answer:
        if headers.get("Accept") == STREAM["Accept"]:
            return b"".join(answer.readline() for _ in range(5))
        content: bytes = answer.read()
        return content


def try_service(machine: Machine, user: str, log: Path) -> None:
    """Run script/server until a board is live, then end it. Raises if any of that fails."""
    http, pushpin, websockets, web, control, control2 = free_ports(6)
    key = f"iss=pushpin&key=base64:{'a' * 44}"
    variables = {
        "LOCAL_HTTP_PORT": str(http),
        "LOCAL_PUSHPIN_PORT": str(pushpin),
        "LOCAL_WEBSOCKETS_PORT": str(websockets),
        "LOCAL_WEB_PORT": str(web),
        "GRIP_URL": f"tcp://localhost:{control}?{key} tcp://localhost:{control2}?{key}",
    }
    url = f"http://127.0.0.1:{http}"
    server = machine.start("script/server; exit $?", user, variables, log)
    try:

        def is_live() -> bool:
            assert server.poll() is None, f"script/server ended: {log}"
            with suppress(OSError):
                return bool(ask(f"{url}/readyz"))
            return False

        wait_until(is_live, "the service", LIVE_SECONDS)
        board = json.loads(ask(f"{url}/boards/", {"name": "Demo"}))["id"]
        assert json.loads(ask(f"{url}/boards/{board}/"))["players"] == []
        stream = ask(f"{url}/boards/{board}/", headers=STREAM)
        assert b"event: update" in stream and board.encode() in stream, stream
    finally:
        end_service(server)


def end_service(server: "subprocess.Popen[bytes]") -> None:
    """Send SIGTERM to script/server, and wait for its end. Raises if it does not end."""
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(server.pid).children(recursive=True):
            if "local_run" in process.cmdline():
                process.terminate()
    try:
        assert server.wait(15) in (0, 1, 143), f"script/server ended with {server.returncode}"
    except subprocess.TimeoutExpired:
        server.kill()
        raise AssertionError("script/server did not end") from None


def try_tests(machine: Machine, user: str, log: Path) -> None:
    """Run script/test --fast. Raises if it fails."""
    tests = machine.start("script/test --fast; exit $?", user, {"CI": "true"}, log)
    try:
        assert tests.wait(TEST_SECONDS) == 0, f"script/test --fast failed: {log}"
    finally:
        tests.kill()
        tests.wait()
        with suppress(IndexError):
            print(f"  {log.read_text().splitlines()[-1]}")


def try_suite(suite: str, users: list[str], folder: Path) -> bool:
    """Try the commands on a new machine for each user; return whether all succeeded."""
    succeeded = True
    first = Machine(folder / suite)
    if not first.root.exists():
        with Step(f"{suite}: debootstrap"):
            first.make(suite)
    for user in users:
        name = f"{suite}-{user}"
        machine = first.copy(folder / name)
        try:
            machine.put_project(PROJECT, user)
            with Step(f"{name}: from nothing to a live board"):
                try_service(machine, user, folder / f"{name}-server.log")
            with Step(f"{name}: again, to a live board"):
                try_service(machine, user, folder / f"{name}-server-again.log")
            with Step(f"{name}: script/test --fast"):
                try_tests(machine, user, folder / f"{name}-test.log")
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            succeeded = False
        finally:
            shutil.rmtree(machine.root)
    return succeeded


def main() -> None:
    """Try all that was asked for. Exits with 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--suite", choices=SUITES, action="append")
    parser.add_argument("--user", choices=("root", USER), action="append")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/fresh"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    users = options.user or ["root", USER]
    results = [try_suite(suite, users, options.folder) for suite in options.suite or SUITES]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
