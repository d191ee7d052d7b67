"""A link that knows of the event streams that browsers have open through it."""

import socket
from collections.abc import Iterator

import pytest

from tests.faults.link import Link
from tests.support.stack import Stack


class StreamCounter(Link):
    """Counts streams: those of a SharedWorker are seen by no page."""

    def __init__(self, target: int) -> None:
        self.streams: set[socket.socket] = set()
        self.begun = 0
        super().__init__(target)

    @property
    def open(self) -> int:
        return sum(client in self.streams for client, _ in list(self.pairs))

    def _read(self, end: socket.socket) -> bytes:
        data = super()._read(end)
        if any(end is client for client, _ in self.pairs):
            is_stream = b"text/event-stream" in data
            self.begun += is_stream
            (self.streams.add if is_stream else self.streams.discard)(end)
        return data


@pytest.fixture
def counter(stack: Stack) -> Iterator[StreamCounter]:
    with StreamCounter(stack.port) as counter:
        yield counter
