"""Viewers of boards, as many as one process can be, and events that are published to them."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import cast

SCORE = re.compile(rb'"score":(\d+),')
RELEASED_PER_SECOND = 5000  # closed connections, by Pushpin


def snapshot(board: str, players: Iterable[tuple[str, str, int]]) -> str:
    """Return a board's JSON as the service has it. A player is (id, name, score), best first."""
    ranked = [
        {"id": id, "name": name, "score": score, "rank": rank}
        for rank, (id, name, score) in enumerate(players, 1)
    ]
    return json.dumps({"id": board, "name": "", "players": ranked}, separators=(",", ":"))


def event(snapshot: str) -> str:
    """Return the event of a stream, as long as the service's."""
    return f"event: update\nid: {0:032}\ndata: {snapshot}\n\n"


class Viewer(asyncio.Protocol):
    """A viewer of one board. It reconnects when its connection ends, as an EventSource does."""

    def __init__(self, port: int, path: str) -> None:
        self.port, self.path = port, path
        self.opened = False  # an event has come, so the stream is held
        self.received: list[tuple[float, int]] = []  # the time, and the score in the snapshot
        self.connects = 0
        self.closing = False
        self.transport: asyncio.Transport | None = None

    async def connect(self) -> None:
        self.connects += 1
        self.rest = b""
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self.port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        request = (
            f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        )
        self.transport.write(request.encode())

    def data_received(self, data: bytes) -> None:
        # Parsing all of it as JSON would take more time than the service does.
        text = self.rest + data
        scores = SCORE.findall(text)
        self.opened = self.opened or b"event: " in text
        self.rest = data[-100:] if not scores else b""
        now = time.monotonic()
        self.received += [(now, int(score)) for score in scores]

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closing:
            loop = asyncio.get_running_loop()
            loop.call_later(1, lambda: loop.create_task(self.connect()))

    def close(self) -> None:
        self.closing = True
        if self.transport:
            self.transport.close()


@asynccontextmanager
async def held_viewers(port: int, path: str, number: int) -> AsyncIterator[list[Viewer]]:
    """Connect viewers of one board; yield them when their streams have begun, and close them."""
    viewers = [Viewer(port, path) for _ in range(number)]
    try:
        for start in range(0, number, 1000):
            await asyncio.gather(*(viewer.connect() for viewer in viewers[start : start + 1000]))
            while not all(viewer.opened for viewer in viewers[: start + 1000]):
                await asyncio.sleep(0.1)
        yield viewers
    finally:
        for viewer in viewers:
            viewer.close()
        await asyncio.sleep(number / RELEASED_PER_SECOND)


async def open_viewers(port: int, paths: Iterable[str]) -> list[Viewer]:
    """Connect a viewer to each path; return them when each has its first snapshot."""
    viewers = [Viewer(port, path) for path in paths]
    for start in range(0, len(viewers), 1000):
        await asyncio.gather(*(viewer.connect() for viewer in viewers[start : start + 1000]))
        while not all(viewer.received for viewer in viewers[: start + 1000]):
            await asyncio.sleep(0.1)
    return viewers
