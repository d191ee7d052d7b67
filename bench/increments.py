"""Measure durable increments per second, of one player and of many."""

from collections.abc import Iterator

from bench.figure import Figure, at_least
from bench.service import (
    ARTICLE_OPTIONS,
    BARE,
    SERVICE,
    Options,
    fill,
    post,
    requests_per_second,
    serve,
    service,
)

ADD = "/boards/b/players/PLAYER/score-add/"


def measure(options: Options) -> Iterator[Figure]:
    seconds = 1 if options.short else 5
    most = 100 if options.short else 10_000
    with service(options.store) as stack:
        post(stack, "/boards/", {"id": "b"})
        fill(stack, "b", most)
        rates: dict[tuple[str, int], list[float]] = {}

        def measure_rate(name: str, path: str) -> None:
            for players in (1, most):
                value = requests_per_second(
                    stack.web_port, path, seconds, method="POST", players=players
                )
                rates.setdefault((name, players), []).append(value)

        for _ in range(options.runs):
            serve(stack, SERVICE)
            measure_rate("increments", ADD)
            serve(stack, BARE)
            measure_rate("baseline", "/add/PLAYER/")
            serve(stack, BARE, *ARTICLE_OPTIONS)
            measure_rate("article", "/article/add/PLAYER/")
    for players in (1, most):
        name = "increments of one player" if players == 1 else f"increments of {players:,} players"
        yield Figure(
            name,
            options.store,
            "/s",
            rates["increments", players],
            rates["baseline", players],
            {"article": rates["article", players]},
            targets=(at_least(0.8), at_least(2, "article")),
        )
