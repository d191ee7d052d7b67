"""A measured figure beside its baseline and its comparisons, and files of figures.

All of them are measured in the same run, because machines differ and ratios differ less.
"""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

STORE_NAMES = {"sqlite": "SQLite", "rethinkdb": "RethinkDB", "postgresql": "PostgreSQL"}

# What a target may be a bound of: the value, its ratio to the baseline, or what it is more than the
# baseline. Any other basis is the name of a comparison, and the bound that of the ratio to it.
VALUE, BASELINE, DIFFERENCE = "value", "baseline", "difference"


@dataclass(frozen=True)
class Target:
    """A bound of a figure: at least `least`, or at most `most`."""

    basis: str
    least: float | None = None
    most: float | None = None

    def allows(self, measured: float) -> bool:
        above = self.least is None or measured >= self.least
        return above and (self.most is None or measured <= self.most)


def at_least(bound: float, basis: str = BASELINE) -> Target:
    return Target(basis, least=bound)


def at_most(bound: float, basis: str = BASELINE) -> Target:
    return Target(basis, most=bound)


@dataclass(frozen=True)
class Figure:
    """`runs`, `baseline` and each of `comparisons`, by its name, are in `unit` and have one value a
    run. A comparison that this store does not have may be empty."""

    name: str
    store: str
    unit: str
    runs: Sequence[float]
    baseline: Sequence[float] = ()
    comparisons: Mapping[str, Sequence[float]] = field(default_factory=dict)
    targets: Sequence[Target] = ()

    @property
    def value(self) -> float:
        return statistics.median(self.runs)

    def ratio_to(self, others: Sequence[float]) -> float | None:
        """Return the median of the runs' own ratios, or None without others.

        Both values of a run were measured one after the other.
        """
        pairs = [own / other for own, other in zip(self.runs, others, strict=False) if other]
        return statistics.median(pairs) if pairs else None

    def reaches(self, target: Target) -> bool | None:
        """Return whether the target is reached; None if there is nothing to compare with."""
        if target.basis == VALUE:
            measured: float | None = self.value
        elif target.basis == DIFFERENCE:
            measured = self.value - statistics.median(self.baseline) if self.baseline else None
        else:
            others = {BASELINE: self.baseline, **self.comparisons}
            measured = self.ratio_to(others.get(target.basis, ()))
        return None if measured is None else target.allows(measured)

    @property
    def reached(self) -> bool | None:
        """Return whether all targets are reached; None if there are none to compare with."""
        results = [self.reaches(target) for target in self.targets]
        known = [result for result in results if result is not None]
        return all(known) if known else None

    def misses(self, *bases: str) -> bool:
        """Return whether a target of one of these kinds is missed."""
        return any(
            self.reaches(target) is False for target in self.targets if target.basis in bases
        )


def number(value: float) -> str:
    """Format a value: three digits, or a whole number from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(line)} |" for line in (columns, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(columns), *lines[1:]])


def save(figures: Iterable[Figure], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=1))


def load(path: Path) -> list[Figure]:
    return [
        Figure(**{**fields, "targets": [Target(**target) for target in fields["targets"]]})
        for fields in json.loads(path.read_text())
    ]


def compare(figures: Iterable[Figure], before: Iterable[Figure]) -> list[list[str]]:
    """Return a row for each figure that was also measured before.

    It has the ratio to the baseline then and now, and how the two compare. Without a baseline it
    has the values.
    """
    known = {(figure.name, figure.store): figure for figure in before}
    rows = []
    for figure in figures:
        old = known.get((figure.name, figure.store))
        if old:
            now, then = (one.ratio_to(one.baseline) or one.value for one in (figure, old))
            change = f"{now / then:.2f}" if then else ""
            store = STORE_NAMES[figure.store]
            rows.append([figure.name, store, number(then), number(now), change])
    return rows
