"""Clients of the service over HTTP: requests, and event streams that are held open."""

import asyncio
import json
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any, NamedTuple, Self

import jwt
import pytest
from django.conf import settings

from tests.support.programs import WAIT_SECONDS, wait_until
from tests.support.stack import Stack


def token(scope: str, *boards: str, **others: str) -> str:
    key = next(key for algorithm, key in settings.TOKEN_KEYS if algorithm == "HS256")
    claims = {"scope": scope, "boards": boards, "exp": int(time.time()) + 120, **others}
    return jwt.encode(claims, key, algorithm="HS256")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Api:
    def __init__(self, port: int, patience: float = 30) -> None:
        """`patience` is how many seconds an answer may take. A start of the web takes up to 10."""
        self.port, self.patience = port, patience

    def __call__(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        connection = HTTPConnection("localhost", self.port, timeout=self.patience)
        all_headers = dict(headers or {})
        if body is not None:
            all_headers["Content-Type"] = "application/json"
        try:
            connection.request(
                method, path, None if body is None else json.dumps(body), all_headers
            )
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read().decode())
        finally:
            connection.close()


class Event(NamedTuple):
    name: str
    id: str
    data: Any


class Viewer:
    """An EventSource: reads one stream in a thread and keeps its events."""

    def __init__(self, port: int, path: str, last_event_id: str = "") -> None:
        self.events: list[Event] = []  # snapshots
        self.others: list[tuple[str, Any]] = []  # other events: name, data
        self.closed = threading.Event()
        self.connection = HTTPConnection("localhost", port, timeout=60)
        headers = {"Accept": "text/event-stream"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        self.connection.request("GET", path, headers=headers)
        self.response = self.connection.getresponse()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        sock = self.connection.sock
        if sock is not None:
            sock.shutdown(2)
        self.thread.join(5)
        self.response.close()
        self.connection.close()

    def wait_for(
        self, condition: Callable[[Event], Any], what: str, seconds: float = WAIT_SECONDS
    ) -> Event:
        """Wait for an event that fulfils the condition, and return the first one."""
        wait_until(lambda: any(map(condition, list(self.events))), what, seconds)
        return next(filter(condition, self.events))

    def heard(self, name: str) -> list[Any]:
        """Return the data of events of this name, other than updates."""
        return [data for event, data in self.others if event == name]

    def scores(self) -> dict[str, int]:
        """Return {name: score} of the newest snapshot; none before the first one."""
        return {
            row["name"]: row["score"] for event in self.events[-1:] for row in event.data["players"]
        }

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            while line := self.response.readline().decode():
                line = line.rstrip("\n")
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                elif "data" in fields:
                    data = json.loads(fields["data"])
                    event = Event(fields["event"], fields.get("id", ""), data)
                    if event.name == "update":
                        self.events.append(event)
                    else:
                        self.others.append((event.name, data))
                    fields = {}
        except (OSError, ValueError, AttributeError):
            pass  # the connection ended under the reader
        finally:
            self.closed.set()


def settle(stack: Stack, path: str) -> None:
    """Change the board's name, and wait until the listener has published that for the last time.

    No older snapshot is on its way to viewers then."""
    with Viewer(stack.port, path) as viewer:
        wait_until(lambda: viewer.events, "the first snapshot")
        assert Api(stack.port)("PATCH", path, {"name": "Settled"}).status == 200
        wait_until(
            lambda: (
                [event.data["name"] for event in viewer.events].count("Settled") > stack.repeats
            ),
            "the repeat",
        )


@contextmanager
def open_files(number: int) -> Iterator[None]:
    """Have this process be allowed so many, or skip the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < number:
        pytest.skip(f"only {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def first_events(port: int, path: str, viewers: int, seconds: float) -> list[tuple[str, str]]:
    """Open so many streams at once, and hold all open until each has had its first event.

    Return of each its status line, and the id in that event, empty if it did not come in time."""
    all_served = asyncio.Event()
    waiting = viewers

    async def view() -> tuple[str, str]:
        nonlocal waiting
        status, id = "", ""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                request = (
                    f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
                )
                writer.write(request.encode())
                status = (await reader.readline()).decode().strip()
                while not id and (line := (await reader.readline()).decode()):
                    id = line[4:].strip() if line.startswith("id: ") else ""
                waiting -= 1
                if not waiting:
                    all_served.set()
                await all_served.wait()
            finally:
                writer.close()
        except OSError as error:
            status = status or str(error)
        return status, id

    async def bounded() -> tuple[str, str]:
        try:
            return await asyncio.wait_for(view(), seconds)
        except TimeoutError:
            return "time is over", ""

    return await asyncio.gather(*(bounded() for _ in range(viewers)))
