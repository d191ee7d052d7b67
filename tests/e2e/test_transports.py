"""Streams, long-polls and WebSockets of one board, side by side."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any

from websockets.asyncio.client import connect

from tests.e2e.viewers import Api
from tests.support.stack import Stack

INCREMENTS = 20
SECONDS = 200


async def request(
    port: int, path: str, **headers: str
) -> tuple[dict[str, str], asyncio.StreamReader, asyncio.StreamWriter]:
    """Return the answer's headers, in lower case with its `status`. Its body is still unread."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    status = (await reader.readline()).decode().split()[1]
    answer = {"status": status}
    while line := (await reader.readline()).decode().strip():
        name, _, value = line.partition(": ")
        answer[name.lower()] = value
    return answer, reader, writer


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def stream(port: int, path: str) -> AsyncGenerator[Any, None]:
    """Return snapshots as an EventSource does, which comes back.

    Pushpin closes a few of hundreds of streams that are opened at once."""
    for _ in range(3):
        answer, reader, writer = await request(port, path, Accept="text/event-stream")
        assert answer["status"] == "200"
        event = ""
        try:
            while line := (await reader.readline()).decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data" and event == "update":
                    yield json.loads(value)
        finally:
            await close(writer)


async def long_polls(port: int, path: str) -> AsyncGenerator[Any, None]:
    etag = '""'
    while True:
        headers = {"If-None-Match": etag, "Prefer": "wait=30"}
        answer, reader, writer = await request(port, path, **headers)
        try:
            if answer["status"] == "200":
                etag = answer["etag"]
                yield json.loads(await reader.readexactly(int(answer["content-length"])))
        finally:
            await close(writer)


async def websocket(port: int, path: str) -> AsyncGenerator[Any, None]:
    async with connect(
        f"ws://127.0.0.1:{port}{path}ws/", proxy=None, open_timeout=SECONDS
    ) as socket:
        async for message in socket:
            event = json.loads(message)
            if event["event"] == "update":
                yield event["data"]


Kind = Callable[[int, str], AsyncGenerator[Any, None]]
KINDS: tuple[Kind, ...] = (stream, long_polls, websocket)


async def watch_a_burst(stack: Stack, api: Api, board: str, of_each: int) -> dict[str, int]:
    """Return how many viewers of each kind were shown the last score."""
    final = dict.fromkeys((kind.__name__ for kind in KINDS), 0)
    watching = asyncio.Semaphore(0)

    async def view(kind: Kind) -> None:
        first = True
        port = stack.ws_port if kind is websocket else stack.port
        async with aclosing(kind(port, board)) as snapshots:
            async for snapshot in snapshots:
                if first:
                    watching.release()
                first = False
                if max((row["score"] for row in snapshot["players"]), default=0) == INCREMENTS:
                    final[kind.__name__] += 1
                    return

    def burst() -> None:
        for _ in range(INCREMENTS):
            assert api("POST", f"{board}players/bob/score-add/").status == 200

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as viewers:
        for kind in KINDS:
            for _ in range(of_each):
                viewers.create_task(view(kind))
        for _ in range(of_each * len(KINDS)):
            await watching.acquire()
        await asyncio.to_thread(burst)
    return final


def test_after_a_burst_every_viewer_of_every_kind_shows_the_final_state(
    stack: Stack, api: Api, board: str
) -> None:
    """On one store as many as make a crowd for Pushpin, which does not know the store."""
    of_each = 300 if stack.env["DATABASE_URL"].startswith("sqlite:") else 50
    final = asyncio.run(watch_a_burst(stack, api, board, of_each))
    assert final == {"stream": of_each, "long_polls": of_each, "websocket": of_each}
