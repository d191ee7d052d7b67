#!/usr/bin/env python3
"""One hot board: as many increments as the machine accepts, while many viewers watch.

usage: bench/hot_board.py [--store sqlite|rethinkdb] [--viewers 1000] [--seconds 60]

Prints how far behind the writes viewers were when an event reached them, how many frames each got,
and when the last of them showed the final score. "Behind" is the age of the oldest acknowledged
increment that an event does not show yet. Writers, viewers and service share the machine.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.processes import RethinkServer, Stack  # noqa: E402

WRITERS = 4
BOARD = "/boards/hot/"
ADD = f"{BOARD}players/hero/score-add/"


class Writers:
    """Threads that post to the web processes directly, on connections that stay open."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.acknowledged: dict[int, float] = {}  # score → when its increment was acknowledged
        self.refused = 0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._post) for _ in range(WRITERS)]

    def _post(self) -> None:
        connection = HTTPConnection("localhost", self.port)
        while not self.stopping.is_set():
            connection.request("POST", ADD)
            response = connection.getresponse()
            answer = json.loads(response.read())
            if response.status == 200:
                self.acknowledged[answer["score"]] = time.monotonic()
            else:
                self.refused += 1
        connection.close()

    def run(self, seconds: float) -> None:
        for thread in self.threads:
            thread.start()
        self.stopping.wait(seconds)
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class Viewer:
    """Comes back when its connection ends, as an EventSource does."""

    def __init__(self) -> None:
        self.events: list[tuple[float, int]] = []  # when, score
        self.connects = 0

    async def watch(self, port: int) -> None:
        while True:
            self.connects += 1
            await self.read(port)
            await asyncio.sleep(1)

    async def read(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        request = f"GET {BOARD} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        writer.write(request.encode())
        try:
            while line := await reader.readline():
                # Parsing all of it as JSON would take more time than the service does.
                _, found, score = line.partition(b'"score":')
                if found:
                    self.events.append((time.monotonic(), int(score.partition(b",")[0])))
        except ConnectionError:
            pass
        finally:
            writer.close()


def behind(event: tuple[float, int], acknowledged: dict[int, float]) -> float:
    when, score = event
    return max(0.0, when - acknowledged.get(score + 1, when))


async def measure(stack: Stack, viewers: int, seconds: float) -> dict[str, float]:
    watching = [Viewer() for _ in range(viewers)]
    tasks = [asyncio.create_task(viewer.watch(stack.port)) for viewer in watching]
    while not all(viewer.events for viewer in watching):
        await asyncio.sleep(0.1)
    for viewer in watching:
        viewer.events.clear()
    writers = Writers(stack.web_port)
    await asyncio.to_thread(writers.run, seconds)
    final, ended = max(writers.acknowledged), max(writers.acknowledged.values())
    while not all(viewer.events and viewer.events[-1][1] == final for viewer in watching):
        if time.monotonic() > ended + 30:
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(3)  # for the repeat
    shown = [next((t for t, s in v.events if s == final), float("inf")) for v in watching]
    delays = sorted(behind(e, writers.acknowledged) for v in watching for e in v.events)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    frames = [len(viewer.events) for viewer in watching]
    return {
        "viewers": viewers,
        "writes/s": round(final / seconds),
        "writes refused": writers.refused,
        "viewers without the final score": shown.count(float("inf")),
        "viewers who had to reconnect": sum(viewer.connects > 1 for viewer in watching),
        "behind p50 ms": round(statistics.median(delays) * 1000),
        "behind p99 ms": round(delays[int(len(delays) * 0.99)] * 1000),
        "behind max ms": round(delays[-1] * 1000),
        "frames/s per viewer, median": round(statistics.median(frames) / seconds, 1),
        "frames/s per viewer, max": round(max(frames) / seconds, 1),
        "final score on the last viewer, ms after the last write": round(
            min(max(shown) - ended, 30) * 1000
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=("sqlite", "rethinkdb"), default="sqlite")
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    os.environ.setdefault("SECRET_KEY", "bench")
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder}/hot.sqlite3"
        if options.store == "rethinkdb":
            server = exits.enter_context(RethinkServer(folder))
            url = f"rethinkdb://127.0.0.1:{server.port}/hot"
        stack = exits.enter_context(Stack(url, folder))
        connection = HTTPConnection("localhost", stack.web_port)
        for path, body in (
            ("/boards/", {"id": "hot"}),
            (f"{BOARD}players/", {"id": "hero", "name": "H"}),
        ):
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            connection.getresponse().read()
        connection.close()
        figures = asyncio.run(measure(stack, options.viewers, options.seconds))
        print(json.dumps({"store": options.store, **figures}, indent=2))


if __name__ == "__main__":
    main()
