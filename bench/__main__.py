"""Measure the service: each figure beside its baseline and its comparison.

usage: script/bench [NAME ...] [--store sqlite rethinkdb postgresql] [--runs 3]
                    [--short | --quick] [--players NUMBER] [--save FILE] [--compare FILE]

Prints tables of medians, in which bold misses its target. Writes all runs as JSON (by default
.run/bench.json), and compares them with an earlier file.

--quick takes smaller boards, fewer viewers and a second for each load, for a quarter of an hour on
two cores. Each figure says its sizes. It leaves out costs, memory, publishing, parts, seasons and
monitoring, unless they are named: they compare the service with itself, and need large boards, many
of them, or much time, to show a difference.

--short takes toy sizes: it shows that the benchmark works, and no figure of it means anything.
"""

import argparse
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from bench import (
    costs,
    delays,
    growth,
    hot_board,
    increments,
    many_boards,
    memory,
    messages,
    monitoring,
    own_ranks,
    parts,
    polls,
    publishing,
    seasons,
    starts,
    storm,
    windows,
)
from bench.figure import Figure, compare, load, markdown, save
from bench.service import STORES, Options
from bench.tables import render_all
from tests.support import forks

BENCHES: dict[str, Callable[[Options], Iterator[Figure]]] = {
    "polls": polls.measure,
    "increments": increments.measure,
    "messages": messages.measure,
    "delays": delays.measure,
    "hot_board": hot_board.measure,
    "many_boards": many_boards.measure,
    "storm": storm.measure,
    "starts": starts.measure,
    "costs": costs.measure,
    "growth": growth.measure,
    "memory": memory.measure,
    "publishing": publishing.measure,
    "own_ranks": own_ranks.measure,
    "parts": parts.measure,
    "windows": windows.measure,
    "seasons": seasons.measure,
    "monitoring": monitoring.measure,
}
NOT_QUICK = ("costs", "memory", "publishing", "parts", "seasons", "monitoring")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def positive(text: str) -> int:
    """Return the number, for argparse. Raises ArgumentTypeError."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not accepted: a whole number from 1 on is")
    return int(text)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="script/bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--store", nargs="+", choices=STORES, default=list(STORES))
    parser.add_argument("--runs", type=positive, default=3)
    size = parser.add_mutually_exclusive_group()
    for name in ("short", "quick"):
        size.add_argument(f"--{name}", dest="size", action="store_const", const=name)
    parser.set_defaults(size="full")
    parser.add_argument("--players", type=positive, default=0, help="of own_ranks and seasons")
    parser.add_argument("--save", type=Path, default=Path(".run/bench.json"), metavar="FILE")
    parser.add_argument("--compare", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - BENCHES.keys()
    names = [name for name in BENCHES if arguments.size != "quick" or name not in NOT_QUICK]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}. There are: {', '.join(BENCHES)}")
    try:
        before = load(arguments.compare) if arguments.compare else []
    except (OSError, ValueError, TypeError, LookupError) as error:
        parser.error(
            f"--compare {arguments.compare}: not a file of figures of this version: {error}"
        )
    if arguments.size == "short":
        forks.turn_on()
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))

    # An exception ends the programs that were started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    figures: list[Figure] = []
    began = time.monotonic()
    steps = [(name, store) for name in arguments.names or names for store in arguments.store]
    for number, (name, store) in enumerate(steps, 1):
        after = timedelta(seconds=int(time.monotonic() - began))
        say(f"→ {name}, {store}: {number} of {len(steps)}, after {after}")
        options = Options(store, arguments.runs, arguments.size, arguments.players)
        for figure in BENCHES[name](options):
            figures.append(figure)
            save(figures, arguments.save)  # so that an interrupted run is not lost
    say(f"→ took {timedelta(seconds=int(time.monotonic() - began))}")
    print("\n\n".join(render_all(figures)))
    if before:
        columns = ("figure", "store", "before", "now", "ratio")
        print("", markdown(columns, compare(figures, before)), sep="\n")


if __name__ == "__main__":
    main()
