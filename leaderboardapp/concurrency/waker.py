"""End the wait of a thread that waits for files, from another one."""

import select
import socket
from contextlib import suppress
from math import ceil


class Waker:
    """A file that can be read once it was woken, for one thread that polls it beside others."""

    def __init__(self) -> None:
        self.receiver, self.sender = socket.socketpair()
        for end in (self.receiver, self.sender):
            end.setblocking(False)

    def fileno(self) -> int:
        """Return the file's number, for select.poll()."""
        return self.receiver.fileno()

    def wake(self) -> None:
        """Have the poll that waits, or else the next one, end at once. Any thread may call it."""
        with suppress(OSError):  # it is closed, or full of wakes
            self.sender.send(b".")

    def wait(self, seconds: float) -> bool:
        """Return False after so many seconds, or True at once when woken."""
        poll = select.poll()  # and no select(), which knows no file above 1023
        poll.register(self.receiver, select.POLLIN)
        poll.poll(ceil(seconds * 1000))
        return self.take()

    def take(self) -> bool:
        """Return whether it was woken since the last call."""
        with suppress(BlockingIOError):
            return bool(self.receiver.recv(4096))
        return False

    def close(self) -> None:
        """Close both ends."""
        self.receiver.close()
        self.sender.close()
