"""The listener: whether any lives, and all boards have one."""

import time
from collections.abc import Iterator

from leaderboardapp.doctor.findings import Finding, error
from leaderboardapp.listener.division import Division
from leaderboardapp.listener.lease import TAKEOVER_SECONDS
from leaderboardapp.stores import get_store

PART = "listener"
LOOK_SECONDS = 0.2  # between two looks
START = "Start dblistener.py, with the DATABASE_URL and GRIP_URL of the web processes."


def examine_listener() -> Iterator[Finding]:
    """Yield findings. Waits for heartbeats, up to TAKEOVER_SECONDS. Raises StoreUnavailable."""
    before = read_division()
    if not before.listeners:
        yield error(PART, "none runs, so viewers are shown no change", START)
        return
    until = time.monotonic() + TAKEOVER_SECONDS
    while True:
        now = read_division()
        alive = [id for id, beat in now.listeners.items() if before.listeners.get(id) != beat]
        if len(alive) == len(now.listeners) or time.monotonic() >= until:
            break
        time.sleep(LOOK_SECONDS)
    if not alive:
        text = f"no sign of life for {TAKEOVER_SECONDS:g} s, so viewers are shown no change"
        yield error(PART, text, f"{START} If it runs: its log says what it waits for.")
        return
    yield Finding(PART, f"{len(alive)} alive")
    orphans = [part for part in now.parts if part.holder not in alive]
    if orphans:
        text = f"{len(orphans)} of {len(now.parts)} parts of the boards have none"
        yield error(PART, text, "It takes them within seconds. If this stays, its log says why.")


def read_division() -> Division:
    """Return which listeners there are, and what they have. Raises StoreUnavailable."""
    return Division.decode(get_store().read_lease())
