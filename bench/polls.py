"""Polls per second, answered 200 and 304, on a small board and a large one."""

from collections.abc import Iterator

from bench.figure import Figure
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
    for players, ahead in ((10, 1.0), (100 if options.short else 100_000, 10.0)):
        with service(options.store) as stack:
            post(stack, "/boards/", {"id": "b"})
            fill(stack, "b", players)
            found: dict[str, list[float]] = {}

            def ask(name: str, path: str, *headers: str) -> None:
                value = requests_per_second(stack.web_port, path, seconds, *headers)  # noqa: B023
                found.setdefault(name, []).append(value)  # noqa: B023

            # By turns, because other work on the machine comes and goes.
            for _ in range(options.runs):
                serve(stack, SERVICE)
                ask("polls", BOARD)
                ask("unchanged", BOARD, f"If-None-Match: {etag(stack, BOARD)}")
                serve(stack, BARE)
                ask("limit", "/top/")
                ask("constant", "/constant/")
                serve(stack, BARE, *ARTICLE_OPTIONS)
                ask("article", "/article/top/")
        name, store = f"{players:,} players", options.store
        yield Figure(
            f"polls, {name}", store, "/s", found["polls"], found["limit"], found["article"], 0.8
        )
        yield Figure(
            f"polls answered 304, {name}",
            store,
            "/s",
            found["unchanged"],
            found["constant"],
            at_least=0.4,
        )
        yield Figure(
            f"polls, {name}: ahead of the article",
            store,
            "/s",
            found["polls"],
            peer=found["article"],
            at_least=ahead,
            marked="peer",
        )
