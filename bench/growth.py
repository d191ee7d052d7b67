"""What one operation costs as the thing that it works on grows: a board, the database, an audience.

A board's top, as a poll reads it, and the rank of one of its players, in boards of a thousand to a
million players (on RethinkDB to a hundred thousand, because more take long to fill); a poll
and an increment in a database of ten to a hundred thousand boards with a player each. All through
the store in one process, each size in a database of its own: the median of one client's calls. And
one publish to ten to ten thousand viewers of a board, past the service: the time until the last of
them has it, divided by their number, for which the same is linear.

The limit is the next smaller size in the same run, and half as much again is the mark. The peer is
the article's sort.
"""

import asyncio
import itertools
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from bench.changes import publisher
from bench.delays import BOARD, delays
from bench.figure import Figure
from bench.fill import FILL, make_boards
from bench.service import Options, databases, post, process, service
from bench.viewers import watch
from tests.support.stack import Stack

SETTLE_SECONDS = 6.0  # after which RethinkDB's store no longer takes the players for just changed
MARK = 1.5
Costs = dict[str, dict[int, list[float]]]  # by operation and size, one of each run
# What is done in a process with the store, or else with bench.bare: fill it, tell what calls cost.
Part = tuple[bool, Callable[[str, int], None], Callable[[int, int], dict[str, float]]]


def timed(ask: Callable[[int], Any], number: int, calls: int) -> float:
    """The median in milliseconds, each call with one of so many numbers at random."""
    seconds = []
    for _ in range(calls):
        which = random.randrange(number)
        began = time.perf_counter()
        ask(which)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1000


def fill_board(store: str, players: int) -> None:
    from leaderboardapp.stores import get_store

    get_store().ensure()
    get_store().create_board({"id": "b"})
    FILL[store](get_store(), "b", players)
    time.sleep(SETTLE_SECONDS if store == "rethinkdb" else 0)
    while get_store().run_maintenance("b"):
        pass


def board_costs(players: int, calls: int) -> dict[str, float]:
    from leaderboardapp import models, snapshots
    from leaderboardapp.stores import get_store

    store, board = get_store(), get_store().get_board("b")
    return {
        "top": timed(lambda _: snapshots.read_snapshots(["b"]), players, calls),
        "rank": timed(
            lambda n: models.get_player_with_rank(board, store.get_player("b", f"p{n}")),
            players,
            calls,
        ),
    }


def fill_article(_: str, players: int) -> None:
    from bench import bare

    bare.store.fill(players)


def article_costs(players: int, calls: int) -> dict[str, float]:
    from bench import bare

    # Fewer, because one takes as long as it takes to sort all players.
    return {"article": timed(lambda _: bare.store.article_top(), players, calls // 30)}


def database_costs(boards: int, calls: int) -> dict[str, float]:
    from leaderboardapp import snapshots
    from leaderboardapp.stores import get_store

    store = get_store()
    return {
        "poll": timed(lambda n: snapshots.read_snapshots([f"b{n}"]), boards, calls),
        "increment": timed(lambda n: store.add_score(f"b{n}", "p", 1), boards, calls),
    }


BOARD_PARTS: list[Part] = [
    (False, fill_board, board_costs),
    (True, fill_article, article_costs),
]
DATABASE_PARTS: list[Part] = [(False, make_boards, database_costs)]


def costs(options: Options, sizes: list[int], parts: list[Part]) -> Costs:
    found: Costs = defaultdict(lambda: defaultdict(list))
    calls = 30 if options.short else 300
    with ExitStack() as exits:
        url = exits.enter_context(databases(options.store))
        asks = []
        for size in sizes:
            for bare, fill, ask in parts:
                there = exits.enter_context(process(url(f"size{size}"), bare))
                there.submit(fill, options.store, size).result()
                asks.append((there, ask, size))
        # By turns, because other work on the machine comes and goes.
        for _ in range(options.runs):
            for there, ask, size in asks:
                for name, cost in there.submit(ask, size, calls).result().items():
                    found[name][size].append(cost)
    return found


async def viewers_cost(stack: Stack, viewers: int, options: Options) -> list[float]:
    """Of each run, the median of some publishes, in milliseconds for each viewer."""
    publishes = 3 if options.short else 10
    scores = itertools.count(1_000_000_000)  # which the service cannot have
    publish = publisher(stack, lambda: next(scores))
    watching = await watch(stack.port, BOARD, viewers)
    runs = []
    for _ in range(options.runs):
        found = await delays(watching, publish, publishes)
        last = [max(found[at : at + viewers]) for at in range(0, len(found), viewers)]
        runs.append(statistics.median(last) / viewers)
    for viewer in watching:
        viewer.close()
    return runs


def publish_costs(options: Options, sizes: list[int]) -> Costs:
    found: Costs = {"publish": {}}
    with service(options.store) as stack:
        post(stack, "/boards/", {"id": "b"})
        post(stack, f"{BOARD}players/", {"id": "p", "name": "P"})
        time.sleep(3)  # for the repeat
        for size in sizes:
            found["publish"][size] = asyncio.run(viewers_cost(stack, size, options))
    return found


def figures(
    name: str, of: dict[int, list[float]], store: str, peer: dict[int, list[float]] | None = None
) -> Iterator[Figure]:
    for smaller, (size, runs) in zip([None, *of], of.items(), strict=False):
        yield Figure(
            name.format(f"{size:,}"),
            store,
            "ms",
            runs,
            of[smaller] if smaller else (),
            peer[size] if peer else (),
            at_most=MARK if smaller else None,
            more_is_better=False,
        )


def measure(options: Options) -> Iterator[Figure]:
    store, short = options.store, options.short
    most = 5 if store == "rethinkdb" else 6
    sizes = [10, 100] if short else [10**n for n in range(3, most + 1)]
    found = costs(options, sizes, BOARD_PARTS)
    yield from figures("top of a board of {} players", found["top"], store, found["article"])
    yield from figures("rank on a board of {} players", found["rank"], store)
    found = costs(options, [10, 100] if short else [10, 1000, 100_000], DATABASE_PARTS)
    yield from figures("poll among {} boards", found["poll"], store)
    yield from figures("increment among {} boards", found["increment"], store)
    found = publish_costs(options, [10, 20] if short else [10, 100, 1000, 10_000])
    yield from figures("publish, for each of {} viewers", found["publish"], store)
