"""The store: whether it answers, soon, has all that this version needs, takes writes, and has the
right time."""

import statistics
import time
from collections.abc import Generator, Iterator

from django.conf import settings

from leaderboardapp.doctor.findings import Finding, error, warning
from leaderboardapp.doctor.probe import name_boards, probe_boards
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.masking import mask_secrets
from leaderboardapp.stores import get_store

PART = "store"
MOST_CLOCK_SECONDS = 1.0  # seasons end by these clocks
PINGS = 5
# A request makes a few such calls, and a listener several each second, or it loses its lease.
SLOW_PING_SECONDS = 0.1


def examine_store() -> Generator[Finding, None, bool]:
    """Yield findings; return whether it takes reads and writes."""
    scheme = settings.DATABASE_URL.partition(":")[0]
    silence = None
    try:
        yield from _examine_speed(scheme)
    except StoreUnavailable as failure:
        silence = failure  # or only tables that are missing
    try:
        yield from _examine_tables(scheme)
    except StoreUnavailable as failure:
        if silence:
            hint = "Start it, or point DATABASE_URL to where it runs. Nothing works without it."
            yield error(PART, f"{scheme} does not answer: {mask_secrets(str(silence))}", hint)
            return False
        text = f"its tables could not be looked at: {mask_secrets(str(failure))}"
        yield warning(PART, text, "Let the user in DATABASE_URL do that, as ensure_store has to.")
    try:
        with probe_boards([next(name_boards())]):
            return True
    except StoreUnavailable as failure:
        text = f"it takes no writes: {mask_secrets(str(failure))}"
        yield error(PART, text, "Mend what it says: make room on a full disk, or grant the rights.")
        return False


def _examine_speed(scheme: str) -> Iterator[Finding]:
    """Yield a finding of a store that is slow, or far. Raises StoreUnavailable."""
    times = []
    get_store().ping()  # which connects
    for _ in range(PINGS):
        began = time.monotonic()
        get_store().ping()
        times.append(time.monotonic() - began)
    seconds = statistics.median(times)
    if seconds > SLOW_PING_SECONDS:
        yield warning(
            PART,
            f"{scheme} takes {seconds:.2f} s for the least query, and each request makes some",
            "See how long the way to it is (ping; a tunnel, another region). If it is short, see "
            "what keeps its server busy.",
        )


def _examine_tables(scheme: str) -> Iterator[Finding]:
    """Yield findings of the tables, and of the clock. Raises StoreUnavailable."""
    faults, clock = get_store().examine()
    if not faults:
        yield Finding(PART, f"{scheme} answers, and has all that this version needs")
    for fault in faults:
        level = warning if fault.is_warning else error
        yield level(PART, fault.text, fault.remedy)
    ahead = time.time() - clock
    if abs(ahead) > MOST_CLOCK_SECONDS:
        yield warning(
            PART,
            f"its clock and this machine's are {abs(ahead):.0f} s apart: seasons end, and tokens "
            "expire, at other times than meant",
            "Have a time service (chrony, systemd-timesyncd) set both.",
        )
