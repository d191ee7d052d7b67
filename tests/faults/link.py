"""A link to a server that can be cut silently: nothing passes, and nothing closes."""

import select
import socket
import threading
from typing import Self


class Link:
    """Forwards connections to `127.0.0.1:target`, until they are cut."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.dead: set[socket.socket] = set()
        self.is_silent = False
        self.sent = 0  # bytes, to the server
        self.stopping = threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]
        self.thread = threading.Thread(target=self._forward)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()
        for pair in self.pairs:
            for end in pair:
                end.close()
        self.server.close()

    def cut(self, only: int | None = None) -> None:
        """Cut all open connections, or the one with this index in the order they were made.

        New connections are forwarded again."""
        for pair in list(self.pairs) if only is None else [self.pairs[only]]:
            self.dead.update(pair)

    def go_silent(self) -> None:
        """Cut all connections, and from now on each new one as soon as it is open."""
        self.is_silent = True
        self.cut()

    def restore(self) -> None:
        """Forward new connections again. Those that were cut stay dead."""
        self.is_silent = False

    def _forward(self) -> None:
        while not self.stopping.is_set():
            other = {a: b for pair in self.pairs for a, b in (pair, pair[::-1])}
            alive = {end.fileno(): end for end in (self.server, *other) if end not in self.dead}
            poll = select.poll()  # and no select(), which knows no file above 1023
            for file in alive:
                poll.register(file, select.POLLIN)
            for file, _ in poll.poll(20):
                end = alive[file]
                if end is self.server:
                    self._connect(self.server.accept()[0])
                elif end not in self.dead and end.fileno() >= 0:  # else closed with its other end
                    self._pass_on(end, other[end])

    def _connect(self, client: socket.socket) -> None:
        try:
            pair = client, socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        self.pairs.append(pair)
        if self.is_silent:
            self.dead.update(pair)

    def _read(self, end: socket.socket) -> bytes:
        return end.recv(65536)

    def _pass_on(self, end: socket.socket, other: socket.socket) -> None:
        try:
            data = self._read(end)
            other.sendall(data)
            self.sent += len(data) * (other.getpeername()[1] == self.target)
        except OSError:
            data = b""
        if not data:
            pair = next(pair for pair in self.pairs if end in pair)
            self.pairs.remove(pair)
            for socket_of_pair in pair:
                socket_of_pair.close()
