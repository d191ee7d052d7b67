import subprocess
import sys

import pytest

# It is told to end while the main thread has the event's lock, as it has for a moment in each wait.
PROGRAM = """
import signal
from leaderboardapp.concurrency.endings import stop_on_signals
stop = stop_on_signals()
with stop._cond:
    signal.raise_signal(signal.SIGTERM)  # its handler has run when this returns
print(stop.wait(30))
"""


@pytest.mark.processes
def test_a_program_is_told_to_end_whatever_it_is_just_doing() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout == "True\n"
