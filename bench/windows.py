"""Measure an increment of a board with three windows beside one without, by turns in one process.

The increments have keys, as those that a client may repeat.
"""

import itertools
import random
import statistics
import time
from collections.abc import Iterator

from bench.figure import Figure, at_most
from bench.service import Options, databases, process

BOARDS = ("plain", "windows")
TARGET = at_most(2.5)  # on SQL: RethinkDB writes four documents in place of one


def make_boards(players: int) -> None:
    """Create a board with windows and one without, on which all players have a score."""
    from leaderboardapp.domain.types import WINDOWS
    from leaderboardapp.stores import get_store

    store = get_store()
    store.ensure()
    for board in BOARDS:
        store.create_board({"id": board, "windows": list(WINDOWS) if board == "windows" else []})
        for number in range(players):
            store.create_player(board, {"id": f"p{number}", "name": "P"})
            store.add_score(board, f"p{number}", 1)


def measure_increments(players: int, calls: int) -> dict[str, tuple[float, float]]:
    """Return the median time of an increment and the mean of this process's processor time, in
    milliseconds, by board."""
    from leaderboardapp.stores import get_store

    store, run, keys = get_store(), random.randrange(10**9), itertools.count()
    seconds: dict[str, list[float]] = {board: [] for board in BOARDS}
    used = dict.fromkeys(BOARDS, 0.0)
    for _ in range(calls):
        player = f"p{random.randrange(players)}"
        for board in BOARDS:
            began, used_before = time.perf_counter(), time.process_time()
            store.add_score(board, player, 1, f"{run}-{next(keys)}")
            used[board] += time.process_time() - used_before
            seconds[board].append(time.perf_counter() - began)
    return {
        board: (statistics.median(seconds[board]) * 1000, used[board] / calls * 1000)
        for board in BOARDS
    }


def measure(options: Options) -> Iterator[Figure]:
    players, calls = options.pick((20, 30), (50, 200), (200, 2_000))
    with databases(options.store) as url, process(url("windows")) as executor:
        executor.submit(make_boards, players).result()
        runs = [
            executor.submit(measure_increments, players, calls).result()
            for _ in range(options.runs)
        ]
    for index, name in enumerate(("time", "processor, client")):
        values, baseline = ([run[board][index] for run in runs] for board in reversed(BOARDS))
        targets = () if options.store == "rethinkdb" or index else (TARGET,)
        name = f"increment with three windows, {players:,} players: {name}"
        yield Figure(name, options.store, "ms", values, baseline, targets=targets)
