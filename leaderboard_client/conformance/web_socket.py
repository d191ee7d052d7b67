"""A WebSocket (RFC 6455), as much of it as the checks need, so that they need no library."""

import base64
import http.client
import json
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from leaderboard_client.conformance.expect import DOWN, CheckFailed
from leaderboard_client.conformance.service import REQUEST_SECONDS, Service

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
READ_BYTES = 65536
NO_UPGRADE = (
    "A front does not pass on Upgrade and Connection (nginx: proxy_http_version 1.1, and both "
    "headers)."
)
WRONG_PROXY = (
    "WebSockets have a Pushpin of their own, from pushpin-websockets.conf. A front has to send "
    "requests with Upgrade: websocket there (docs/deployment.md, WebSockets)."
)


class Frame(NamedTuple):
    """What came: the opcode, and the payload."""

    opcode: int
    payload: bytes

    @property
    def closing_code(self) -> int:
        """The code of a closing frame, 1005 if it has none."""
        return int.from_bytes(self.payload[:2]) if self.payload else 1005


class WebSocket:
    """An open WebSocket."""

    def __init__(self, connection: socket.socket, received: bytes) -> None:
        """Take over the connection, of which these bytes were received after the handshake."""
        self.connection, self.received = connection, received
        self.partial = Frame(0, b"")  # of a message whose last frame has not come
        self.opened_at = time.monotonic()

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        """Send a frame of at most 125 bytes."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self.connection.sendall(bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + masked)

    def read_frame(self, seconds: float) -> Frame:
        """Return the next message as one frame, or the next control frame. Raises TimeoutError, or
        ConnectionError if the connection ends without a closing frame."""
        end = time.monotonic() + seconds
        while True:
            parsed = self._parse()
            if parsed is None:
                self._receive(end)
                continue
            is_final, frame = parsed
            if frame.opcode >= CLOSE:  # it may come between the frames of a message
                return frame
            whole = Frame(self.partial.opcode or frame.opcode, self.partial.payload + frame.payload)
            self.partial = Frame(0, b"") if is_final else whole
            if is_final:
                return whole

    def _parse(self) -> tuple[bool, Frame] | None:
        """Take a frame off what was received; return whether it is its message's last, and it."""
        data = self.received
        if len(data) < 2:
            return None
        length, start = data[1] & 0x7F, 2
        if length >= 126:
            size = 2 if length == 126 else 8
            start += size
            length = int.from_bytes(data[2:start])
        if len(data) < start + length:
            return None
        self.received = data[start + length :]
        return bool(data[0] & 0x80), Frame(data[0] & 0x0F, data[start : start + length])

    def _receive(self, end: float) -> None:
        seconds = end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        self.connection.settimeout(seconds)
        data = self.connection.recv(READ_BYTES)
        if not data:
            raise ConnectionError("the connection was closed without a closing frame")
        self.received += data

    def expect(self, is_wanted: Any, what: str, seconds: float, look_at: str = "") -> Any:
        """Return the first message, as JSON, that is wanted. Raises CheckFailed if none comes in
        time."""
        end, others = time.monotonic() + seconds, 0
        try:
            while True:
                frame = self.read_frame(end - time.monotonic())
                if frame.opcode == CLOSE:
                    raise CheckFailed(what, f"a close with code {frame.closing_code}")
                if frame.opcode == PING:
                    self.send(frame.payload, PONG)
                elif frame.opcode == TEXT:
                    message = json.loads(frame.payload)
                    if is_wanted(message):
                        return message
                    others += 1
        except TimeoutError:
            came = f"{others} other messages within {seconds:.1f} s"
            raise CheckFailed(what, came, look_at) from None
        except (ValueError, OSError) as error:
            after = time.monotonic() - self.opened_at
            raise CheckFailed(
                what, f"{error or type(error).__name__}, after {after:.1f} s"
            ) from None

    def expect_close(self, seconds: float, look_at: str = "") -> int:
        """Return the code with which it is closed, after any messages. Raises CheckFailed if it is
        not."""
        end = time.monotonic() + seconds
        try:
            while True:
                frame = self.read_frame(end - time.monotonic())
                if frame.opcode == CLOSE:
                    return frame.closing_code
        except OSError as error:  # a timeout is one
            came = str(error) or type(error).__name__
            raise CheckFailed("a closing frame", came, look_at) from None


@contextmanager
def open_web_socket(service: Service, path: str) -> Iterator[WebSocket]:
    """Open the WebSocket at the path; it is closed at the end. Raises CheckFailed if it is not
    opened."""
    url = urlsplit(service.url)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        connection = socket.create_connection((url.hostname or "", port), REQUEST_SECONDS)
    except OSError as error:
        raise CheckFailed("a connection for a WebSocket", str(error)) from None
    try:
        if url.scheme == "https":
            connection = service.tls.wrap_socket(connection, server_hostname=url.hostname)
        opened = WebSocket(connection, shake_hands(connection, url.netloc, url.path + path))
        yield opened
        opened.send(struct.pack(">H", 1000), CLOSE)
    except OSError as error:
        raise CheckFailed("a WebSocket", str(error) or type(error).__name__) from None
    finally:
        connection.close()


def shake_hands(connection: socket.socket, host: str, path: str) -> bytes:
    """Ask for a WebSocket; return what was received after the answer's headers. Raises CheckFailed
    if the answer is not 101."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
    connection.sendall("\r\n".join(lines).encode())
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(READ_BYTES)
        if not data:
            raise CheckFailed("101 for a WebSocket", "the connection was closed", NO_UPGRADE)
        received += data
    head, _, rest = received.partition(b"\r\n\r\n")
    status = head.split(b"\r\n")[0].decode("latin-1").split(" ", 2)[1]
    if status != "101":
        look_at = DOWN if status.startswith("5") else ""
        look_at = {"426": NO_UPGRADE, "501": WRONG_PROXY}.get(status, look_at)
        reason = http.client.responses.get(int(status), "")
        raise CheckFailed("101 for a WebSocket", f"{status} {reason}", look_at)
    return rest
