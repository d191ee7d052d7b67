"""What the doctor asks a store about itself."""

from typing import NamedTuple


class Fault(NamedTuple):
    """What is wrong with the store, and what to do about it."""

    text: str
    remedy: str
    is_warning: bool = False
    """Whether all works, and will not always."""


class Examination(NamedTuple):
    """A store as it is."""

    faults: list[Fault]
    clock: float
    """The time of its server's clock, in seconds since 1970."""


ENSURE = "Run manage.py ensure_store."
"""The remedy of what is missing."""
