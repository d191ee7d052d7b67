"""Increment runs: increments of one player that follow each other, sent as one write.

A write costs the server the document and its indexes, however much is added.
"""

from typing import Any, TypeVar

from leaderboardapp.domain import scoring
from leaderboardapp.domain.types import MAX_SCORE, Increment, Row
from leaderboardapp.stores.rethinkdb.results import ScoreWrite

Result = TypeVar("Result")


class IncrementRun:
    """Increments of one player. The server writes all of them or refuses all of them."""

    def __init__(self, increments: list[tuple[int, Increment]]) -> None:
        """Begin a run with one increment at least, each with its index in the whole request."""
        self.increments: list[tuple[int, Increment]] = []
        self.player, self.season = increments[0][1].player, increments[0][1].season
        self.keys: list[str] = []
        self.sums = [0]  # after each increment
        for index, increment in increments:
            self.add(index, increment)

    def can_add(self, increment: Increment) -> bool:
        """Return whether the increment may join the run.

        An idempotency key counts once, so no run has it twice. Sums must be exact, which ReQL's
        numbers are up to MAX_SCORE.
        """
        return (
            increment.season == self.season
            and increment.key not in self.keys
            and abs(self.sums[-1] + increment.amount) <= MAX_SCORE
        )

    def add(self, index: int, increment: Increment) -> None:
        """Append an increment, with its index in the whole request."""
        self.increments.append((index, increment))
        self.sums.append(self.sums[-1] + increment.amount)
        if increment.key:
            self.keys.append(increment.key)

    def split(self) -> list["IncrementRun"]:
        """Return a run for each increment."""
        return [IncrementRun([increment]) for increment in self.increments]

    @property
    def write(self) -> ScoreWrite:
        """The write that the run is."""
        return ScoreWrite(self.player, self.keys)

    @property
    def name(self) -> str | None:
        """The first name under which the player joins if missing; None without one."""
        return next((one.name for _, one in self.increments if one.name), None)

    def to_wire(self, now: int) -> dict[str, Any]:
        """Return the run as `score_fields.increment_fields` takes it.

        The board has to allow `least` and `most`, the extremes on the way, and `largest`, the
        largest amount. `now` is when the whole request is written, in microseconds. Each
        increment is one later than the one before.
        """
        moved = [index for index, increment in self.increments if increment.amount]
        return {
            "amount": self.sums[-1],
            "least": min(self.sums[1:]),
            "most": max(self.sums[1:]),
            "largest": max(abs(increment.amount) for _, increment in self.increments),
            "keys": self.keys,
            "season": self.season,
            "now": now + (moved[-1] if moved else self.increments[0][0]),
            "alone": len(self.increments) == 1,
        }

    def results_by_index(self, result: Row | Result) -> dict[int, Row | Result]:
        """Return each increment's result by its index.

        A row is the player's after the last increment: each result is the row after its own
        increment. Anything else is the same for each.
        """
        if not isinstance(result, dict) or len(self.increments) == 1:
            return {index: result for index, _ in self.increments}
        results: dict[int, Row | Result] = {}
        start = result["score"] - self.sums[-1]
        before = {**result, "score": start, "scored": result["previous"] is not None}
        for (index, _), added in zip(self.increments, self.sums[1:], strict=True):
            after = {**result, "score": start + added}
            results[index] = scoring.describe_write(before, after)
            before = after
        return results


def group_into_runs(increments: list[Increment]) -> list[IncrementRun]:
    """Group increments into runs. One player's keep their order."""
    runs: list[IncrementRun] = []
    newest: dict[str, IncrementRun] = {}
    for index, increment in enumerate(increments):
        run = newest.get(increment.player)
        if run and run.can_add(increment):
            run.add(index, increment)
        else:
            run = newest[increment.player] = IncrementRun([(index, increment)])
            runs.append(run)
    return runs


def take_one_per_player(
    runs: list[IncrementRun], limit: int
) -> tuple[list[IncrementRun], list[IncrementRun]]:
    """Return the first run of each player, `limit` at most, and the runs that are left."""
    first: dict[str, IncrementRun] = {}
    left: list[IncrementRun] = []
    for run in runs:
        if run.player in first or len(first) == limit:
            left.append(run)
        else:
            first[run.player] = run
    return list(first.values()), left
