"""How a program is told to end."""

import signal
import socket
import threading

ENDINGS = (signal.SIGTERM, signal.SIGINT)


def stop_on_signals() -> threading.Event:
    """Return an event that is set when the program is told to end, by SIGTERM or SIGINT.

    A handler in Python runs in the main thread alone, once that executes again. Where it has just
    begun to wait for a lock, or another thread was given the signal, that may be never. So the
    system's part of the handler tells a thread, by a socket."""
    stop = threading.Event()
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    signal.set_wakeup_fd(sender.detach(), warn_on_full_buffer=False)
    for signum in ENDINGS:
        signal.signal(signum, lambda *_: None)

    def pass_on() -> None:
        while told := receiver.recv(1):
            if told[0] in ENDINGS:
                stop.set()

    threading.Thread(target=pass_on, name="endings", daemon=True).start()
    return stop
