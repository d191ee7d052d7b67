#!/usr/bin/env python3
"""Measure the rank of a player, and the window around, on boards of up to a million players.

usage: bench/rank.py [--players 1000 100000 1000000] [--store sqlite rethinkdb postgresql]

Each store's answer stands beside a naive count of all better players in the same store. Redis has
ZREVRANK and ZREVRANGE on the same scores; it is the system's redis-server. Times are those of one
client, in milliseconds: the median, and the 99th percentile. A million players in RethinkDB take
ten minutes to fill.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.fill import FILLERS, Row, add_players_redis  # noqa: E402
from bench.service import STORES, databases  # noqa: E402
from tests.support.servers import RedisServer  # noqa: E402
from tests.support.store import store_at  # noqa: E402

BOARD, LIMIT = "b", 5
SETTLE_SECONDS = 6.0  # after which RethinkDB's store no longer takes the players for just changed


def count_sql(store: Any, board: Row, row: Row) -> int:
    from leaderboardapp.stores.sql.models import PlayerRow

    ranked = PlayerRow.objects.filter(board_id=BOARD, season=1, hidden=False)
    better = ranked.filter(negative__lt=-row["score"]).count()
    earlier = ranked.filter(negative=-row["score"], reached_at__lt=row["reached_at"]).count()
    return int(better + earlier)


def count_rethinkdb(store: Any, board: Row, row: Row) -> int:
    from leaderboardapp.domain.types import rank_position
    from leaderboardapp.stores.rethinkdb.sort_keys import FIRST_KEY, build_sort_key

    before = store.rank_blocks.select_players(
        board, FIRST_KEY, build_sort_key(board, rank_position(row))
    )
    return int(store.db.run(before.count()))


NAIVE = {"sqlite": count_sql, "rethinkdb": count_rethinkdb, "postgresql": count_sql}


def median_and_99th(call: Callable[[str], Any], number: int, times: int) -> str:
    """Call with some of so many players; return the two percentiles in milliseconds."""
    generator = random.Random(1)
    seconds = []
    for _ in range(times):
        player = f"p{generator.randrange(number)}"
        began = time.perf_counter()
        call(player)
        seconds.append(time.perf_counter() - began)
    percentile_99 = statistics.quantiles(seconds, n=100)[98]
    return f"{statistics.median(seconds) * 1000:.2f} / {percentile_99 * 1000:.2f}"


def measure_store(name: str, store: Any, number: int) -> list[str]:
    """Return the cells of a row: the rank, the window, and the naive count."""
    from leaderboardapp.domain import ranking

    store.ensure()
    store.create_board({"id": BOARD})
    FILLERS[name].add_players(store, BOARD, number)
    print("\rcounting blocks", end="\x1b[K\r", file=sys.stderr)
    time.sleep(SETTLE_SECONDS)
    began = time.monotonic()
    while store.run_maintenance(BOARD):
        pass
    print(f"{name}: blocks after {time.monotonic() - began:.1f} s of work", file=sys.stderr)
    board = store.get_board(BOARD)

    def naive(player: str) -> int:
        return NAIVE[name](store, board, store.get_player(BOARD, player))

    def window(player: str, limit: int = LIMIT) -> list[Row]:
        return ranking.number_window(store.get_ranking_window(BOARD, limit, around=player))

    def rank(player: str) -> list[Row]:
        return window(player, 1)

    for player in ("p0", f"p{number - 1}"):
        [ranked] = rank(player)
        assert ranked["rank"] == naive(player) + 1
    return [
        median_and_99th(rank, number, 500),
        median_and_99th(window, number, 500),
        median_and_99th(naive, number, 20),
    ]


def measure_redis(number: int, folder: Path) -> list[str]:
    import redis

    with RedisServer(folder) as server:
        add_players_redis(server.url, BOARD, number)
        client = redis.Redis.from_url(server.url)

        def window(player: str) -> Any:
            index = client.zrevrank(BOARD, player)
            assert isinstance(index, int)
            return client.zrevrange(BOARD, max(0, index - 2), index + 2, withscores=True)

        rank = median_and_99th(lambda player: client.zrevrank(BOARD, player), number, 500)
        return [rank, median_and_99th(window, number, 500), "-"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--players", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--store", nargs="+", choices=STORES, default=STORES)
    options = parser.parse_args()
    if not shutil.which("redis-server"):
        sys.exit("redis-server is missing, the comparison for ranks: apt install redis-server")
    print("| players | store | rank, ms | window of 5, ms | naive count, ms |")
    print("|---|---|---|---|---|")
    for number in options.players:
        for name in (*options.store, "redis"):
            with ExitStack() as exits:
                folder = Path(exits.enter_context(tempfile.TemporaryDirectory()))
                figures = measure(name, number, folder, exits)
            print(f"| {number:,} | {name} |", " | ".join(figures), "|", flush=True)


def measure(name: str, number: int, folder: Path, exits: ExitStack) -> list[str]:
    if name == "redis":
        return measure_redis(number, folder)
    url = exits.enter_context(databases(name))("rank")
    return measure_store(name, exits.enter_context(store_at(url)), number)


if __name__ == "__main__":
    os.environ.update(SECRET_KEY="bench", DATABASE_URL="sqlite:///bench.sqlite3")
    os.environ.setdefault("GRIP_URL", "http://localhost:5561?key=a-key-that-nobody-checks-here")
    os.environ["DJANGO_SETTINGS_MODULE"] = "leaderboard_project.settings"
    import django

    django.setup()
    main()
