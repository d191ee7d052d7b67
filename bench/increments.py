"""Durable increments per second, of one player and of many."""

from collections.abc import Iterator

from bench.figure import Figure
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
        found: dict[tuple[str, int], list[float]] = {}

        def ask(name: str, path: str) -> None:
            for players in (1, most):
                value = requests_per_second(
                    stack.web_port, path, seconds, method="POST", players=players
                )
                found.setdefault((name, players), []).append(value)

        for _ in range(options.runs):
            serve(stack, SERVICE)
            ask("increments", ADD)
            serve(stack, BARE)
            ask("limit", "/add/PLAYER/")
            serve(stack, BARE, *ARTICLE_OPTIONS)
            ask("article", "/article/add/PLAYER/")
    for players in (1, most):
        name = "increments of one player" if players == 1 else f"increments of {players:,} players"
        mine, limit, article = (found[each, players] for each in ("increments", "limit", "article"))
        yield Figure(name, options.store, "/s", mine, limit, article, 0.8)
        yield Figure(
            f"{name}: ahead of the article",
            options.store,
            "/s",
            mine,
            peer=article,
            at_least=2,
            marked="peer",
        )
