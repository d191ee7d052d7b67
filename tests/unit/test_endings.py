import subprocess
import sys

import pytest

# It is told to end while the main thread has the event's lock, as it has for a moment in each wait.
WITH_THE_LOCK = """
with stop._cond:
    signal.raise_signal(signal.SIGTERM)  # its handler has run when this returns
print(stop.wait(30))
"""
# The main thread waits, and the system gives the signal to another thread, as it may. That is also
# what a signal looks like that comes just before the main thread begins to wait.
TO_ANOTHER_THREAD = """
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])

def end():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    while not stop._cond._waiters:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=end).start()
print(stop.wait(5))
"""


@pytest.mark.processes
@pytest.mark.parametrize("told", [WITH_THE_LOCK, TO_ANOTHER_THREAD], ids=["lock", "other thread"])
def test_a_program_is_told_to_end_whatever_it_is_just_doing(told: str) -> None:
    program = f"""
import os, signal, threading, time
from leaderboardapp.concurrency.endings import stop_on_signals
stop = stop_on_signals()
{told}"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout == "True\n"
