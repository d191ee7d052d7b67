"""What a check is, and all checks in the order in which they were defined."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from leaderboard_client.conformance.service import Service

Needs = Literal["nothing", "a board", "boards of its own"]
Pace = Literal["quick", "slow", "last"]
Run = Callable[[Service], str | None]


@dataclass(frozen=True)
class Check:
    """A check. `run` returns a note for the report, or none.

    Slow ones only wait, and are made beside the others. The last ones are made alone."""

    group: str
    title: str
    run: Run
    needs: Needs
    pace: Pace
    look_at: str

    @property
    def name(self) -> str:
        """The check's line in a report."""
        return f"{self.group}: {self.title}"


CHECKS: list[Check] = []


def check(
    group: str,
    title: str,
    look_at: str,
    needs: Needs = "boards of its own",
    pace: Pace = "quick",
) -> Callable[[Run], Run]:
    """Return a decorator that adds a function to the checks."""

    def add(run: Run) -> Run:
        CHECKS.append(Check(group, title, run, needs, pace, look_at))
        return run

    return add
