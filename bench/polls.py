"""Measure polls per second, answered 200 and 304, on a small board and a large one."""

from collections.abc import Iterator

from bench.figure import Figure, at_least
from bench.service import (
    REDIS_VIEW,
    Options,
    article,
    etag,
    redis_target,
    requests_per_second,
    service_and_peers,
)

BOARD = "/boards/b/"
SMALL, LARGE = 10, 100_000


def measure(options: Options) -> Iterator[Figure]:
    for players in (SMALL, options.pick(100, 10_000, LARGE)):
        rates = measure_rates(options, players)
        yield Figure(
            f"polls, {players:,} players",
            options.store,
            "/s",
            rates["polls"],
            rates["baseline"],
            {"article": rates["article"], REDIS_VIEW: rates["redis"]},
            targets=(
                at_least(0.95),
                at_least(10 if players == LARGE else 1, "article"),
                *redis_target(options, 0.9),
            ),
        )
        yield Figure(
            f"polls answered 304, {players:,} players",
            options.store,
            "/s",
            rates["unchanged"],
            rates["constant"],
            targets=(at_least(0.4),),
        )


def measure_rates(options: Options, players: int) -> dict[str, list[float]]:
    """Return the requests a second of each kind, one of each run."""
    rates: dict[str, list[float]] = {}
    seconds = options.pick(1, 1, 5)

    def measure_rate(name: str, port: int, path: str, *headers: str) -> None:
        rate = requests_per_second(port, path, seconds, *headers)
        rates.setdefault(name, []).append(rate)

    with service_and_peers(options.store, players) as (stack, ports):
        # In turns, because other work on the machine comes and goes.
        for _ in range(options.runs):
            measure_rate("polls", stack.web_port, BOARD)
            unchanged = f"If-None-Match: {etag(stack, BOARD)}"
            measure_rate("unchanged", stack.web_port, BOARD, unchanged)
            measure_rate("baseline", ports.bare, "/top/")
            measure_rate("constant", ports.bare, "/constant/")
            measure_rate("redis", ports.redis, "/top/")
            with article(stack) as port:
                measure_rate("article", port, "/article/top/")
    return rates
