"""Measure the delay from a change to the viewers, while little happens.

1 is added now and then, and each viewer has a delay until it shows that. The figures are the median
and the 99th percentile of all viewers and changes.

Every clock begins when the change does: just before the write is sent. The change is one durable
write to the store, bypassing the service. The baseline is the same write, after which the writer
itself publishes the board to Pushpin while no listener runs. So both delays have the write in them,
whose own time is measured too. They differ by what the service adds: its feed, its read, its
publish. (RethinkDB tells its feed some milliseconds before it answers the writer, which waits for
the disk. The service is ahead of its baseline there by that much.)

The comparison on RethinkDB is the article's listener. On the other stores it is django-eventstream,
whose events come from the view that makes the change. There both clocks begin when a POST is sent
to the web processes. So they do for the plain view on Redis, whose streams come from web processes
themselves: it has few viewers only.
"""

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator

from bench.changes import Change, post_increment, timed_writer, write_then_publish
from bench.figure import Figure, at_most
from bench.service import (
    ARTICLE_LISTENER,
    EVENTSTREAM,
    LISTENER,
    REDIS,
    REDIS_VIEW,
    SERVICE,
    Options,
    beside,
    listen,
    post,
    serve,
    service,
)
from bench.viewers import Viewer, held_viewers
from tests.support.servers import RedisServer
from tests.support.stack import Stack

BOARD = "/boards/b/"
WARM_UP = 3  # changes that do not count, because threads still connect to the store
QUIET_SECONDS, GIVE_UP_SECONDS = 0.5, 10.0
# Viewers, and changes in a run. With many viewers few changes are enough.
SIZES = ((1, 20), (10, 20), (1000, 20), (10_000, 10))
QUICK, SHORT = ((1, 5), (10, 5)), ((10, 2),)
MOST_OF_REDIS = 10  # viewers: each takes one of the sixteen threads of a web process

# By program or part: the milliseconds of all viewers and changes, one list a run.
Delays = defaultdict[str, list[list[float]]]


def timed_change(change: Change) -> tuple[float, int]:
    """Make a change; return when it began, and the score."""
    return time.monotonic(), change()


async def measure_delays(viewers: list[Viewer], change: Change, changes: int) -> list[float]:
    """Make changes; return the milliseconds from every change to every viewer."""
    for _ in range(WARM_UP):
        await measure_change(viewers, change)
    milliseconds = []
    for _ in range(changes):
        await asyncio.sleep(QUIET_SECONDS)
        milliseconds += await measure_change(viewers, change)
    return milliseconds


async def measure_change(viewers: list[Viewer], change: Change) -> list[float]:
    """Make a change; return the milliseconds until each viewer has shown it.

    A viewer that has not after GIVE_UP_SECONDS counts with those. A message that
    django-eventstream loses never comes.
    """
    milliseconds = []
    counts = [len(viewer.received) for viewer in viewers]
    began, new_score = await asyncio.to_thread(timed_change, change)
    for viewer, count in zip(viewers, counts, strict=True):
        while not (times := [t for t, score in viewer.received[count:] if score == new_score]):
            if time.monotonic() > began + GIVE_UP_SECONDS:
                times = [began + GIVE_UP_SECONDS]
                break
            await asyncio.sleep(0.05)
        milliseconds.append((times[0] - began) * 1000)
    return milliseconds


async def measure_publishers(stack: Stack, changes: int, number: int, delays: Delays) -> None:
    """Measure the service, the baseline and the article's listener on streams of the service.

    The stack is left without its listener.
    """
    with timed_writer(stack.env["DATABASE_URL"]) as write:
        async with held_viewers(stack.port, BOARD, number) as viewers:
            delays["service"].append(await measure_delays(viewers, write, changes))
            delays["write"].append(write.pop_milliseconds()[WARM_UP:])
            delays["posted"].append(
                await measure_delays(viewers, post_increment(stack.web_port), changes)
            )
            stack.listener.stop()
            delays["baseline"].append(
                await measure_delays(viewers, write_then_publish(stack, write), changes)
            )
            delays["write of the baseline"].append(write.pop_milliseconds()[WARM_UP:])
            if has_article(stack):
                listen(stack, ARTICLE_LISTENER)
                delays["article"].append(await measure_delays(viewers, write, changes))
                stack.listener.stop()


async def measure_eventstream(stack: Stack, changes: int, number: int, delays: Delays) -> None:
    serve(stack, EVENTSTREAM, "--preload")
    async with held_viewers(stack.port, BOARD, number) as viewers:
        delays["eventstream"].append(
            await measure_delays(viewers, post_increment(stack.web_port), changes)
        )


async def measure_redis(port: int, changes: int, number: int, delays: Delays) -> None:
    async with held_viewers(port, BOARD, number) as viewers:
        delays["Redis"].append(await measure_delays(viewers, post_increment(port), changes))


def has_article(stack: Stack) -> bool:
    """Return whether the article's listener is the comparison. It needs changefeeds."""
    return stack.env["DATABASE_URL"].startswith("rethinkdb")


def percentile_of_runs(runs: list[list[float]], percent: int) -> list[float]:
    return [statistics.quantiles(run, n=100, method="inclusive")[percent - 1] for run in runs]


def measure(options: Options) -> Iterator[Figure]:
    with (
        service(options.store) as stack,
        RedisServer(stack.folder) as redis,
        beside(stack, REDIS, REDIS_URL=redis.url) as redis_port,
    ):
        post(stack, "/boards/", {"id": "b"})
        post(stack, f"{BOARD}players/", {"id": "p", "name": "P"})
        for number, changes in options.pick(SHORT, QUICK, SIZES):
            delays: Delays = defaultdict(list)
            # In turns, because other work on the machine comes and goes.
            for _ in range(options.long_runs):
                if stack.listener.process.poll() is not None:  # the turn before has ended it
                    serve(stack, SERVICE)
                    listen(stack, LISTENER)
                asyncio.run(measure_publishers(stack, changes, number, delays))
                if not has_article(stack):
                    asyncio.run(measure_eventstream(stack, changes, number, delays))
                if number <= MOST_OF_REDIS:
                    asyncio.run(measure_redis(redis_port, changes, number, delays))
            yield from figures(delays, f"{number:,} viewers", options.store)


def figures(delays: Delays, viewers: str, store: str) -> Iterator[Figure]:
    percentiles = (("median", 50, 5), ("99th percentile", 99, 20))
    for name, percent, more_than_baseline in percentiles:
        yield Figure(
            f"change to viewer, {viewers}, {name}",
            store,
            "ms",
            percentile_of_runs(delays["service"], percent),
            percentile_of_runs(delays["baseline"], percent),
            {"article's listener": percentile_of_runs(delays["article"], percent)},
            targets=(at_most(more_than_baseline, "difference"),),
        )
    yield Figure(
        f"change to viewer, {viewers}: the write in it, median",
        store,
        "ms",
        percentile_of_runs(delays["write"], 50),
        percentile_of_runs(delays["write of the baseline"], 50),
    )
    for name, percent, _ in percentiles:
        yield Figure(
            f"POST to viewer, {viewers}, {name}",
            store,
            "ms",
            percentile_of_runs(delays["posted"], percent),
            comparisons={
                "django-eventstream": percentile_of_runs(delays["eventstream"], percent),
                REDIS_VIEW: percentile_of_runs(delays["Redis"], percent),
            },
        )
