"""The tables that a run prints, one for each question, as in docs/performance.md."""

import re
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, NamedTuple, TypeVar

from bench.figure import BASELINE, DIFFERENCE, STORE_NAMES, VALUE, Figure, Target, markdown, number

T = TypeVar("T")
Part = tuple[str, Callable[[Figure], str]]  # of a row: its header, and how its text is made

UNITS = {
    "/s": "Per second.",
    "s": "Seconds.",
    "ms": "Milliseconds.",
    "MB": "MB.",
    "cores": "Cores.",
}


@dataclass(frozen=True)
class Table:
    """A table of the figures whose names match `pattern`.

    The groups of the pattern are the first cells of a figure's row, under `heads`. A group named
    `column` is the header over its value, which is `value` otherwise. A group named `scale`
    completes the title. An empty `baseline` hides that column.
    """

    title: str
    pattern: str
    heads: tuple[str, ...] = ()
    stores: Literal["rows", "columns"] = "rows"
    value: str = "service"
    baseline: str = "baseline"
    comparisons: bool = True  # are shown, each with its ratio
    shared_baseline: bool = False  # all figures of a row have the same one, which is shown once
    compared_only: bool = False  # without the figures that have no comparison
    labels: dict[str, str] = field(default_factory=dict)  # for cells

    def judges(self, target: Target) -> bool:
        """Return whether the table shows if the target is reached."""
        return not self.compared_only or target.basis not in (VALUE, BASELINE, DIFFERENCE)

    def value_of(self, figure: Figure) -> str:
        """Return the value, in bold if it misses a target that has no ratio in the table."""
        bases = (VALUE, DIFFERENCE) if self.baseline else (VALUE, BASELINE)
        return emphasize(number(figure.value), not self.compared_only and figure.misses(*bases))

    def cell(self, figure: Figure) -> "Cell | None":
        """Return where the figure stands, or None if it is not of this table."""
        match = re.fullmatch(self.pattern, figure.name)
        if not match or (self.compared_only and not names_of_comparisons([figure])):
            return None
        named = match.groupdict()
        special = {match.re.groupindex[name] for name in named}
        row = [text for index, text in enumerate(match.groups(), 1) if index not in special]
        labels = tuple(self.labels.get(text, text) for text in row)
        return Cell(labels, named.get("column", self.value), named.get("scale", ""), figure)


class Cell(NamedTuple):
    """A figure, and where it stands in a table."""

    row: tuple[str, ...]
    column: str
    scale: str
    figure: Figure


TABLES = (
    Table(
        "Metrics and a log of requests",
        r"monitoring: (polls|increments) with (.+)",
        ("", "with"),
        baseline="with neither",
    ),
    Table(
        "Publishing over ZeroMQ, {scale} boards",
        r"publishing, (?P<scale>[\d,]+) boards: (.+)",
        ("",),
        value="ZeroMQ",
        baseline="HTTP",
    ),
    Table(
        "Listeners that share {scale} boards",
        r"parts of (?P<scale>.+) boards, (.+): (.+)",
        ("", ""),
    ),
    Table("Own ranks, {scale}", r"own ranks, (?P<scale>.+): (.+)", ("",), stores="columns"),
    Table("Polls", r"polls, (.+) players", ("players",)),
    Table("Polls answered 304", r"polls answered 304, (.+) players", ("players",)),
    Table("Increments", r"increments of (.+)", ("of",)),
    Table(
        "Change to viewer",
        r"change to viewer, (.+) viewers, (?P<column>.+)",
        ("viewers",),
        comparisons=False,
    ),
    Table(
        "Change to viewer, beside the article's listener",
        r"change to viewer, (.+) viewers, (.+)",
        ("viewers", ""),
        baseline="",
        compared_only=True,
    ),
    Table(
        "Change to viewer: the write in it, median",
        r"change to viewer, (.+) viewers: the write in it, median",
        ("viewers",),
    ),
    Table(
        "POST to viewer",
        r"POST to viewer, (.+) viewers, (?P<column>.+)",
        ("viewers",),
    ),
    Table(
        "A hot board with {scale} viewers",
        r"hot board, (?P<scale>.+) viewers: (.+)",
        ("",),
        stores="columns",
    ),
    Table(
        "{scale} boards, as many changes as one process reads",
        r"(?P<scale>[\d,]+) boards: (?P<column>(?:changes|snapshots) .+)",
        baseline="baseline: snapshots that one process reads",
        shared_baseline=True,
    ),
    Table(
        "{scale} boards, few changes",
        r"(?P<scale>[\d,]+) boards at .+/s: (?P<column>changes .+)",
        baseline="baseline: changes offered",
    ),
    Table(
        "{scale} boards, delays",
        r"(?P<scale>[\d,]+) boards(| at .+/s): (?P<column>(?:acknowledged|viewers) .+)",
        ("changes",),
        labels={"": "as many as one process reads", " at 100/s": "100 a second"},
    ),
    Table(
        "{scale} boards, processor use",
        r"(?P<scale>[\d,]+) boards: processor, (.+)",
        ("cores of",),
        stores="columns",
    ),
    Table("A storm of {scale} viewers", r"storm of (?P<scale>.+) viewers: (?P<column>.+)"),
    Table("Start", r"(import of the package|listener live, .+)", ("",), stores="columns"),
    Table("Memory", r"memory of (.+)", ("",), stores="columns"),
    Table(
        "Memory after {scale} of light load",
        r"memory after (?P<scale>.+) of light load, (.+)",
        ("part",),
    ),
    Table(
        "Growth of a board",
        r"(top of a board|article's sort|(?:rank|selection) on a board) of (?P<column>.+) players",
        ("with so many players",),
        baseline="",
        comparisons=False,
    ),
    Table(
        "Growth of the database",
        r"(poll|increment) among (?P<column>.+) boards",
        ("among so many boards",),
        baseline="",
    ),
    Table(
        "Growth of an audience: a publish, for each of so many viewers",
        r"publish, for each of (?P<column>.+) viewers",
        baseline="",
    ),
    Table(
        "The end of a season of {scale} players",
        r"season of (?P<scale>.+) players: (.+)",
        ("",),
        stores="columns",
    ),
    Table(
        "Increments while an archive of {scale} players is filled",
        r"season of (?P<scale>.+) players, increments: (?P<column>.+)",
        value="meanwhile",
        baseline="before",
    ),
    Table(
        "Ranks in an archive of {scale} players",
        r"season of (?P<scale>.+) players, rank in the archive(.*): (?P<column>.+)",
        ("archive",),
        baseline="rank of today",
        labels={"": "complete", " while it is filled": "while it is filled"},
    ),
    Table(
        "Processor use while an archive of {scale} players is filled",
        r"season of (?P<scale>.+) players, processor: (.+)",
        ("cores of",),
        value="meanwhile",
        baseline="before",
    ),
    Table(
        "Memory and disk, with an archive of {scale} players",
        r"season of (?P<scale>.+) players, size: (.+)",
        ("of",),
        value="afterwards",
        baseline="before",
    ),
    Table(
        "An increment with three windows, {scale} players",
        r"increment with three windows, (?P<scale>.+) players: (?P<column>.+)",
        value="with",
        baseline="without",
    ),
    Table("Messages from a broker", r"messages with scores of (.+)", ("scores of",)),
    Table(
        "Processor time of one operation",
        r"processor for one (.+), (.+)",
        ("one", "part"),
        stores="columns",
    ),
)
OTHERS = Table("Other figures", r"(.+)", ("figure",))


def render_all(figures: Sequence[Figure]) -> Iterator[str]:
    """Yield each table that has figures, with its title. No figure is left out."""
    placed: set[str] = set()
    for table in TABLES:
        if cells := cells_of(table, figures):
            placed.update(cell.figure.name for cell in cells)
            yield render(table, cells)
    if cells := cells_of(OTHERS, [figure for figure in figures if figure.name not in placed]):
        yield render(OTHERS, cells)


def cells_of(table: Table, figures: Iterable[Figure]) -> list[Cell]:
    return [cell for figure in figures if (cell := table.cell(figure))]


def render(table: Table, cells: list[Cell]) -> str:
    """Return the title, a line with unit and targets, and the table."""
    units = {cell.figure.unit for cell in cells}
    mixed = len(units) > 1
    notes = [] if mixed else [UNITS.get(cells[0].figure.unit, "")]
    if table.stores == "rows":
        notes.append(targets_line(table, cells))
        body = with_stores_in_rows(table, cells, mixed)
    else:
        body = with_stores_in_columns(table, cells, mixed)
    title = f"### {table.title.format(scale=cells[0].scale)}"
    return "\n\n".join(filter(None, (title, " ".join(filter(None, notes)), body)))


def with_stores_in_rows(table: Table, cells: list[Cell], mixed_units: bool) -> str:
    """Return a table with a row for each store. Ratios follow what they belong to."""
    columns = {
        name: column_parts(table, name, [c.figure for c in cells if c.column == name], mixed_units)
        for name in unique(cell.column for cell in cells)
    }
    header = [*table.heads, "store", *([table.baseline] if table.shared_baseline else [])]
    header += [head for parts in columns.values() for head, _ in parts]
    rows = []
    for row in unique(cell.row for cell in cells):
        for store, store_name in STORE_NAMES.items():
            known = {c.column: c.figure for c in cells if (c.row, c.figure.store) == (row, store)}
            if not known:
                continue
            texts = [baseline_of(next(iter(known.values())))] if table.shared_baseline else []
            for name, parts in columns.items():
                texts += [text(known[name]) if name in known else "" for _, text in parts]
            rows.append([*row, store_name, *texts])
    return markdown(header, rows)


def column_parts(table: Table, name: str, figures: list[Figure], mixed_units: bool) -> list[Part]:
    """Return what stands side by side for each figure."""
    unit = unit_suffix(figures[0], mixed_units)
    parts: list[Part] = [(name + unit, table.value_of)]
    if table.baseline and any(figure.baseline for figure in figures):
        if not table.shared_baseline:
            parts.append((table.baseline + unit, baseline_of))
        parts.append(("ratio", baseline_ratio))
    return parts + (list_comparisons(figures, unit) if table.comparisons else [])


def names_of_comparisons(figures: Iterable[Figure]) -> list[str]:
    """Return the name of each comparison that was measured for one of the figures."""
    return unique(name for one in figures for name, runs in one.comparisons.items() if runs)


def list_comparisons(figures: Sequence[Figure], unit: str = "") -> list[Part]:
    """Return what stands side by side for each comparison: it, and the ratio to it."""
    parts: list[Part] = []
    for name in names_of_comparisons(figures):
        parts.append((name + unit, partial(comparison_of, name)))
        parts.append(("ratio", partial(comparison_ratio, name)))
    return parts


def with_stores_in_columns(table: Table, cells: list[Cell], mixed_units: bool) -> str:
    """Return a table with a column for each store, and then comparisons and the target."""
    stores = [store for store in STORE_NAMES if any(c.figure.store == store for c in cells)]
    parts = list_comparisons([cell.figure for cell in cells])
    with_targets = any(cell.figure.targets for cell in cells)
    header = [*table.heads, *(STORE_NAMES[store] for store in stores)]
    header += [head for head, _ in parts]
    header += ["target"] if with_targets else []
    rows: list[list[str]] = []
    for row in unique(cell.row for cell in cells):
        known = {cell.figure.store: cell.figure for cell in cells if cell.row == row}
        compared = (one for one in known.values() if names_of_comparisons([one]))
        figure = next(compared, next(iter(known.values())))
        texts = [table.value_of(known[store]) if store in known else "" for store in stores]
        texts += [text_of(figure) for _, text_of in parts]
        if with_targets:
            texts.append(", ".join(target_text(table, target) for target in figure.targets))
        rows.append([*row[:-1], row[-1] + unit_suffix(figure, mixed_units), *texts])
    return markdown(header, rows)


def targets_line(table: Table, cells: list[Cell]) -> str:
    """Return the targets. Those of some figures only are followed by these figures' places."""
    places: dict[str, list[Cell]] = {}
    for cell in cells:
        for target in cell.figure.targets:
            if table.judges(target):
                places.setdefault(target_text(table, target), []).append(cell)
    texts = []
    for text, having in places.items():
        spots = {(cell.column, cell.row) for cell in having}
        beside = [cell for cell in cells if (cell.column, cell.row) in spots]
        names = some_of(having, cells, lambda cell: cell.column)
        names += some_of(having, cells, lambda cell: ", ".join(cell.row))
        names += some_of(having, beside, lambda cell: STORE_NAMES[cell.figure.store])
        texts.append(f"{text} ({', '.join(names)})" if names else text)
    return f"Targets: {'; '.join(texts)}." if texts else ""


def some_of(some: list[Cell], all: list[Cell], name_of: Callable[[Cell], str]) -> list[str]:
    """Return the names of some cells, or nothing if all have no others."""
    names = unique(map(name_of, some))
    return [] if set(names) == set(map(name_of, all)) else names


def target_text(table: Table, target: Target) -> str:
    sign, bound = ("≥", target.least) if target.least is not None else ("≤", target.most)
    prefix, suffix = {
        VALUE: ("", ""),
        DIFFERENCE: ("baseline + ", ""),
        BASELINE: ("", f" × {'baseline' if table.baseline else 'the next smaller size'}"),
    }.get(target.basis, ("", f" × {target.basis}"))
    return f"{sign} {prefix}{bound:g}{suffix}"


def unit_suffix(figure: Figure, mixed_units: bool) -> str:
    return f", {figure.unit}" if mixed_units and figure.unit else ""


def median_of(runs: Sequence[float]) -> str:
    return number(statistics.median(runs)) if runs else ""


def baseline_of(figure: Figure) -> str:
    return median_of(figure.baseline)


def comparison_of(name: str, figure: Figure) -> str:
    return median_of(figure.comparisons.get(name, ()))


def baseline_ratio(figure: Figure) -> str:
    return ratio_text(figure.ratio_to(figure.baseline), figure.misses(BASELINE))


def comparison_ratio(name: str, figure: Figure) -> str:
    return ratio_text(figure.ratio_to(figure.comparisons.get(name, ())), figure.misses(name))


def ratio_text(ratio: float | None, missed: bool) -> str:
    return "" if ratio is None else emphasize(f"{ratio:.2f}", missed)


def emphasize(text: str, missed: bool) -> str:
    """Return the text, in bold if a target is missed."""
    return f"**{text}**" if missed else text


def unique(names: Iterable[T]) -> list[T]:
    """Return each name once, in the order of their first appearance."""
    return list(dict.fromkeys(names))
