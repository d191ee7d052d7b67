"""Increments of one player that follow each other, written as one: what a write costs the server is
the document and its indexes, however much is added."""

from typing import Any, TypeVar

from leaderboardapp.domain.types import MAX_SCORE, Increment, Row

Result = TypeVar("Result")


class IncrementRun:
    """The server writes it as a whole or refuses it as a whole."""

    def __init__(self, increments: list[tuple[int, Increment]]) -> None:
        """`increments`, one at least, with the place of each among all that were asked for."""
        self.increments: list[tuple[int, Increment]] = []
        self.player, self.season = increments[0][1].player, increments[0][1].season
        self.keys: list[str] = []
        self.sums = [0]
        for index, increment in increments:
            self.add(index, increment)

    def can_add(self, increment: Increment) -> bool:
        """A key counts once, so it is in no run twice; and sums stay exact, which in ReQL's numbers
        they are up to MAX_SCORE."""
        return (
            increment.season == self.season
            and increment.key not in self.keys
            and abs(self.sums[-1] + increment.amount) <= MAX_SCORE
        )

    def add(self, index: int, increment: Increment) -> None:
        self.increments.append((index, increment))
        self.sums.append(self.sums[-1] + increment.amount)
        if increment.key:
            self.keys.append(increment.key)

    def split(self) -> list["IncrementRun"]:
        return [IncrementRun([each]) for each in self.increments]

    def to_wire(self, now: int) -> dict[str, Any]:
        """As `scores.added` takes it: what is added, the least and the most on the way there, and
        the largest amount, all of which the board has to allow. `now` is when the first of all
        that were asked for is written, in microseconds, and each is one later."""
        moved = [index for index, each in self.increments if each.amount]
        return {
            "amount": self.sums[-1],
            "least": min(self.sums[1:]),
            "most": max(self.sums[1:]),
            "largest": max(abs(each.amount) for _, each in self.increments),
            "keys": self.keys,
            "season": self.season,
            "now": now + (moved[-1] if moved else self.increments[0][0]),
            "alone": len(self.increments) == 1,
        }

    def results_by_index(self, result: Row | Result) -> dict[int, Row | Result]:
        """By the place of each increment: the player's row after it, if `result` is the row after
        the last; or else the same for each."""
        if not isinstance(result, dict):
            return {index: result for index, _ in self.increments}
        return {
            index: {**result, "score": result["score"] - self.sums[-1] + added}
            for (index, _), added in zip(self.increments, self.sums[1:], strict=True)
        }


def group_into_runs(increments: list[Increment]) -> list[IncrementRun]:
    """In their order, as far as it is that of one player."""
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
    runs: list[IncrementRun], most: int
) -> tuple[list[IncrementRun], list[IncrementRun]]:
    """At most so many runs of different players, and the others, which are for later."""
    first: dict[str, IncrementRun] = {}
    later: list[IncrementRun] = []
    for run in runs:
        if run.player in first or len(first) == most:
            later.append(run)
        else:
            first[run.player] = run
    return list(first.values()), later
