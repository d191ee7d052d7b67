"""Calculate what a load needs: processes, Pushpins, nodes.

usage: python -m bench.sizing [--viewers 1000] [--boards 1] [--increments 100] [--polls 0]
                              [--reconnect 60] [--interval 0.1] [--by-board] [--times 1]
                              [--store sqlite] [--figures .run/bench.json] [--check]

The costs are those that `script/bench costs` has measured. A part needs operations per second times
the processor time of one, as if nothing else slowed them. Viewers and increments are spread evenly
over the boards. Each viewer reconnects once in --reconnect seconds, which is how long a restart of
all Pushpins may take. A core is one of the machine that was measured.

Pushpin is published only the boards that it holds viewers of, as over ZeroMQ. By default a balancer
sends each viewer to any Pushpin; with --by-board it sends all viewers of a board to the same one.

--check prints what the costs predict beside other figures of the same file, which are not made of
them: storms, polls, the hot board, many boards.
"""

import argparse
import bisect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.costs import LISTENER, PROXY, STORE, WEB, name_of
from bench.figure import STORE_NAMES, Figure, load, markdown, number
from bench.service import PUBLISH_INTERVAL, STORES

REPEAT_SECONDS = 2.0  # as in listener/publish_scheduler.py, which needs settings to import
USED = 0.6  # of a core, at most; the rest is for peaks
PROXY_CORES = 2.0  # that one Pushpin can use: its handler has one thread, and so has its front
PROXY_VIEWERS = 20_000  # client_maxconn of pushpin.conf
NODE_CORES = 2.0
MEASURED_CORES = 2.0  # of the machine whose figures are checked


class OperationCosts:
    """The seconds of processor time that one operation takes of a part, on one store."""

    def __init__(self, figures: list[Figure], store: str) -> None:
        self.seconds = {f.name: f.value / 1000 for f in figures if f.store == store}

    def __call__(self, operation: str, part: str) -> float:
        if part == STORE and name_of(operation, part) not in self.seconds:
            return 0.0  # SQLite has no server: its time is that of the processes
        return self.seconds[name_of(operation, part)]


@dataclass(frozen=True)
class Load:
    """Numbers of viewers and boards, and operations per second."""

    viewers: float
    boards: float  # that change
    increments: float  # per second, as are the following
    polls: float
    connects: float
    by_board: bool = False  # all viewers of a board are held by one Pushpin
    interval: float = float(PUBLISH_INTERVAL)  # seconds

    def holders(self, proxies: int) -> float:
        """Return how many of so many Pushpins hold viewers of a board, on average. Each viewer is
        one of a board by chance."""
        sharing = 1 if self.by_board else proxies
        return sharing * -math.expm1(-self.viewers / self.boards / sharing)

    @property
    def snapshots(self) -> float:
        """Return how many snapshots are published per second.

        A board has one for each change, but no more than PUBLISH_INTERVAL allows. It has another
        one where it is quiet for long enough to be repeated.
        """
        changes = self.increments / self.boards
        repeats = changes if changes < 1 / REPEAT_SECONDS else 0.0
        return self.boards * min(changes + repeats, 1 / self.interval)

    @property
    def frames(self) -> float:
        """Return how many frames viewers are sent per second."""
        return self.snapshots * self.viewers / self.boards


def cores_by_part(
    load: Load, cost: OperationCosts, proxies: int = 1, *, through_proxy: bool = True
) -> dict[str, float]:
    """Return the cores that each part uses; for Pushpin, those of each one.

    The listener reads a snapshot once and publishes it to each Pushpin that holds the board. Which
    share of its cost is the read is not known, so all of it counts for each. With `through_proxy`
    polls and increments come through Pushpin, too.
    """
    published = load.snapshots * load.holders(proxies)
    requests = (
        ("poll", load.polls),
        ("increment", load.increments),
        ("connect", load.connects),
    )
    return {
        WEB: sum(rate * cost(operation, WEB) for operation, rate in requests),
        STORE: sum(rate * cost(operation, STORE) for operation, rate in requests)
        + load.snapshots * cost("poll", STORE),
        LISTENER: published * cost("snapshot", LISTENER),
        PROXY: (
            published * cost("publish", PROXY)
            + divisible_cores(load, cost, through_proxy=through_proxy)
        )
        / proxies,
    }


def divisible_cores(load: Load, cost: OperationCosts, *, through_proxy: bool = True) -> float:
    """Return the cores that Pushpins divide among them: those for viewers and requests."""
    requests = load.connects + (load.polls + load.increments if through_proxy else 0.0)
    frames = load.frames * cost("frame to a viewer", PROXY)
    return requests * cost("connect", PROXY) + frames


def count_proxies(load: Load, cost: OperationCosts) -> int:
    """Return how many Pushpins are needed: the fewest that have room for viewers and work."""
    room = USED * PROXY_CORES
    divisible = divisible_cores(load, cost)
    least = max(1, math.ceil(load.viewers / PROXY_VIEWERS), math.ceil(divisible / room))
    # Enough if each viewer is published to alone.
    enough = math.ceil((divisible + load.frames * cost("publish", PROXY)) / room) + 1
    sizes = range(least, max(least, enough) + 1)

    def have_room(proxies: int) -> bool:
        return cores_by_part(load, cost, proxies)[PROXY] <= room

    return sizes[bisect.bisect_left(sizes, True, key=have_room)]


def needed_parts(load: Load, cost: OperationCosts) -> Iterator[tuple[str, str, str]]:
    """Yield a row for each part: its name, its cores, how many of it."""
    proxies = count_proxies(load, cost)
    cores = cores_by_part(load, cost, proxies)
    yield WEB, number(cores[WEB]), f"{count_processes(cores[WEB]):,}"
    yield PROXY, number(cores[PROXY] * proxies), f"{proxies:,}"
    listeners = count_processes(cores[LISTENER])
    yield LISTENER, number(cores[LISTENER]), f"{listeners:,}, and one more for when one fails"
    if cores[STORE]:
        nodes = math.ceil(cores[STORE] / (USED * NODE_CORES))
        yield STORE, number(cores[STORE]), f"{nodes:,} of {NODE_CORES:g} cores"
    elif count_processes(cores[WEB]) > 8:
        yield STORE, "", "SQLite has one writer and one machine: use PostgreSQL or RethinkDB"


def count_processes(cores: float) -> int:
    return max(1, math.ceil(cores / USED))


def predictions(figures: list[Figure]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each figure that the costs predict, of each store that has costs.

    It has the figure's name, its store, the prediction, the measurement and their ratio.
    """
    for store in STORES:
        measured = {figure.name: figure.value for figure in figures if figure.store == store}
        if not any(name.startswith("processor for one") for name in measured):
            continue
        for name, predict in PREDICTIONS.items():
            if name in measured:
                predicted = predict(OperationCosts(figures, store))
                ratio = f"{predicted / measured[name]:.2f}"
                yield name, STORE_NAMES[store], number(predicted), number(measured[name]), ratio


def most_per_second(one: Load, cost: OperationCosts) -> float:
    """Return how many times a second all cores can carry a load, bypassing Pushpin."""
    return MEASURED_CORES / sum(cores_by_part(one, cost, through_proxy=False).values())


def predict_storm(cost: OperationCosts) -> float:
    """Return the seconds until 5,000 viewers have connected."""
    return 5000 / most_per_second(replace(NOTHING, connects=1), cost)


def predict_polls(cost: OperationCosts) -> float:
    """Return the polls per second."""
    return most_per_second(replace(NOTHING, polls=1), cost)


def predict_snapshots(cost: OperationCosts) -> float:
    """Return the snapshots per second of 1,000 boards, when increments bypass the web processes."""
    load = Load(viewers=10_000, boards=1000, increments=1000, polls=0, connects=0)
    cores = cores_by_part(load, cost, through_proxy=False)
    web_cores = cores_by_part(replace(NOTHING, increments=1000), cost)[WEB]
    return 1000 * MEASURED_CORES / (sum(cores.values()) - web_cores)


def predict_hot_increments(cost: OperationCosts) -> float:
    """Return the increments per second that the cores have left beside a hot board's viewers."""
    load = Load(viewers=1000, boards=1, increments=10, polls=0, connects=0)
    free = MEASURED_CORES - sum(cores_by_part(load, cost, through_proxy=False).values())
    return free / (cost("increment", WEB) + cost("increment", STORE))


NOTHING = Load(viewers=1, boards=1, increments=0, polls=0, connects=0)
PREDICTIONS: dict[str, Callable[[OperationCosts], float]] = {
    "storm of 5,000 viewers: all have the snapshot": predict_storm,
    "polls, 10 players": predict_polls,
    "1,000 boards: snapshots that carried them": predict_snapshots,
    "hot board, 1,000 viewers: increments": predict_hot_increments,
}


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
    interval = float(PUBLISH_INTERVAL)
    parser.add_argument("--interval", type=float, default=interval, help="PUBLISH_INTERVAL")
    parser.add_argument(
        "--by-board", action="store_true", help="one Pushpin for all viewers of a board"
    )
    parser.add_argument("--times", type=float, default=1, help="all of it so many times")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    figures = load(arguments.figures)
    if arguments.check:
        columns = ("figure", "store", "predicted", "measured", "ratio")
        print(markdown(columns, predictions(figures)))
        return
    times = arguments.times
    wanted = Load(
        viewers=arguments.viewers * times,
        boards=arguments.boards * times,
        increments=arguments.increments * times,
        polls=arguments.polls * times,
        connects=arguments.viewers * times / arguments.reconnect,
        by_board=arguments.by_board,
        interval=arguments.interval,
    )
    cost = OperationCosts(figures, arguments.store)
    print(markdown(("part", "cores", "how many"), needed_parts(wanted, cost)))


if __name__ == "__main__":
    main()
