"""Increments of one player that follow each other, written as one: what a write costs the server is
the document and its indexes, however much is added."""

from typing import Any, TypeVar

from leaderboardapp.domain.types import MAX_SCORE, Increment, Row

Result = TypeVar("Result")


class Run:
    """The server writes it as a whole or refuses it as a whole."""

    def __init__(self, increments: list[tuple[int, Increment]]) -> None:
        """`increments`, one at least, with the place of each among all that were asked for."""
        self.increments: list[tuple[int, Increment]] = []
        self.player, self.season = increments[0][1].player, increments[0][1].season
        self.keys: list[str] = []
        self.sums = [0]
        for place, increment in increments:
            self.take(place, increment)

    def takes(self, increment: Increment) -> bool:
        """A key counts once, so it is in no run twice; and sums stay exact, which in ReQL's numbers
        they are up to MAX_SCORE."""
        return (
            increment.season == self.season
            and increment.key not in self.keys
            and abs(self.sums[-1] + increment.amount) <= MAX_SCORE
        )

    def take(self, place: int, increment: Increment) -> None:
        self.increments.append((place, increment))
        self.sums.append(self.sums[-1] + increment.amount)
        if increment.key:
            self.keys.append(increment.key)

    def singles(self) -> list["Run"]:
        return [Run([each]) for each in self.increments]

    def wire(self, now: int) -> dict[str, Any]:
        """As `scores.added` takes it: what is added, the least and the most on the way there, and
        the largest amount, all of which the board has to allow. `now` is when the first of all
        that were asked for is written, in microseconds, and each is one later."""
        moved = [place for place, each in self.increments if each.amount]
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

    def results(self, result: Row | Result) -> dict[int, Row | Result]:
        """By the place of each increment: the player's row after it, if `result` is the row after
        the last; or else the same for each."""
        if not isinstance(result, dict):
            return {place: result for place, _ in self.increments}
        return {
            place: {**result, "score": result["score"] - self.sums[-1] + added}
            for (place, _), added in zip(self.increments, self.sums[1:], strict=True)
        }


def runs_of(increments: list[Increment]) -> list[Run]:
    """In their order, as far as it is that of one player."""
    runs: list[Run] = []
    newest: dict[str, Run] = {}
    for place, increment in enumerate(increments):
        run = newest.get(increment.player)
        if run and run.takes(increment):
            run.take(place, increment)
        else:
            run = newest[increment.player] = Run([(place, increment)])
            runs.append(run)
    return runs


def first_of_each(runs: list[Run], most: int) -> tuple[list[Run], list[Run]]:
    """At most so many runs of different players, and the others, which are for later."""
    first: dict[str, Run] = {}
    later: list[Run] = []
    for run in runs:
        if run.player in first or len(first) == most:
            later.append(run)
        else:
            first[run.player] = run
    return list(first.values()), later
