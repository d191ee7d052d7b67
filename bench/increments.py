"""Measure durable increments per second, of one player and of many. Redis's are not durable."""

from collections.abc import Iterator

from bench.figure import Figure, at_least
from bench.service import (
    REDIS_VIEW,
    Options,
    article,
    redis_target,
    requests_per_second,
    service_and_peers,
)

ADD = "/boards/b/players/PLAYER/score-add/"


def measure(options: Options) -> Iterator[Figure]:
    seconds, most = options.pick(1, 1, 5), options.pick(100, 10_000, 10_000)
    rates: dict[tuple[str, int], list[float]] = {}

    def measure_rate(name: str, port: int, path: str) -> None:
        for players in (1, most):
            rate = requests_per_second(port, path, seconds, method="POST", players=players)
            rates.setdefault((name, players), []).append(rate)

    with service_and_peers(options.store, most) as (stack, ports):
        # In turns, because other work on the machine comes and goes.
        for _ in range(options.runs):
            measure_rate("increments", stack.web_port, ADD)
            measure_rate("baseline", ports.bare, "/add/PLAYER/")
            measure_rate("redis", ports.redis, "/add/PLAYER/")
            with article(stack) as port:
                measure_rate("article", port, "/article/add/PLAYER/")
    least = 0.6 if options.store == "rethinkdb" else 0.9
    for players in (1, most):
        name = "increments of one player" if players == 1 else f"increments of {players:,} players"
        yield Figure(
            name,
            options.store,
            "/s",
            rates["increments", players],
            rates["baseline", players],
            {"article": rates["article", players], REDIS_VIEW: rates["redis", players]},
            targets=(at_least(least), at_least(1, "article"), *redis_target(options, 0.6)),
        )
