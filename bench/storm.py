"""Measure a storm: how long until thousands of viewers who connect at once have the snapshot.

The baseline is how long until as many viewers have the headers of an empty hold. A bare WSGI
application on the same gunicorn sends them, with no body. (With an origin that costs nothing at
all, an empty hold would take less time still.)
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bench.figure import Figure, at_most
from bench.service import SERVICE, Options, post, serve, service
from bench.viewers import RELEASED_PER_SECOND

BOARD = "/boards/hot/"
GIVE_UP_SECONDS = 120.0
APPLICATIONS = ((SERVICE, b"data: "), ("bench.storm:empty_hold", b"\r\n\r\n"))


def empty_hold(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the headers of a hold. This is the baseline's WSGI application."""
    headers = [
        ("Content-Type", "text/event-stream"),
        ("Content-Length", "0"),
        ("Cache-Control", "no-cache"),
        ("Vary", "Accept"),
        ("Grip-Hold", "stream"),
        ("Grip-Channel", "board-hot"),
        (
            "Grip-Keep-Alive",
            r"event: keep-alive\ndata: {}\n\n; format=cstring; mode=interval; timeout=20",
        ),
    ]
    start("200 OK", headers)
    return [b""]


class StormViewer(asyncio.Protocol):
    """A viewer that reports once: success when `until` has come, or failure when it cannot come."""

    def __init__(self, until: bytes, report: Callable[[bool], None]) -> None:
        self.until, self.report = until, report
        self.received = b""
        self.done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        request = f"GET {BOARD} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        transport.write(request.encode())

    def data_received(self, data: bytes) -> None:
        if not self.done:
            self.received += data
            if self.until in self.received:
                self.finish(self.received.startswith(b"HTTP/1.1 200 "))

    def connection_lost(self, error: Exception | None) -> None:
        self.finish(False)

    def finish(self, succeeded: bool) -> None:
        if not self.done:
            self.done = True
            self.report(succeeded)


async def storm(port: int, viewers: int, until: bytes) -> tuple[float, int]:
    """Return the seconds until all have received `until`, and how many never did."""
    loop = asyncio.get_running_loop()
    results: list[bool] = []
    all_reported = asyncio.Event()

    def report(succeeded: bool) -> None:
        results.append(succeeded)
        if len(results) == viewers:
            all_reported.set()

    def viewer() -> StormViewer:
        return StormViewer(until, report)

    began = time.monotonic()
    connects = [loop.create_connection(viewer, "127.0.0.1", port) for _ in range(viewers)]
    connections = await asyncio.gather(*connects)
    try:
        await asyncio.wait_for(all_reported.wait(), GIVE_UP_SECONDS)
    except TimeoutError:
        pass
    took = time.monotonic() - began
    for transport, _ in connections:
        transport.abort()
    return took, viewers - sum(results)


def measure(options: Options) -> Iterator[Figure]:
    viewers = options.pick(100, 1000, 5000)
    took: tuple[list[float], list[float]] = ([], [])
    failed = [0, 0]
    with service(options.store) as stack:
        post(stack, "/boards/", {"id": "hot"})
        for number in range(5):
            post(stack, f"{BOARD}players/", {"id": f"p{number}", "name": f"Player {number}"})
        # In turns, because other work on the machine comes and goes.
        for _ in range(options.runs):
            for index, (application, until) in enumerate(APPLICATIONS):
                serve(stack, application)
                seconds, failures = asyncio.run(storm(stack.port, viewers, until))
                took[index].append(seconds)
                failed[index] += failures
                time.sleep(viewers / RELEASED_PER_SECOND)
    name = f"storm of {viewers:,} viewers"
    yield Figure(
        f"{name}: all have the snapshot",
        options.store,
        "s",
        took[0],
        took[1],
        targets=(at_most(1.3),),
    )
    yield Figure(
        f"{name}: failures",
        options.store,
        "",
        [float(failed[0])],
        targets=(at_most(0, "value"),),
    )
