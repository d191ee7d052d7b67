"""Findings: what the doctor has seen of one part."""

from enum import IntEnum
from typing import NamedTuple


class Level(IntEnum):
    """How bad a finding is."""

    OK = 0
    WARNING = 1  # it works, and will not always
    ERROR = 2  # it does not work


class Finding(NamedTuple):
    """What was seen of a part, and what to do about it."""

    part: str
    text: str
    remedy: str = ""
    level: Level = Level.OK


def warning(part: str, text: str, remedy: str) -> Finding:
    """Return a finding of something that works, and will not always."""
    return Finding(part, text, remedy, Level.WARNING)


def error(part: str, text: str, remedy: str) -> Finding:
    """Return a finding of something that does not work."""
    return Finding(part, text, remedy, Level.ERROR)
