"""A front proxy of both Pushpins with one fault, or none, of those that real ones have."""

import asyncio
import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

READ_BYTES = 65536
CACHE_SECONDS = 5.0
FAILURES = ("4", "5")  # how their statuses begin


@dataclass(frozen=True)
class Fault:
    """What the front does wrong. Each test has one of these."""

    drops: str = ""  # a header of requests
    strips: str = ""  # what headers of answers begin with, that are taken away
    adds: tuple[str, str] | None = None  # a header of answers
    replaces_host: bool = False
    buffers: bool = False  # the body of an answer, until it has ended
    caches_polls: bool = False
    has_own_error_pages: bool = False
    misranks_ties: bool = False
    cuts_idle_after: float | None = None  # seconds


class Head(NamedTuple):
    """The first line and the headers of a request or an answer."""

    line: str
    headers: list[tuple[str, str]]

    def get(self, name: str) -> str:
        """Return the value of a header, "" without it."""
        return {key.lower(): value for key, value in self.headers}.get(name.lower(), "")

    def without(self, prefix: str) -> "Head":
        """Return the head without headers whose names begin so."""
        kept = [pair for pair in self.headers if not pair[0].lower().startswith(prefix.lower())]
        return self._replace(headers=kept)

    def add(self, name: str, value: str) -> "Head":
        """Return the head with one more header, in place of those of its name."""
        return self._replace(headers=[*self.without(name).headers, (name, value)])

    def encode(self) -> bytes:
        lines = [self.line, *(f"{name}: {value}" for name, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")


async def read_head(reader: asyncio.StreamReader) -> Head:
    line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = [line.partition(":") for line in lines if line]
    return Head(line, [(name, value.strip()) for name, _, value in pairs])


def swap_ties(body: bytes) -> bytes:
    """Return an answer in which players with equal scores have changed places, but not ranks."""
    answer = json.loads(body)
    players = answer.get("players", [])
    for one, other in zip(players, players[1:], strict=False):
        if one["score"] == other["score"]:
            (one["id"], one["name"]), (other["id"], other["name"]) = (
                (other["id"], other["name"]),
                (one["id"], one["name"]),
            )
            break
    return json.dumps(answer).encode()


class FaultyFront:
    """A front at `http://localhost:{port}`. It opens a connection for each request."""

    def __init__(self, streams: int, websockets: int, fault: Fault | None = None) -> None:
        """Make a front of the Pushpins at these ports."""
        self.streams, self.websockets, self.fault = streams, websockets, fault or Fault()
        self.cache: dict[tuple[str, str], tuple[float, bytes]] = {}
        self.port, self.ready = 0, threading.Event()
        self.serving: set[asyncio.Task[None] | None] = set()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self.thread.start()
        self.ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join()

    async def _run(self) -> None:
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.stopping.wait()
        server.close()  # and asyncio.run cancels what is open

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers, task = [writer], asyncio.current_task()
        self.serving.add(task)  # the loop itself has weak references only
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                await self._answer(reader, writer, writers)
        except asyncio.CancelledError:
            pass  # the end of the front
        finally:
            self.serving.discard(task)
            for opened in writers:
                opened.close()

    async def _answer(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        writers: list[asyncio.StreamWriter],
    ) -> None:
        request = await read_head(reader)
        body = await reader.readexactly(int(request.get("Content-Length") or 0))
        key = (request.line, request.get("Accept"))
        at, cached = self.cache.get(key, (0.0, b""))
        if time.monotonic() - at < CACHE_SECONDS:
            writer.write(cached)
            return
        request = self._change_request(request)
        port = self.websockets if request.get("Upgrade") else self.streams
        from_service, to_service = await asyncio.open_connection("127.0.0.1", port)
        writers.append(to_service)
        to_service.write(request.encode() + body)
        copying = asyncio.create_task(self._copy(reader, to_service))
        try:
            answer = self._change_answer(await read_head(from_service))
            if self._needs_whole(request, answer):
                writer.write(self._change_whole(key, answer, await from_service.read()))
            elif self.fault.buffers:
                writer.write(answer.encode())
                writer.write(await from_service.read())
            else:
                writer.write(answer.encode())
                await self._copy(from_service, writer)
            await writer.drain()
        finally:
            copying.cancel()

    def _needs_whole(self, request: Head, answer: Head) -> bool:
        """Return whether the answer is changed, or kept, as a whole."""
        fault = self.fault
        is_poll = request.line.startswith("GET /boards/") and " 200 " in answer.line
        if answer.get("Content-Type") == "text/event-stream" or not answer.get("Content-Length"):
            return False
        is_failure = answer.line.split(" ")[1].startswith(FAILURES)
        return (
            (fault.caches_polls and is_poll)
            or (fault.misranks_ties and is_poll and "json" in answer.get("Content-Type"))
            or (fault.has_own_error_pages and is_failure)
        )

    def _change_request(self, request: Head) -> Head:
        if self.fault.drops:
            request = request.without(self.fault.drops)
        if self.fault.replaces_host:
            request = request.add("Host", "backend.internal")
        return request if request.get("Upgrade") else request.add("Connection", "close")

    def _change_answer(self, answer: Head) -> Head:
        if self.fault.adds:
            answer = answer.add(*self.fault.adds)
        return answer.without(self.fault.strips) if self.fault.strips else answer

    def _change_whole(self, key: tuple[str, str], answer: Head, body: bytes) -> bytes:
        if self.fault.misranks_ties:
            body = swap_ties(body)
            answer = answer.add("Content-Length", str(len(body)))
        if self.fault.has_own_error_pages:
            body = b"<h1>Something went wrong</h1>"
            answer = answer.add("Content-Type", "text/html").add("Content-Length", str(len(body)))
        whole = answer.encode() + body
        if self.fault.caches_polls:
            self.cache[key] = time.monotonic(), whole
        return whole

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        """Copy until the connection ends, or has been idle for too long; then end the other."""
        with suppress(OSError, asyncio.TimeoutError):
            while data := await asyncio.wait_for(
                reader.read(READ_BYTES), self.fault.cuts_idle_after
            ):
                writer.write(data)
                await writer.drain()
        writer.close()
