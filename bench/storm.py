#!/usr/bin/env python3
"""Thousands of viewers who connect at the same moment, beside the least that Pushpin can do.

usage: bench/storm.py [--store sqlite|rethinkdb] [--viewers 5000] [--runs 5]

Prints how long it took until every viewer had the board's snapshot, and how long the same Pushpin
takes until as many viewers have the headers of an empty hold: a bare WSGI application on the same
gunicorn, which sends the same headers and no body. (With an origin that costs nothing at all, the
time of an empty hold would be shorter still.)
"""

import argparse
import asyncio
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.service import STORES, post, service  # noqa: E402
from tests.processes import Stack, wait_until  # noqa: E402

BOARD = "/boards/hot/"
GIVE_UP_SECONDS = 120.0
APPLICATIONS = ("leaderboard_project.wsgi", "bench.storm:empty_hold")


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


def summary(storms: list[tuple[float, int]]) -> dict[str, Any]:
    times = [took for took, _ in storms]
    return {
        "seconds, median": round(statistics.median(times), 2),
        "seconds, worst": round(max(times), 2),
        "failures": sum(failed for _, failed in storms),
    }


def serve(stack: Stack, application: str) -> None:
    """Have gunicorn run this application from now on."""
    stack.web.stop()
    stack.web.command = [
        application if part in APPLICATIONS else part for part in stack.web.command
    ]
    stack.web.start()
    wait_until(stack.answers, application)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=STORES, default="sqlite")
    parser.add_argument("--viewers", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with service(options.store) as stack:
        post(stack, "/boards/", {"id": "hot"})
        for number in range(5):
            post(stack, f"{BOARD}players/", {"id": f"p{number}", "name": f"Player {number}"})
        ours: list[tuple[float, int]] = []
        bare: list[tuple[float, int]] = []
        # By turns, because other work on the machine comes and goes.
        for _ in range(options.runs):
            for application, until, storms in zip(
                APPLICATIONS, (b"data: ", b"\r\n\r\n"), (ours, bare), strict=True
            ):
                serve(stack, application)
                storms.append(asyncio.run(storm(stack.port, options.viewers, until)))
                time.sleep(2)  # until Pushpin has let go of them
        ratios = [mine / least for (mine, _), (least, _) in zip(ours, bare, strict=True)]
        ratio: float | None = round(statistics.median(ratios), 2)
        if any(failed for _, failed in ours + bare):
            ratio = None  # whoever failed at once took no time
        figures = {"snapshots": summary(ours), "empty holds": summary(bare), "ratio": ratio}
        print(json.dumps({"store": options.store, "viewers": options.viewers, **figures}, indent=2))


if __name__ == "__main__":
    main()
