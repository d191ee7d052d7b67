"""Clients of a front proxy: requests, event streams and WebSockets over TLS."""

import asyncio
import json
import random
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.e2e.viewers import Api
from tests.support.fronts import Front

EVENT_STREAM = {"Accept": "text/event-stream"}
SECONDS = 90


@contextmanager
def client(front: Front, http2: bool = True, **options: Any) -> Iterator[httpx.Client]:
    """A client of the front, with HTTP/2 or HTTP/1.1."""
    url = f"https://localhost:{front.port}"
    options.setdefault("verify", front.trust())
    with httpx.Client(
        base_url=url, http2=http2, http1=not http2, timeout=SECONDS, trust_env=False, **options
    ) as client:
        yield client


@asynccontextmanager
async def websocket(front: Front, board: str) -> AsyncIterator[ClientConnection]:
    """A WebSocket in one thread. The client of websockets.sync reads in one and writes in another,
    which OpenSSL allows on no connection: a handshake of a few hundred is never answered."""
    url = f"wss://localhost:{front.port}{board}ws/"
    async with connect(url, ssl=front.trust(), proxy=None, open_timeout=SECONDS) as opened:
        yield opened


def add(port: int, board: str, amount: int = 1) -> None:
    """Add to Bob's score, past the front."""
    body = {"amount": amount}
    assert Api(port)("POST", f"{board}players/bob/score-add/", body).status == 200


def snapshots(lines: Iterator[str]) -> Iterator[Any]:
    """Yield the snapshots in an event stream's lines."""
    yield from (json.loads(line[6:]) for line in lines if line.startswith('data: {"id"'))


async def show_best(opened: ClientConnection, score: int) -> None:
    """Read a WebSocket's messages until a snapshot has this score as the best."""
    async with asyncio.timeout(SECONDS):
        while True:
            message = json.loads(await opened.recv())
            if message["event"] == "update" and best(message["data"]) == score:
                return


def best(snapshot: Any) -> int:
    score: int = snapshot["players"][0]["score"]
    return score


@asynccontextmanager
async def raw_stream(
    port: int, tls: ssl.SSLContext, path: str, receive_bytes: int = 0
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A stream's connection, of which nothing has been read yet. `receive_bytes` is how much the
    system receives before that, by default as much as it likes."""
    connection = socket.socket()
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(
        sock=connection, ssl=tls, server_hostname="localhost"
    )
    try:
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Accept: text/event-stream"]
        lines.append("Connection: close")  # or it stays open after the stream's last chunk
        writer.write("\r\n".join([*lines, "", ""]).encode())
        yield reader, writer
    finally:
        writer.transport.abort()


@contextmanager
def slow_bodies(front: Front, board: str, size: int, count: int) -> Iterator[None]:
    """So many requests whose bodies of `size` bytes stop one byte before their end."""
    lines = [f"POST {board}players/ HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    head = "\r\n".join([*lines, f"Content-Length: {size}", "", ""]).encode()
    with ExitStack() as opened:
        for _ in range(count):
            connection = opened.enter_context(
                socket.create_connection(("127.0.0.1", front.port), timeout=SECONDS)
            )
            tls = front.trust().wrap_socket(connection, server_hostname="localhost")
            opened.enter_context(tls).sendall(head + b"{" * (size - 1))
        yield


async def read_snapshots(reader: asyncio.StreamReader) -> AsyncIterator[Any]:
    """Yield the stream's snapshots until it ends."""
    with suppress(ConnectionError):
        while line := await reader.readline():
            if line.startswith(b'data: {"id"'):
                yield json.loads(line[6:])


@contextmanager
def curl(front: Front, path: str, protocol: str) -> Iterator[Iterator[Any]]:
    """A stream's snapshots. httpx ends all streams of HTTP/2 when the front takes no new ones."""
    command = ["curl", "--silent", "--no-buffer", "--noproxy", "*", protocol]
    command += ["--cacert", str(front.folder / "authority.pem"), "--max-time", str(SECONDS)]
    command += ["--header", "Accept: text/event-stream", f"https://localhost:{front.port}{path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield snapshots(process.stdout)
        finally:
            process.kill()


async def show_all(front: Front, board: str, count: int, change: Callable[[], None]) -> None:
    """Open so many streams of a board with scores of 0, make the change once all are shown it, and
    return once all are shown a score of 1. They come back as an EventSource does."""
    tls = front.trust()
    all_watch = asyncio.Semaphore(0)

    async def view() -> None:
        is_first = True
        for _ in range(5):
            async with raw_stream(front.port, tls, board) as (reader, _):
                async for snapshot in read_snapshots(reader):
                    if is_first:
                        all_watch.release()
                    is_first = False
                    if best(snapshot) == 1:
                        return
            await asyncio.sleep(random.uniform(2, 4))  # as `retry:` says
        raise AssertionError("five streams ended before the change")

    async with asyncio.timeout(2 * SECONDS), asyncio.TaskGroup() as viewers:
        for _ in range(count):
            viewers.create_task(view())
        for _ in range(count):
            await all_watch.acquire()
        await asyncio.to_thread(change)
