"""What a benchmark finds: each figure beside its limit and its peer in the same run, because
machines differ and ratios less so."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """`runs`, `limit` and `peer` are in `unit`, one value a run. `at_least` or `at_most` is the
    mark, for the "ratio" to the limit, the "difference" from it, the ratio to the "peer", or the
    "value" itself."""

    name: str
    store: str
    unit: str
    runs: Sequence[float]
    limit: Sequence[float] = ()
    peer: Sequence[float] = ()
    at_least: float | None = None
    at_most: float | None = None
    marked: str = "ratio"
    more_is_better: bool = True

    @property
    def value(self) -> float:
        return statistics.median(self.runs)

    @property
    def worst(self) -> float:
        return min(self.runs) if self.more_is_better else max(self.runs)

    def ratio_to(self, others: Sequence[float]) -> float | None:
        """The median of the runs' own ratios: both of a pair were measured one after the other."""
        pairs = [mine / other for mine, other in zip(self.runs, others, strict=False) if other]
        return statistics.median(pairs) if pairs else None

    @property
    def reached(self) -> bool | None:
        """None if there is no mark, or nothing to compare with."""
        if self.marked == "value":
            compared: float | None = self.value
        elif self.marked == "difference" and self.limit:
            compared = self.value - statistics.median(self.limit)
        else:
            compared = self.ratio_to(self.peer if self.marked == "peer" else self.limit)
        if compared is None or self.at_least is self.at_most is None:
            return None
        least = -float("inf") if self.at_least is None else self.at_least
        return least <= compared <= (float("inf") if self.at_most is None else self.at_most)


COLUMNS = ("figure", "store", "median", "worst", "limit", "ratio", "peer", "ratio", "mark", "")


def row(figure: Figure) -> list[str]:
    added = "limit + " if figure.marked == "difference" else ""
    bounds = (("≥", figure.at_least), ("≤", figure.at_most))
    marks = [f"{sign} {added}{bound:g}" for sign, bound in bounds if bound is not None]
    compared = []
    for others in (figure.limit, figure.peer):
        ratio = figure.ratio_to(others)
        compared += [number(statistics.median(others)) if others else ""]
        compared += ["" if ratio is None else f"{ratio:.2f}"]
    reached = {None: "", True: "reached", False: "missed"}[figure.reached]
    values = [f"{number(figure.value)} {figure.unit}", number(figure.worst)]
    return [figure.name, figure.store, *values, *compared, ", ".join(marks), reached]


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(rows: Iterable[Sequence[str]], columns: Sequence[str] = COLUMNS) -> str:
    """In Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def save(figures: Iterable[Figure], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=1))


def load(path: Path) -> list[Figure]:
    return [Figure(**found) for found in json.loads(path.read_text())]


def compared(figures: Iterable[Figure], before: Iterable[Figure]) -> list[list[str]]:
    """Rows: each figure, its ratio to the limit in the run before and now, and how they compare.
    Where there is no limit, the values themselves."""
    known = {(each.name, each.store): each for each in before}
    rows = []
    for figure in figures:
        old = known.get((figure.name, figure.store))
        if old:
            now, then = (each.ratio_to(each.limit) or each.value for each in (figure, old))
            change = f"{now / then:.2f}" if then else ""
            rows.append([figure.name, figure.store, number(then), number(now), change])
    return rows
