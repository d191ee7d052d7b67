"""Measure the end of the season of a large board, while increments go on at a steady rate.

The figures are how long the reset takes, when a viewer sees it, and how long the listener then
takes to move all players to the archive. Meanwhile the increments, the rank of a player in the
archive, processor and memory are measured; their baseline is the time before the reset. When the
archive is complete, ranks in it stand beside ranks of the running season, by turns.

There is one run, because the second season of a board has other scores than the first.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from bench.figure import Figure, Target, at_least, at_most
from bench.growth import fill_board
from bench.memory import memory
from bench.service import Options, process, processor_seconds, service
from bench.steady import Load, Summary, percentile_99, steady_load, summarize
from bench.viewers import SCORE, Viewer
from tests.support.programs import START_SECONDS, wait_until
from tests.support.stack import Stack

NAME, BOARD = "b", "/boards/b/"
RATE = 100.0  # increments a second
SEASON = 1  # that ends
PAUSE_SECONDS = 0.05  # between two ranks
SAMPLE_SECONDS = 1.0  # between two measurements of memory
MOST_SECONDS = {"sqlite": 180, "postgresql": 300, "rethinkdb": 900}  # for a million players
LIMIT_SECONDS = 3600.0  # after which the archive is given up
MB = 1e6
Ranks = dict[int | None, list[float]]  # milliseconds, by season


class Watched(NamedTuple):
    """What the store's own process has seen: moments are by time.monotonic()."""

    ranks: Ranks
    archived_at: float
    carried_over_at: float


class Phase(NamedTuple):
    """What was measured in some time."""

    increments: Summary
    watched: Watched
    cores: dict[str, float]
    bytes: dict[str, float]  # at most


def read_progress_sql(store: Any) -> tuple[bool, bool]:
    """Return whether the archive is complete, and whether all players are carried over."""
    from leaderboardapp.stores.sql.models import SeasonRow
    from leaderboardapp.stores.sql.statements import FIND_NOT_CARRIED_OVER, read

    season = SeasonRow.objects.get(board_id=NAME, number=SEASON)
    remaining = read(FIND_NOT_CARRIED_OVER, {"board": NAME})
    return season.archive == SeasonRow.WHOLE, not remaining


def read_progress_rethinkdb(store: Any) -> tuple[bool, bool]:
    """Return the same for RethinkDB."""
    from leaderboardapp.stores.rethinkdb.schema import blocks_id, row_id
    from leaderboardapp.stores.rethinkdb.sort_keys import LAST_KEY

    blocks = store.db.run(store.db.blocks.get(blocks_id(NAME, SEASON))) or {}
    season = store.db.run(store.db.seasons.get(row_id(NAME, str(SEASON))))
    is_counted = blocks.get("upto") == LAST_KEY and blocks.get("of") is not None
    return is_counted or season["complete"], season["complete"]


READ_PROGRESS: dict[str, Callable[[Any], tuple[bool, bool]]] = {
    "sqlite": read_progress_sql,
    "rethinkdb": read_progress_rethinkdb,
    "postgresql": read_progress_sql,
}


def read_disk_sqlite(store: Any) -> float:
    """Return the bytes of the database with its log."""
    from django.conf import settings

    file = str(settings.DATABASES["default"]["NAME"])
    return float(sum(Path(f"{file}{part}").stat().st_size for part in ("", "-wal")))


def read_disk_postgresql(store: Any) -> float:
    """Return the bytes of the database without the log, which the server has for all databases."""
    from leaderboardapp.stores.sql.statements import read

    [[size]] = read("SELECT pg_database_size(current_database())", {})
    return float(size)


def read_disk_rethinkdb(store: Any) -> float:
    """Return the bytes of all tables' files, as far as they are in use."""
    from leaderboardapp.stores.rethinkdb.connection import r

    tables = r.db("rethinkdb").table("stats").filter(r.row["id"][0] == "table_server")
    usage = store.db.run(tables["storage_engine"]["disk"]["space_usage"])
    return float(sum(sum(one.values()) for one in usage))


READ_DISK: dict[str, Callable[[Any], float]] = {
    "sqlite": read_disk_sqlite,
    "rethinkdb": read_disk_rethinkdb,
    "postgresql": read_disk_postgresql,
}


def measure_disk(name: str) -> float:
    from leaderboardapp.stores import get_store

    return READ_DISK[name](get_store())


def watch(
    name: str, players: int, seasons: list[int | None], seconds: float, until_archived: bool
) -> Watched:
    """Time ranks of random players in each of these seasons by turns, for so long.

    With `until_archived`, longer if need be, until the archive is complete and all are carried
    over."""
    from leaderboardapp.domain import ranking
    from leaderboardapp.stores import get_store

    store, began = get_store(), time.monotonic()
    moments, ranks = [0.0, 0.0], Ranks({season: [] for season in seasons})
    while time.monotonic() < began + seconds or (until_archived and not all(moments)):
        assert time.monotonic() < began + LIMIT_SECONDS, "the archive is not complete"
        player = f"p{random.randrange(players)}"
        for season in seasons:
            asked = time.perf_counter()
            window = store.get_ranking_window(NAME, 1, around=player, season=season)
            [row] = ranking.number_window(window)
            ranks[season].append((time.perf_counter() - asked) * 1000)
            assert row["id"] == player
        if until_archived:
            progress = READ_PROGRESS[name](store)
            moments = [
                moment or is_reached * time.monotonic()
                for moment, is_reached in zip(moments, progress, strict=True)
            ]
        time.sleep(PAUSE_SECONDS)
    return Watched(ranks, *moments)


class TopViewer(Viewer):
    """A viewer of one board. Of each snapshot it has the highest score; 0 if it has no players."""

    def data_received(self, data: bytes) -> None:
        *events, self.rest = (self.rest + data).split(b"\n\n")
        for event in events:
            if b"event: update" in event:
                highest = max(map(int, SCORE.findall(event)), default=0)
                self.received.append((time.monotonic(), highest))


async def open_viewer(port: int) -> TopViewer:
    """Connect a viewer; return it when it has its first snapshot."""
    viewer = TopViewer(port, BOARD)
    await viewer.connect()
    await wait_for(lambda: viewer.received)
    return viewer


async def wait_for(condition: Callable[[], Any], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def reset(port: int) -> None:
    connection = HTTPConnection("localhost", port)
    connection.request("POST", f"{BOARD}reset/")
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    assert response.status == 200, answer


async def measure_reset(stack: Stack, viewer: TopViewer) -> tuple[float, float, float]:
    """Reset the board. Return when, and after how many seconds it was answered and seen."""
    top, began = viewer.received[-1][1], time.monotonic()
    await asyncio.to_thread(reset, stack.web_port)
    answered = time.monotonic()
    # Nobody has as many points again while the bench runs.
    await wait_for(lambda: viewer.received[-1][1] < top / 2)
    seen = next(when for when, score in viewer.received if when > began and score < top / 2)
    return began, answered - began, seen - began


async def measure_phase(stack: Stack, load: Load, watching: Awaitable[Watched]) -> Phase:
    """Measure everything until `watching` has come to its end."""
    began, used = time.monotonic(), processor_seconds(stack)
    task, most = asyncio.ensure_future(watching), memory(stack)
    while not task.done():
        await asyncio.wait([task], timeout=SAMPLE_SECONDS)
        sizes = await asyncio.to_thread(memory, stack)
        most = {name: max(most[name], sizes[name]) for name in most}
    after, ended = processor_seconds(stack), time.monotonic()
    cores = {name: (after[name] - used[name]) / (ended - began) for name in used}
    return Phase(summarize(load.answers, began, ended), task.result(), cores, most)


class Measured(NamedTuple):
    """What was measured of the end of a season. Seconds are since the reset."""

    call: float
    seen: float
    archived: float
    carried_over: float
    before: Phase
    meanwhile: Phase
    afterwards: Phase
    disk: tuple[float, float]  # bytes, before and afterwards


async def measure_season(stack: Stack, name: str, players: int, seconds: float) -> Measured:
    """End the season of a board of so many players in this kind of store. The phases before and
    afterwards take so many seconds."""
    with process(stack.env["DATABASE_URL"]) as executor:
        await fill(stack, lambda: executor.submit(fill_board, name, players).result())

        def watch_ranks(*seasons: int | None, until_archived: bool = False) -> Awaitable[Watched]:
            watching = executor.submit(watch, name, players, [*seasons], seconds, until_archived)
            return asyncio.wrap_future(watching)

        def disk() -> Awaitable[float]:
            return asyncio.wrap_future(executor.submit(measure_disk, name))

        viewer, disk_before = await open_viewer(stack.port), await disk()
        with steady_load(stack.web_port, BOARD, players, RATE) as load:
            before = await measure_phase(stack, load, watch_ranks(None))
            began, call, seen = await measure_reset(stack, viewer)
            watching = watch_ranks(SEASON, until_archived=True)
            meanwhile = await measure_phase(stack, load, watching)
            afterwards = await measure_phase(stack, load, watch_ranks(SEASON, None))
        viewer.close()
        archived, carried_over = (moment - began for moment in meanwhile.watched[1:])
        sizes = (disk_before, await disk())
    return Measured(call, seen, archived, carried_over, before, meanwhile, afterwards, sizes)


async def fill(stack: Stack, fill_store: Callable[[], None]) -> None:
    """Fill the store while no listener runs: it would work at what is not finished yet."""
    stack.listener.stop()
    await asyncio.to_thread(fill_store)
    stack.listener.start()
    wait_until(stack.listens, "the listener", START_SECONDS)


class Line(NamedTuple):
    """A figure to be: its name after the board's, its unit, value, baseline and targets."""

    name: str
    unit: str
    value: float
    baseline: float | None = None
    targets: tuple[Target, ...] = ()


def list_moments(measured: Measured, most_seconds: float) -> Iterator[Line]:
    refused = float(measured.meanwhile.increments.refused)
    in_time = (at_most(most_seconds, "value"),)
    yield Line(": call of the reset", "ms", measured.call * 1000)
    yield Line(": reset seen by a viewer", "s", measured.seen, targets=(at_most(1, "value"),))
    yield Line(": archive complete", "s", measured.archived, targets=in_time)
    yield Line(": all carried over", "s", measured.carried_over)
    yield Line(": increments refused", "", refused)


def list_increments(measured: Measured) -> Iterator[Line]:
    rates, before = measured.meanwhile.increments, measured.before.increments
    least = (at_least(0.7),)
    yield Line(", increments: rate", "/s", rates.per_second, before.per_second, least)
    yield Line(", increments: median", "ms", rates.median, before.median)
    yield Line(", increments: 99th percentile", "ms", rates.slowest, before.slowest)


def list_ranks(measured: Measured) -> Iterator[Line]:
    earlier, filling, complete = (
        phase.watched.ranks for phase in (measured.before, measured.meanwhile, measured.afterwards)
    )
    for name, ranks, baseline, targets in (
        (" while it is filled", filling[SEASON], earlier[None], ()),
        ("", complete[SEASON], complete[None], (at_most(1.3),)),
    ):
        name = f", rank in the archive{name}"
        medians = (statistics.median(ranks), statistics.median(baseline))
        yield Line(f"{name}: median", "ms", *medians, targets)
        percentiles = (percentile_99(ranks), percentile_99(baseline))
        yield Line(f"{name}: 99th percentile", "ms", *percentiles)


def list_sizes(measured: Measured) -> Iterator[Line]:
    before, meanwhile = measured.before, measured.meanwhile
    for part, cores in meanwhile.cores.items():
        yield Line(f", processor: {part}", "cores", cores, before.cores[part])
    for part in ("web processes", "listener"):
        yield Line(f", size: {part}", "MB", meanwhile.bytes[part] / MB, before.bytes[part] / MB)
    size_before, size = measured.disk
    yield Line(", size: database on disk", "MB", size / MB, size_before / MB)


def measure(options: Options) -> Iterator[Figure]:
    players, seconds = options.pick((2_000, 1.0), (10_000, 3.0), (1_000_000, 20.0))
    players = options.players or players
    with service(options.store) as stack:
        measured = asyncio.run(measure_season(stack, options.store, players, seconds))
    for line in (
        *list_moments(measured, MOST_SECONDS[options.store]),
        *list_increments(measured),
        *list_ranks(measured),
        *list_sizes(measured),
    ):
        name = f"season of {players:,} players{line.name}"
        baseline = [] if line.baseline is None else [line.baseline]
        yield Figure(name, options.store, line.unit, [line.value], baseline, targets=line.targets)
