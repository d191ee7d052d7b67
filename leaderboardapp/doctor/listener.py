"""The listener: whether any lives, and all boards have one."""

import math
import re
import time
from collections.abc import Iterator
from contextlib import suppress

import requests
from django.conf import settings

from leaderboardapp.doctor.findings import Finding, error
from leaderboardapp.listener.division import Division
from leaderboardapp.listener.gauges import LEASE_AGE
from leaderboardapp.listener.lease import TAKEOVER_SECONDS, VALID_SECONDS
from leaderboardapp.stores import get_store

PART = "listener"
LOOK_SECONDS = 0.2  # between two looks
START = "Start dblistener.py, with the DATABASE_URL and GRIP_URL of the web processes."


def examine_listener() -> Iterator[Finding]:
    """Yield findings. Looks for TAKEOVER_SECONDS at most: listeners that are replaced are away for
    a moment. Raises StoreUnavailable."""
    before, until = read_division(), time.monotonic() + TAKEOVER_SECONDS
    while True:
        now = read_division()
        alive = list_alive(before, now)
        orphans = [part for part in now.parts if part.holder not in alive]
        if alive and not orphans:
            yield Finding(PART, f"{len(alive)} alive")
            return
        if time.monotonic() >= until:
            break
        time.sleep(LOOK_SECONDS)
    if not alive and (age := _read_lease_age()) < VALID_SECONDS:
        text = f"no sign of life in this store, but METRICS_LISTENER={settings.METRICS_LISTENER}"
        text += f" renewed its lease {age:.1f} s ago: that listener has another store"
        hint = "Restart it, with the DATABASE_URL of the web processes. While it runs it keeps a "
        yield error(PART, text, f"{hint}file of SQLite open in whose place another was put.")
    elif not now.listeners:
        yield error(PART, "none runs, so viewers are shown no change", START)
    elif not alive:
        text = f"no sign of life for {TAKEOVER_SECONDS:g} s, so viewers are shown no change"
        yield error(PART, text, f"{START} If it runs: its log says what it waits for.")
    else:
        text = f"{len(orphans)} of {len(now.parts)} parts of the boards have none"
        yield error(PART, text, "It takes them within seconds. If this stays, its log says why.")


def is_any_alive() -> bool:
    """Return whether a listener gives a sign of life within TAKEOVER_SECONDS; at once if none is
    listed. Raises StoreUnavailable."""
    before, until = read_division(), time.monotonic() + TAKEOVER_SECONDS
    while before.listeners and time.monotonic() < until:
        if list_alive(before, read_division()):
            return True
        time.sleep(LOOK_SECONDS)
    return False


def list_alive(before: Division, now: Division) -> list[str]:
    """Return the listeners that have given a sign of life between two looks."""
    return [id for id, beat in now.listeners.items() if before.listeners.get(id) != beat]


def _read_lease_age() -> float:
    """Return the seconds since the listener at METRICS_LISTENER renewed its lease, in whatever
    store it has; infinity if there is none, or it does not say."""
    if not settings.METRICS_LISTENER:
        return math.inf
    with suppress(requests.RequestException):
        address = f"http://{settings.METRICS_LISTENER}/metrics"
        metrics = requests.get(address, timeout=VALID_SECONDS).text
        if age := re.search(rf"^{LEASE_AGE.name} (\S+)", metrics, re.MULTILINE):
            return float(age[1])
    return math.inf


def read_division() -> Division:
    """Return which listeners there are, and what they have. Raises StoreUnavailable."""
    return Division.decode(get_store().read_lease())
