"""From a change to the viewers, while little happens: 1 is added now and then, and each viewer has
a delay until it shows that. The median and the 99th percentile of all viewers and changes.

Every clock begins when the change does: just before the write is sent. The change is one durable
write to the store, past the service; the limit is the same write, after which the writer itself
publishes the board to Pushpin while no listener runs. So both times have the write in them, whose
own time is shown, and they differ by what the service adds: its feed, its read, its publish.
(RethinkDB tells its feed some milliseconds before it answers the writer, which waits for the disk:
that much the service is ahead of its limit there.)

Beside django-eventstream, whose events come from the view that makes the change, both clocks begin
when a POST is sent to the web processes."""

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator

from bench.changes import Change, poster, publisher, writer
from bench.figure import Figure
from bench.service import (
    ARTICLE_LISTENER,
    EVENTSTREAM,
    LISTENER,
    SERVICE,
    Options,
    listen,
    post,
    serve,
    service,
)
from bench.viewers import Viewer, watching
from tests.support.stack import Stack

BOARD = "/boards/b/"
WARM_UP = 3  # changes that do not count: after a start, threads have yet to connect to the store
QUIET_SECONDS, GIVE_UP_SECONDS = 0.5, 10.0
# Viewers, and changes in a run: with so many viewers few changes are enough.
SIZES = ((1, 20), (1000, 20), (10_000, 10))
SHORT = ((20, 2),)

Found = defaultdict[str, list[list[float]]]  # for each run, in milliseconds


def timed(change: Change) -> tuple[float, int]:
    """When it began, and the score."""
    return time.monotonic(), change()


async def delays(viewers: list[Viewer], change: Change, changes: int) -> list[float]:
    """In milliseconds, of each viewer and change."""
    for _ in range(WARM_UP):
        await one_change(viewers, change)
    found = []
    for _ in range(changes):
        await asyncio.sleep(QUIET_SECONDS)
        found += await one_change(viewers, change)
    return found


async def one_change(viewers: list[Viewer], change: Change) -> list[float]:
    """Until each viewer has shown it. Who has not by GIVE_UP_SECONDS counts with those: a message
    that django-eventstream loses comes no more."""
    found = []
    seen = [len(viewer.shown) for viewer in viewers]
    began, score = await asyncio.to_thread(timed, change)
    for viewer, before in zip(viewers, seen, strict=True):
        while not (when := [at for at, shown in viewer.shown[before:] if shown == score]):
            if time.monotonic() > began + GIVE_UP_SECONDS:
                when = [began + GIVE_UP_SECONDS]
                break
            await asyncio.sleep(0.05)
        found.append((when[0] - began) * 1000)
    return found


async def beside_publishers(stack: Stack, changes: int, number: int, found: Found) -> None:
    """On the streams of the service. Leaves the stack without its listener."""
    with writer(stack.env["DATABASE_URL"]) as write:
        async with watching(stack.port, BOARD, number) as viewers:
            found["service"].append(await delays(viewers, write, changes))
            found["write"].append(write.taken()[WARM_UP:])
            found["posted"].append(await delays(viewers, poster(stack), changes))
            stack.listener.stop()
            found["limit"].append(await delays(viewers, publisher(stack, write), changes))
            found["write of the limit"].append(write.taken()[WARM_UP:])
            if has_article(stack):
                listen(stack, ARTICLE_LISTENER)
                found["article"].append(await delays(viewers, write, changes))
                stack.listener.stop()


async def beside_eventstream(stack: Stack, changes: int, number: int, found: Found) -> None:
    serve(stack, EVENTSTREAM, "--preload")
    async with watching(stack.port, BOARD, number) as viewers:
        found["eventstream"].append(await delays(viewers, poster(stack), changes))


def has_article(stack: Stack) -> bool:
    """Whether the peer is the article's listener, which needs changefeeds."""
    return stack.env["DATABASE_URL"].startswith("rethinkdb")


def percentile(found: list[list[float]], share: int) -> list[float]:
    """Of each run."""
    return [statistics.quantiles(each, n=100, method="inclusive")[share - 1] for each in found]


def measure(options: Options) -> Iterator[Figure]:
    for number, changes in SHORT if options.short else SIZES:
        found: Found = defaultdict(list)
        with service(options.store) as stack:
            post(stack, "/boards/", {"id": "b"})
            post(stack, f"{BOARD}players/", {"id": "p", "name": "P"})
            # By turns, because other work on the machine comes and goes.
            for turn in range(options.runs):
                if turn:
                    serve(stack, SERVICE)
                    listen(stack, LISTENER)
                asyncio.run(beside_publishers(stack, changes, number, found))
                if not has_article(stack):
                    asyncio.run(beside_eventstream(stack, changes, number, found))
        yield from figures(found, f"{number:,} viewers", options.store)


def figures(found: Found, viewers: str, store: str) -> Iterator[Figure]:
    shares = (("median", 50, 5), ("99th percentile", 99, 20))
    for name, share, more in shares:
        yield Figure(
            f"change to viewer, {viewers}, {name}",
            store,
            "ms",
            percentile(found["service"], share),
            percentile(found["limit"], share),
            percentile(found["article"], share),
            at_most=more,
            marked="difference",
            more_is_better=False,
        )
    yield Figure(
        f"change to viewer, {viewers}: the write in it, median",
        store,
        "ms",
        percentile(found["write"], 50),
        percentile(found["write of the limit"], 50),
        more_is_better=False,
    )
    for name, share, _ in shares:
        yield Figure(
            f"POST to viewer, {viewers}, {name}",
            store,
            "ms",
            percentile(found["posted"], share),
            peer=percentile(found["eventstream"], share),
            more_is_better=False,
        )
