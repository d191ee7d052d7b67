#!/usr/bin/env python3
"""Thousands of viewers who connect at the same moment, beside the least that Pushpin can do.

usage: bench/storm.py [--store sqlite|rethinkdb] [--viewers 5000] [--runs 3]

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
from tests.processes import wait_until  # noqa: E402

BOARD = "/boards/hot/"
GIVE_UP_SECONDS = 120.0


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


def measure(port: int, viewers: int, until: bytes, runs: int) -> dict[str, Any]:
    times, failures = [], 0
    for _ in range(runs):
        took, failed = asyncio.run(storm(port, viewers, until))
        times.append(took)
        failures += failed
        time.sleep(2)  # until Pushpin has let go of them
    return {
        "seconds, median": round(statistics.median(times), 2),
        "seconds, worst": round(max(times), 2),
        "failures": failures,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=STORES, default="sqlite")
    parser.add_argument("--viewers", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with service(options.store) as stack:
        post(stack, "/boards/", {"id": "hot"})
        for number in range(5):
            post(stack, f"{BOARD}players/", {"id": f"p{number}", "name": f"Player {number}"})
        ours = measure(stack.port, options.viewers, b"data: ", options.runs)
        stack.web.stop()
        stack.web.command = [
            "bench.storm:empty_hold" if part == "leaderboard_project.wsgi" else part
            for part in stack.web.command
        ]
        stack.web.start()
        wait_until(stack.answers, "the peer")
        bare = measure(stack.port, options.viewers, b"\r\n\r\n", options.runs)
        ratio = round(ours["seconds, median"] / bare["seconds, median"], 2)
        if ours["failures"] or bare["failures"]:
            ratio = None  # whoever failed at once took no time
        figures = {"snapshots": ours, "empty holds": bare, "ratio": ratio}
        print(json.dumps({"store": options.store, "viewers": options.viewers, **figures}, indent=2))


if __name__ == "__main__":
    main()
