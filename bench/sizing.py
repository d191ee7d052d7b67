"""What a load needs: processes, Pushpins, nodes.

usage: python -m bench.sizing [--viewers 1000] [--boards 1] [--increments 100] [--polls 0]
                              [--reconnect 60] [--times 1]
                              [--store sqlite] [--figures .run/bench.json] [--check]

Reckons with the costs that `script/bench costs` has measured: for each part, operations per second
times the processor that one takes, as if nothing else slowed them. Viewers and increments are
spread evenly over the boards; each viewer comes back once in so many seconds (--reconnect: how long
a restart of all Pushpins may take to be over). A core is one of the machine that was measured.

--check sets what the costs predict beside other figures of the same file, which are not made of
them: storms, polls, the hot board, many boards.
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.costs import EDGE, LISTENER, STORE, WEB, name_of
from bench.figure import Figure, load, number, table
from bench.service import PUBLISH_INTERVAL, STORES

REPEAT_SECONDS = 2.0  # as in listener/scheduler.py, which needs settings to import
USED = 0.6  # of a core, at most; the rest is for peaks
EDGE_CORES = 2.0  # that one Pushpin can use: its handler has one thread, and so has its front
EDGE_VIEWERS = 20_000  # client_maxconn of pushpin.conf
NODE_CORES = 2.0
MEASURED_CORES = 2.0  # of the machine whose figures are checked


class Costs:
    """Of one store, in seconds."""

    def __init__(self, figures: list[Figure], store: str) -> None:
        self.found = {each.name: each.value / 1000 for each in figures if each.store == store}

    def __call__(self, operation: str, part: str) -> float:
        if part == STORE and name_of(operation, part) not in self.found:
            return 0.0  # SQLite, which is where its processes are
        return self.found[name_of(operation, part)]


@dataclass(frozen=True)
class Load:
    viewers: float
    boards: float  # that change
    increments: float  # per second, as are the following
    polls: float
    connects: float

    @property
    def snapshots(self) -> float:
        """Published per second: each board's changes, or as many as PUBLISH_INTERVAL allows; and
        once more where a board is quiet for long enough to be repeated."""
        changes = self.increments / self.boards
        repeats = changes if changes < 1 / REPEAT_SECONDS else 0.0
        return self.boards * min(changes + repeats, 1 / float(PUBLISH_INTERVAL))

    @property
    def frames(self) -> float:
        """Handed to viewers per second."""
        return self.snapshots * self.viewers / self.boards


def cores(load: Load, cost: Costs, pushpins: int = 1, through: bool = True) -> dict[str, float]:
    """By part; Pushpin's are those of each one. A snapshot is read once and published to each
    Pushpin; as what of its cost is which is not known, all of it is taken for each. `through`:
    polls and increments come through Pushpin, too."""
    requests = (
        ("poll", load.polls),
        ("increment", load.increments),
        ("connect", load.connects),
    )
    return {
        WEB: sum(rate * cost(operation, WEB) for operation, rate in requests),
        STORE: sum(rate * cost(operation, STORE) for operation, rate in requests)
        + load.snapshots * cost("poll", STORE),
        LISTENER: load.snapshots * cost("snapshot", LISTENER) * pushpins,
        EDGE: load.snapshots * cost("publish", EDGE) + shared(load, cost, through) / pushpins,
    }


def shared(load: Load, cost: Costs, through: bool = True) -> float:
    """The cores that all Pushpins take together for viewers and requests."""
    requests = load.connects + (load.polls + load.increments if through else 0.0)
    frames = load.frames * cost("frame to a viewer", EDGE)
    return requests * cost("connect", EDGE) + frames


def pushpins(load: Load, cost: Costs) -> int | None:
    """How many; None if publishing, which each of them has to do, is more than half of what one
    can do, so that more of them hardly help."""
    free = USED * EDGE_CORES - load.snapshots * cost("publish", EDGE)
    if free < USED * EDGE_CORES / 2:
        return None
    return max(1, math.ceil(load.viewers / EDGE_VIEWERS), math.ceil(shared(load, cost) / free))


def needs(load: Load, cost: Costs) -> Iterator[tuple[str, str, str]]:
    """Rows: a part, its cores, how many of it."""
    edges = pushpins(load, cost)
    found = cores(load, cost, edges or 1)
    yield WEB, number(found[WEB]), f"{processes(found[WEB]):,}"
    if edges:
        yield EDGE, number(found[EDGE] * edges), f"{edges:,}"
    else:
        yield EDGE, number(found[EDGE]), "publishing takes more than half of each: split the boards"
    listeners = processes(found[LISTENER])
    more = f"{listeners:,}: more than the one that there can be; split the boards"
    one = "1, and one that stands by"
    yield LISTENER, number(found[LISTENER]), one if listeners == 1 else more
    if found[STORE]:
        nodes = math.ceil(found[STORE] / (USED * NODE_CORES))
        yield STORE, number(found[STORE]), f"{nodes:,} of {NODE_CORES:g} cores"
    elif processes(found[WEB]) > 8:
        yield STORE, "", "SQLite has one writer and one machine: use RethinkDB"


def processes(cores: float) -> int:
    return max(1, math.ceil(cores / USED))


def checks(figures: list[Figure]) -> Iterator[tuple[str, ...]]:
    """Rows: a figure, its store, what the costs predict, what was measured, and the ratio."""
    for store in STORES:
        cost = Costs(figures, store)
        known = {each.name: each.value for each in figures if each.store == store}
        if not any(name.startswith("processor for one") for name in known):
            continue
        nothing = Load(viewers=1, boards=1, increments=0, polls=0, connects=0)

        def at_most(one: Load) -> float:
            """Times a second that all cores do this."""
            return MEASURED_CORES / sum(cores(one, cost, through=False).values())  # noqa: B023

        def row(name: str, predicted: float) -> Iterator[tuple[str, ...]]:
            if name in known:  # noqa: B023
                measured = known[name]  # noqa: B023
                values = (number(predicted), number(measured), f"{predicted / measured:.2f}")
                yield name, store, *values  # noqa: B023

        storm = 5000 / at_most(replace(nothing, connects=1))
        yield from row("storm of 5,000 viewers: all have the snapshot", storm)
        yield from row("polls, 10 players", at_most(replace(nothing, polls=1)))
        carried = Load(viewers=10_000, boards=1000, increments=1000, polls=0, connects=0)
        written = replace(nothing, increments=1000)
        used = cores(carried, cost, through=False)
        beside = sum(used.values()) - cores(written, cost)[WEB]  # written past the web processes
        name = "1,000 boards: snapshots that carried them"
        yield from row(name, 1000 * MEASURED_CORES / beside)
        hot = Load(viewers=1000, boards=1, increments=10, polls=0, connects=0)
        free = MEASURED_CORES - sum(cores(hot, cost, through=False).values())
        each = cost("increment", WEB) + cost("increment", STORE)
        yield from row("hot board, 1,000 viewers: increments", free / each)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.sizing",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--figures", type=Path, default=Path(".run/bench.json"), metavar="FILE")
    parser.add_argument("--store", choices=STORES, default="sqlite")
    parser.add_argument("--viewers", type=float, default=1000)
    parser.add_argument("--boards", type=float, default=1, help="that change")
    parser.add_argument("--increments", type=float, default=100, help="per second")
    parser.add_argument("--polls", type=float, default=0, help="per second")
    parser.add_argument("--reconnect", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--times", type=float, default=1, help="all of it so many times")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    figures = load(arguments.figures)
    if arguments.check:
        columns = ("figure", "store", "predicted", "measured", "ratio")
        print(table(checks(figures), columns))
        return
    times = arguments.times
    wanted = Load(
        viewers=arguments.viewers * times,
        boards=arguments.boards * times,
        increments=arguments.increments * times,
        polls=arguments.polls * times,
        connects=arguments.viewers * times / arguments.reconnect,
    )
    print(table(needs(wanted, Costs(figures, arguments.store)), ("part", "cores", "how many")))


if __name__ == "__main__":
    main()
