"""End sessions with every process in them."""

import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress

import psutil

ENDING_SECONDS = 5.0  # between SIGTERM and SIGKILL
KILLING_SECONDS = 2.0


def end_sessions(sessions: Collection[int]) -> None:
    """Tell the sessions' leaders to end, and kill what lives after five seconds, of them and of the
    sessions that their processes have begun."""
    known = _find_begun(sessions)
    leaders = [process for process in _processes(known) if process.pid in sessions]
    _send(leaders or _processes(known), signal.SIGTERM)
    if not _wait_for_end(known, ENDING_SECONDS):
        _send(_processes(known), signal.SIGKILL)
        _wait_for_end(known, KILLING_SECONDS)


def kill_rest_of_session() -> None:
    """Kill all other processes of this process's session."""
    others = [process for process in _processes({os.getsid(0)}) if process.pid != os.getpid()]
    _send(others, signal.SIGKILL)


def _find_begun(sessions: Collection[int]) -> set[int]:
    """Return the sessions, and those that their processes have begun, and so on."""
    found = {*sessions}
    while True:
        members = {process.pid for process in _processes(found)}
        begun = set()
        for process in psutil.process_iter():
            with suppress(OSError, psutil.NoSuchProcess):
                if process.ppid() in members:
                    begun.add(os.getsid(process.pid))
        if begun <= found:
            return found
        found |= begun


def _send(processes: Collection[psutil.Process], signum: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signum)


def _wait_for_end(sessions: Collection[int], seconds: float) -> bool:
    """Return whether all processes of the sessions end within this time."""
    deadline = time.monotonic() + seconds
    while _processes(sessions):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _processes(sessions: Collection[int]) -> dict[psutil.Process, int]:
    """Return the processes of the sessions that have not ended, each with its session.

    Pushpin's services leave its process group, and lose their parent when it is killed. They stay
    in its session."""
    processes = {}
    for process in psutil.process_iter():
        with suppress(OSError, psutil.NoSuchProcess):
            session = os.getsid(process.pid)
            if session in sessions and process.status() != psutil.STATUS_ZOMBIE:
                processes[process] = session
    return processes
