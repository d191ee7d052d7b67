"""Thousands of viewers who connect at the same moment, beside the least that Pushpin can do: how
long it takes until every viewer has the board's snapshot, and until as many have the headers of an
empty hold, from a bare WSGI application on the same gunicorn that sends the same headers and no
body. (With an origin that costs nothing at all, an empty hold would take less time still.)
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bench.figure import Figure
from bench.service import SERVICE, Options, post, serve, service

BOARD = "/boards/hot/"
GIVE_UP_SECONDS = 120.0
APPLICATIONS = ((SERVICE, b"data: "), ("bench.storm:empty_hold", b"\r\n\r\n"))


def empty_hold(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """The WSGI application to compare with."""
    headers = [
        ("Content-Type", "text/event-stream"),
        ("Content-Length", "0"),
        ("Cache-Control", "no-cache"),
        ("Vary", "Accept"),
        ("Grip-Hold", "stream"),
        ("Grip-Channel", "board-hot"),
        ("Grip-Keep-Alive", r":\n\n; format=cstring; timeout=20"),
    ]
    start("200 OK", headers)
    return [b""]


class Viewer(asyncio.Protocol):
    def __init__(self, until: bytes, arrived: Callable[[bool], None]) -> None:
        self.until, self.arrived = until, arrived
        self.seen = b""
        self.done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        request = f"GET {BOARD} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        transport.write(request.encode())

    def data_received(self, data: bytes) -> None:
        if not self.done:
            self.seen += data
            if self.until in self.seen:
                self.finish(self.seen.startswith(b"HTTP/1.1 200 "))

    def connection_lost(self, error: Exception | None) -> None:
        self.finish(False)

    def finish(self, well: bool) -> None:
        if not self.done:
            self.done = True
            self.arrived(well)


async def storm(port: int, viewers: int, until: bytes) -> tuple[float, int]:
    """Seconds until all have seen `until`, and how many never did."""
    loop = asyncio.get_running_loop()
    answers: list[bool] = []
    everybody = asyncio.Event()

    def arrived(well: bool) -> None:
        answers.append(well)
        if len(answers) == viewers:
            everybody.set()

    def viewer() -> Viewer:
        return Viewer(until, arrived)

    began = time.monotonic()
    made = [loop.create_connection(viewer, "127.0.0.1", port) for _ in range(viewers)]
    held = await asyncio.gather(*made)
    try:
        await asyncio.wait_for(everybody.wait(), GIVE_UP_SECONDS)
    except TimeoutError:
        pass
    took = time.monotonic() - began
    for transport, _ in held:
        transport.abort()
    return took, viewers - sum(answers)


def measure(options: Options) -> Iterator[Figure]:
    viewers = 100 if options.short else 5000
    took: tuple[list[float], list[float]] = ([], [])
    failed = [0, 0]
    with service(options.store) as stack:
        post(stack, "/boards/", {"id": "hot"})
        for number in range(5):
            post(stack, f"{BOARD}players/", {"id": f"p{number}", "name": f"Player {number}"})
        # By turns, because other work on the machine comes and goes.
        for _ in range(options.runs):
            for which, (application, until) in enumerate(APPLICATIONS):
                serve(stack, application)
                seconds, failures = asyncio.run(storm(stack.port, viewers, until))
                took[which].append(seconds)
                failed[which] += failures
                time.sleep(2)  # until Pushpin has let go of them
    name = f"storm of {viewers:,} viewers"
    yield Figure(
        f"{name}: all have the snapshot",
        options.store,
        "s",
        took[0],
        took[1],
        at_most=1.3,
        more_is_better=False,
    )
    yield Figure(
        f"{name}: failures",
        options.store,
        "",
        [float(failed[0])],
        at_most=0,
        marked="value",
        more_is_better=False,
    )
