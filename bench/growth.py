"""Measure what one operation costs as the thing that it works on grows.

- A board: its top players, as a poll reads them, the rank of one of its players, and those of five
  hundred, with a target of its own. Boards have a thousand to a million players; on RethinkDB a
  hundred thousand, because more take long to fill.
- The database: a poll and an increment among ten to a hundred thousand boards with a player each.
- An audience: a publish to ten to ten thousand viewers of a board, bypassing the service. The cost
  is the time until the last viewer has it, divided by the number of viewers, so linear growth is a
  constant cost.

The first two call the store in one process, with a database for each size; a figure is the median
of one client's calls. The baseline is the next smaller size in the same run, and the target 1.5
times that. The comparison is the article's sort.
"""

import asyncio
import itertools
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from bench.changes import write_then_publish
from bench.delays import BOARD, measure_delays
from bench.figure import Figure, at_most
from bench.fill import FILLERS, make_boards
from bench.service import Options, databases, post, process, service
from bench.viewers import open_viewers
from tests.support.stack import Stack

SETTLE_SECONDS = 6.0  # after which RethinkDB's store no longer takes the players for just changed
SELECTED = 500  # players in a request
MOST_MILLISECONDS = {"sqlite": 50, "postgresql": 50, "rethinkdb": 250}  # for them, of a million
TARGET_GROWTH = 1.5  # at most, for ten times the size
CostsBySize = dict[str, dict[int, list[float]]]  # by operation and size, one of each run


class Part(NamedTuple):
    """What is measured in a process with the store, or with bench.bare."""

    bare: bool
    fill: Callable[[str, int], None]  # a kind of store, to this size
    measure: Callable[[int, int], dict[str, float]]  # a size, by so many calls


def median_milliseconds(call: Callable[[int], Any], size: int, calls: int) -> float:
    """Return the median of calls, each with a random number below the size."""
    seconds = []
    for _ in range(calls):
        number = random.randrange(size)
        began = time.perf_counter()
        call(number)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1000


def fill_board(store: str, players: int) -> None:
    from leaderboardapp.stores import get_store

    get_store().ensure()
    get_store().create_board({"id": "b"})
    FILLERS[store].add_players(get_store(), "b", players)
    time.sleep(SETTLE_SECONDS if store == "rethinkdb" else 0)
    while get_store().run_maintenance("b"):
        pass


def board_costs(players: int, calls: int) -> dict[str, float]:
    from leaderboardapp import snapshots
    from leaderboardapp.domain import ranking
    from leaderboardapp.stores import get_store

    store = get_store()
    return {
        "top": median_milliseconds(lambda _: snapshots.read_snapshots(["b"]), players, calls),
        "rank": median_milliseconds(
            lambda n: ranking.number_window(store.get_ranking_window("b", 1, around=f"p{n}")),
            players,
            calls,
        ),
        # Fewer calls, because each is five hundred ranks.
        "select": median_milliseconds(
            lambda _: store.get_selection("b", choose_players(players)), players, calls // 10
        ),
    }


def choose_players(players: int) -> list[str]:
    """Return the ids of SELECTED players at random; of all, if there are fewer."""
    numbers = random.sample(range(players), min(players, SELECTED))
    return [f"p{number}" for number in numbers]


def fill_article(_: str, players: int) -> None:
    from bench import bare

    bare.store.fill(players)


def article_costs(players: int, calls: int) -> dict[str, float]:
    from bench import bare

    # Fewer calls, because each sorts all players.
    cost = median_milliseconds(lambda _: bare.store.article_top(), players, calls // 30)
    return {"article": cost}


def database_costs(boards: int, calls: int) -> dict[str, float]:
    from leaderboardapp import snapshots
    from leaderboardapp.stores import get_store

    store = get_store()
    return {
        "poll": median_milliseconds(lambda n: snapshots.read_snapshots([f"b{n}"]), boards, calls),
        "increment": median_milliseconds(lambda n: store.add_score(f"b{n}", "p", 1), boards, calls),
    }


BOARD_PARTS: list[Part] = [
    Part(bare=False, fill=fill_board, measure=board_costs),
    Part(bare=True, fill=fill_article, measure=article_costs),
]
DATABASE_PARTS: list[Part] = [Part(bare=False, fill=make_boards, measure=database_costs)]


def measure_parts(options: Options, sizes: list[int], parts: list[Part]) -> CostsBySize:
    """Return the milliseconds of each operation at each size."""
    costs: CostsBySize = defaultdict(lambda: defaultdict(list))
    calls = options.pick(30, 100, 300)
    with ExitStack() as exits:
        url = exits.enter_context(databases(options.store))
        filled = []
        for size in sizes:
            for part in parts:
                executor = exits.enter_context(process(url(f"size{size}"), part.bare))
                executor.submit(part.fill, options.store, size).result()
                filled.append((executor, part, size))
        # In turns, because other work on the machine comes and goes.
        for _ in range(options.runs):
            for executor, part, size in filled:
                for name, cost in executor.submit(part.measure, size, calls).result().items():
                    costs[name][size].append(cost)
    return costs


async def viewer_costs(stack: Stack, viewers: int, options: Options) -> list[float]:
    """Return the milliseconds of a publish for each viewer: for each run, the median of some."""
    publishes = options.pick(3, 3, 10)
    scores = itertools.count(1_000_000_000)  # which the service cannot have
    publish = write_then_publish(stack, lambda: next(scores))
    opened = await open_viewers(stack.port, [BOARD] * viewers)
    runs = []
    for _ in range(options.long_runs):
        delays = await measure_delays(opened, publish, publishes)
        starts = range(0, len(delays), viewers)
        last = [max(delays[start : start + viewers]) for start in starts]
        runs.append(statistics.median(last) / viewers)
    for viewer in opened:
        viewer.close()
    return runs


def publish_costs(options: Options, sizes: list[int]) -> dict[int, list[float]]:
    """Return the milliseconds of a publish for each viewer, one of each run, by their number."""
    costs = {}
    with service(options.store) as stack:
        post(stack, "/boards/", {"id": "b"})
        post(stack, f"{BOARD}players/", {"id": "p", "name": "P"})
        time.sleep(3)  # for the repeat
        for size in sizes:
            costs[size] = asyncio.run(viewer_costs(stack, size, options))
    return costs


def figures(
    name: str,
    costs: dict[int, list[float]],
    store: str,
    article: dict[int, list[float]] | None = None,
) -> Iterator[Figure]:
    """Yield a figure for each size, beside the next smaller one."""
    for smaller, (size, runs) in zip([None, *costs], costs.items(), strict=False):
        yield Figure(
            name.format(f"{size:,}"),
            store,
            "ms",
            runs,
            costs[smaller] if smaller else (),
            {"article": article[size]} if article else {},
            targets=(at_most(TARGET_GROWTH),) if smaller else (),
        )


def measure(options: Options) -> Iterator[Figure]:
    store = options.store
    large = [] if store == "rethinkdb" else [1_000_000]
    players = options.pick([10, 100], [1000, 10_000], [1000, 10_000, 100_000, *large])
    costs = measure_parts(options, players, BOARD_PARTS)
    yield from figures("top of a board of {} players", costs["top"], store, costs["article"])
    for size, runs in costs["article"].items():
        yield Figure(f"article's sort of {size:,} players", store, "ms", runs)
    yield from figures("rank on a board of {} players", costs["rank"], store)
    most = (at_most(MOST_MILLISECONDS[store], "value"),)
    for size, runs in costs["select"].items():
        name = f"selection on a board of {size:,} players"
        yield Figure(name, store, "ms", runs, targets=most)
    boards = options.pick([10, 100], [10, 1000], [10, 1000, 100_000])
    costs = measure_parts(options, boards, DATABASE_PARTS)
    yield from figures("poll among {} boards", costs["poll"], store)
    yield from figures("increment among {} boards", costs["increment"], store)
    viewers = options.pick([10, 20], [100, 1000], [10, 100, 1000, 10_000])
    publishes = publish_costs(options, viewers)
    yield from figures("publish, for each of {} viewers", publishes, store)
