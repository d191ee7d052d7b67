"""How a program is told to end."""

import signal
import threading
from queue import SimpleQueue


def stop_on_signals() -> threading.Event:
    """Return an event that is set when the program is told to end, by SIGTERM or SIGINT.

    The handler does not set it: it runs between any two steps of the main thread, and would wait
    for ever for the event's lock where that has just begun to wait. SimpleQueue is made for this.
    """
    stop, told = threading.Event(), SimpleQueue[int]()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda signum, _: told.put(signum))

    def pass_on() -> None:
        while told.get():
            stop.set()

    threading.Thread(target=pass_on, name="endings", daemon=True).start()
    return stop
