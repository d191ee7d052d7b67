"""Measure polls per second, answered 200 and 304, on a small board and a large one."""

from collections.abc import Iterator

from bench.figure import Figure, at_least
from bench.service import (
    ARTICLE_OPTIONS,
    BARE,
    SERVICE,
    Options,
    etag,
    fill,
    post,
    requests_per_second,
    serve,
    service,
)

BOARD = "/boards/b/"


def measure(options: Options) -> Iterator[Figure]:
    seconds = 1 if options.short else 5
    for players, times_article in ((10, 1.0), (100 if options.short else 100_000, 10.0)):
        with service(options.store) as stack:
            post(stack, "/boards/", {"id": "b"})
            fill(stack, "b", players)
            rates: dict[str, list[float]] = {}

            def measure_rate(name: str, path: str, *headers: str) -> None:
                rate = requests_per_second(stack.web_port, path, seconds, *headers)  # noqa: B023
                rates.setdefault(name, []).append(rate)  # noqa: B023

            # In turns, because other work on the machine comes and goes.
            for _ in range(options.runs):
                serve(stack, SERVICE)
                measure_rate("polls", BOARD)
                measure_rate("unchanged", BOARD, f"If-None-Match: {etag(stack, BOARD)}")
                serve(stack, BARE)
                measure_rate("baseline", "/top/")
                measure_rate("constant", "/constant/")
                serve(stack, BARE, *ARTICLE_OPTIONS)
                measure_rate("article", "/article/top/")
        yield Figure(
            f"polls, {players:,} players",
            options.store,
            "/s",
            rates["polls"],
            rates["baseline"],
            {"article": rates["article"]},
            targets=(at_least(0.8), at_least(times_article, "article")),
        )
        yield Figure(
            f"polls answered 304, {players:,} players",
            options.store,
            "/s",
            rates["unchanged"],
            rates["constant"],
            targets=(at_least(0.4),),
        )
