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
    """Tell the sessions to end, and kill those of their processes that live after five seconds."""
    _send(_leaders(sessions), signal.SIGTERM)
    if not _wait_for_end(sessions, ENDING_SECONDS):
        _send(_processes(sessions), signal.SIGKILL)
        _wait_for_end(sessions, KILLING_SECONDS)


def _send(processes: Collection[psutil.Process], signum: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signum)


def _leaders(sessions: Collection[int]) -> list[psutil.Process]:
    """Return each session's first process, which ends the others, or all of them if it is gone."""
    processes = _processes(sessions)
    led = {process.pid for process in processes} & {*sessions}
    return [
        process
        for process, session in processes.items()
        if process.pid == session or session not in led
    ]


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
