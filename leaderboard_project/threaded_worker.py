"""A gunicorn worker whose threads each accept a connection, answer its one request and close it.

gunicorn's own worker with threads accepts in one thread, hands the connection to another one and
gets it back to close it, and waits there until the client has closed it, too. A poll took a tenth
longer (docs/adr/0064-threads-that-accept.md).
"""

import errno
import os
import select
import socket
import struct
import threading
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.sync import SyncWorker

LIFE_SECONDS = 1.0  # between two signs of life to gunicorn's first process
# How many seconds a client may send nothing of its request, and of its body; and in which it takes
# some of its answer, a third of the system's buffer.
REQUEST_SECONDS, BODY_SECONDS, ANSWER_SECONDS = 10, 60, 60
SPARE_THREADS = 2  # that wait for connections
ALONE = select.POLLIN | getattr(select, "EPOLLEXCLUSIVE", 0)  # one thread is woken
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EBADF}


class ThreadedWorker(SyncWorker):  # type: ignore[misc]  # it has no types
    """A worker of `threads` threads. Its own thread only says that it lives."""

    alive: bool

    def run(self) -> None:
        """Answer requests until gunicorn ends this process, or restarts it."""
        for listener in self.sockets:
            listener.setblocking(False)
        ended, end = os.pipe()
        self.gate = Gate()
        threads = [
            threading.Thread(target=self._serve, args=[ended], daemon=True)
            for _ in range(self.cfg.threads)
        ]
        for thread in threads:
            thread.start()
        while self.alive and self.is_parent_alive():
            self.notify()
            if select.select([self.PIPE[0]], [], [], LIFE_SECONDS)[0]:
                os.read(self.PIPE[0], 4096)  # a signal has come
        self.alive = False
        os.close(end)
        self._wait_for(threads)

    def _wait_for(self, threads: list[threading.Thread]) -> None:
        """Wait until all requests are answered, for as long as gunicorn allows."""
        deadline = time.monotonic() + self.cfg.graceful_timeout
        for thread in threads:
            while thread.is_alive() and time.monotonic() < deadline:
                self.notify()
                thread.join(LIFE_SECONDS)

    def _serve(self, ended: int) -> None:
        """Answer one connection after the other, until `ended` is readable."""
        try:
            # With epoll a new connection wakes one thread. macOS has none, and all are woken.
            waiting: Any = select.epoll() if hasattr(select, "epoll") else select.poll()
            waiting.register(ended, select.POLLIN)
            while self.alive:
                if accepted := self._accept(waiting):
                    self._answer(*accepted)
        except BaseException:  # whatever it is: with fewer threads the process is of less use
            self.log.exception("A thread has failed. This process ends, and another one begins")
            self.alive = False
        finally:
            with suppress(OSError):  # it is full of signals
                os.write(self.PIPE[1], b"1")  # for run(), which has others end

    def _accept(self, waiting: Any) -> tuple[socket.socket, socket.socket, Any] | None:
        """Return the next connection, with its listener before and its address behind it; None when
        the worker ends."""
        listeners = {listener.fileno(): listener for listener in self.sockets}
        with self.gate:
            # The system wakes the first one in its list, of all processes. Whoever begins to wait
            # is the last one there, so that each process has its share.
            for descriptor in listeners:
                waiting.register(descriptor, ALONE)
            try:
                while self.alive:
                    for descriptor, _ in waiting.poll():
                        if descriptor not in listeners:
                            return None
                        if accepted := _try_to_accept(listeners[descriptor]):
                            return listeners[descriptor], *accepted
            finally:
                for descriptor in listeners:
                    waiting.unregister(descriptor)
        return None

    def _answer(self, listener: socket.socket, client: socket.socket, address: Any) -> None:
        """Answer the request of a connection."""
        try:
            client.setblocking(True)  # which macOS does not by itself
            _limit(client, socket.SO_RCVTIMEO, REQUEST_SECONDS)
            _limit(client, socket.SO_SNDTIMEO, ANSWER_SECONDS)
            client.recv(1, socket.MSG_PEEK)
        except OSError:  # it has said nothing for too long, or has gone
            client.close()
            return
        self.handle(listener, client, address)

    def handle_request(
        self, listener: socket.socket, req: Any, client: socket.socket, addr: Any
    ) -> None:
        """Answer the request, and close the connection."""
        if _has_unread_body(req):
            _limit(client, socket.SO_RCVTIMEO, BODY_SECONDS)
        try:
            super().handle_request(listener, req, client, addr)
        except BlockingIOError:
            self.log.info("A client took too little of its answer in %d s", ANSWER_SECONDS)
            return
        # To close it while something is unread would destroy the answer on its way. Then gunicorn
        # closes it afterwards, which takes longer.
        if not _has_unread_body(req) and not _has_unread(client):
            client.close()


class Gate:
    """Lets two threads wait for connections, and another one when both have got one.

    The others rest. The one that was busy last comes first: its connection to the store is open,
    and what it needs is in the processor's caches. With all threads in turn a process would connect
    to its store anew for each of its first sixteen requests."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting = 0
        self.resting: list[threading.Lock] = []

    def __enter__(self) -> None:
        with self.lock:
            if self.waiting < SPARE_THREADS:
                self.waiting += 1
                return
            rest = threading.Lock()
            rest.acquire()
            self.resting.append(rest)
        rest.acquire()  # until somebody has left the gate to this thread

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.waiting -= 1
            if not self.waiting and self.resting:
                self.waiting += 1
                self.resting.pop().release()


def _try_to_accept(listener: socket.socket) -> tuple[socket.socket, Any] | None:
    """Return the next connection and its address, if no other thread has it."""
    try:
        return listener.accept()
    except OSError as error:
        if error.errno in EXHAUSTED:
            raise
        return None  # another thread was first, or the client has gone


def _limit(client: socket.socket, option: int, seconds: int) -> None:
    """Set a timeout of the system's: with Python's own, each read and write would be two calls."""
    client.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", seconds, 0))


def _has_unread_body(request: Any) -> bool:
    """Return whether some of the body may be unread. Of chunks nobody knows how many come."""
    return getattr(request.body.reader, "length", 1) != 0


def _has_unread(client: socket.socket) -> bool:
    """Return whether the client has sent more than was read, as far as can be known."""
    try:
        return bool(client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return False
    except (OSError, ValueError):  # it has gone; or TLS, which has no MSG_PEEK
        return True
