"""The store: whether it answers, has all that this version needs, and has the right time."""

import time
from collections.abc import Iterator

from django.conf import settings

from leaderboardapp.doctor.findings import Finding, error, warning
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.masking import mask_secrets
from leaderboardapp.stores import get_store

PART = "store"
MOST_CLOCK_SECONDS = 1.0  # seasons end by these clocks


def examine_store() -> Iterator[Finding]:
    """Yield findings."""
    store, scheme = get_store(), settings.DATABASE_URL.partition(":")[0]
    try:
        faults, clock = store.examine()
    except StoreUnavailable as failure:
        yield error(
            PART,
            f"{scheme} does not answer: {mask_secrets(str(failure))}",
            "Start it, or point DATABASE_URL to where it runs. Nothing works without it.",
        )
        return
    if not faults:
        yield Finding(PART, f"{scheme} answers, and has all that this version needs")
    yield from (error(PART, fault.text, fault.remedy) for fault in faults)
    yield from _examine_clock(clock)


def _examine_clock(clock: float) -> Iterator[Finding]:
    ahead = time.time() - clock
    if abs(ahead) <= MOST_CLOCK_SECONDS:
        return
    yield warning(
        PART,
        f"its clock and this machine's are {abs(ahead):.0f} s apart: seasons end, and tokens "
        "expire, at other times than meant",
        "Have a time service (chrony, systemd-timesyncd) set both.",
    )
