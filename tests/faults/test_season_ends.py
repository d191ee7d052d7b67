"""Seasons of many players end, and programs are killed at each step of moving the players.

Afterwards a past season has everybody with the score that had counted, nobody is in two seasons,
and each acknowledged increment counts in one. With FAULT_PLAYERS in the environment, the board has
so many players.
"""

import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar, cast

import psutil
import pytest
from django.db import Error

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.base import Store
from tests.e2e.viewers import Api
from tests.faults.conftest import Server
from tests.faults.load import PAUSE_SECONDS, Writers
from tests.faults.moving import make_scores, open_moving
from tests.stores.contract.archive_model import assert_ranks, read_season
from tests.support.programs import START_SECONDS, wait_until
from tests.support.stack import Stack
from tests.support.store import store_at

PLAYERS = {"sqlite": 8_000, "postgresql": 8_000, "rethinkdb": 2_000}
CHOSEN = int(os.environ.get("FAULT_PLAYERS", 0))
READ_AT_ONCE = 1_000
NAMING = ["p0", "p1"]  # whose increments name their season
OTHERS = ["p2", "p3"]
# How much is moved when the next programs are killed. In SQL the reset itself moves some players.
STEPS = [0.26, 0.6, 0.9]
WEB_PROCESSES = 2
SECONDS_A_PLAYER = 0.03  # to be moved, on a busy machine
SOME_INCREMENTS = 12  # after which none is under way that was before
OVERDUE = {"schedule": "daily", "ends_at": "2026-01-01T00:00:00Z"}
T = TypeVar("T")
pytestmark = pytest.mark.timeout(600 + CHOSEN / 50)


class SeasonWriters(Writers):
    """Writers of whom some name the season. `counted` has their increments of each season."""

    def __init__(self, api: Api, board: str) -> None:
        self.counted: Counter[tuple[str, int]] = Counter()
        super().__init__(api, board, [*NAMING, *OTHERS])

    def _add(self, player: str) -> None:
        season = 1
        while not self.stopping.is_set():
            status = self._add_once(player, season if player in NAMING else None)
            counts = status == 200
            self.counted[player, season] += counts
            self.acknowledged[player] += counts
            season += not counts
            self.stopping.wait(PAUSE_SECONDS)


class Ends:
    """A board whose seasons end while programs are killed, with the store in this process."""

    def __init__(self, stack: Stack, server: Server | None, store: Store, board: str) -> None:
        self.stack, self.server, self.store, self.board = stack, server, store, board
        self.api, self.path = Api(stack.port), f"/boards/{board}/"
        kind = stack.env["DATABASE_URL"].partition(":")[0]
        self.number = CHOSEN or PLAYERS[kind]
        self.scores = make_scores(self.number)
        store.create_board({"id": board, "name": "A board"})
        self.moving = open_moving(store, board)
        self.moving.fill(self.scores)
        self.seconds = START_SECONDS + self.number * SECONDS_A_PLAYER
        database = [self.kill_database] if server else []
        self.kills = [self.kill_workers, *database, self.kill_listener]
        self.writers = SeasonWriters(self.api, self.path)
        self.past: dict[int, dict[str, int]] = {}  # scores of past seasons, as they were read first

    def kill_workers(self, number: int = 1) -> None:
        for worker in psutil.Process(self.stack.web.process.pid).children()[:number]:
            worker.kill()

    def kill_database(self) -> None:
        assert self.server
        self.server.program.restart()
        self.server.wait()

    def kill_listener(self) -> None:
        """Kill the listener. While it starts again, read the past season of which a part is
        moved."""
        self.stack.listener.signal_all(signal.SIGKILL)
        self.stack.listener.process.wait()
        self.stack.listener.start()
        self.read_past()

    def reset(self) -> None:
        """End the season by a request that is repeated, and kill the web processes meanwhile."""

        def ask() -> bool:
            with suppress(OSError):
                answer = self.api("POST", f"{self.path}reset/", {"season": 1})
                return answer.status in (200, 409)
            return False

        asking = threading.Thread(target=wait_until, args=[ask, "the reset", START_SECONDS])
        asking.start()
        self.wait_for(lambda: self.moving.has_begun(1), "the first step")
        self.kill_workers(WEB_PROCESSES)
        asking.join()

    def kill_all(self, season: int, goal: float = 0) -> None:
        """Kill one program after the other when so many players are moved, and then some more."""

        def is_reached() -> bool:
            return self.moving.count(season) > min(goal, self.number - 1)

        for kill in self.kills:
            self.wait_for(is_reached, f"more than {goal} moved")
            goal = self.wait_for(lambda: self.moving.count(season), "the number of moved players")
            kill()

    def wait_until_moved(self, season: int) -> None:
        self.wait_for(lambda: self.moving.is_done(season), "the last step")

    def read_past(self) -> None:
        """Read the past seasons, each of which is what it was when it was read first."""
        self.writers.go_on(SOME_INCREMENTS)
        for season in range(1, self.get_season()):
            scores = self.read(season)
            assert self.past.setdefault(season, scores) == scores

    def get_season(self) -> int:
        season: int = self.wait_for(lambda: self.store.get_board(self.board)["season"], "the board")
        return season

    def read(self, season: int | None) -> dict[str, int]:
        """Return the scores of everybody in the season, by player, best first."""
        rows: list[Row] = self.wait_for(
            lambda: read_season(self.store, self.board, season, READ_AT_ONCE), "the players"
        )
        assert_ranks(rows, [*range(1, self.number + 1)])
        return {row["id"]: row["score"] for row in rows}

    def export(self, season: int) -> dict[str, int]:
        """Return the same of a past season, as its export has it."""
        text = self.api("GET", f"{self.path}seasons/{season}/export/?format=jsonl").text
        return {row["id"]: row["score"] for row in map(json.loads, text.splitlines())}

    def wait_for(self, condition: Callable[[], T], what: str) -> T:
        """Wait for something of the store, which may not answer because it was killed."""

        def ask() -> T | None:
            try:
                return condition()
            except (StoreUnavailable, Error):
                self.store.close()
                return None

        return cast(T, wait_until(ask, what, self.seconds))


@contextmanager
def open_ends(stack: Stack, server: Server | None, board: str) -> Iterator[Ends]:
    """Seasons of a board of many players, on a stack whose listener moves them in small pieces."""
    usual = stack.listener.command
    with store_at(stack.env["DATABASE_URL"]) as store:
        stack.listener.stop()
        running = Ends(stack, server, store, board)
        stack.listener.command = [sys.executable, "-m", "tests.faults.small_steps"]
        try:
            yield running
        finally:
            stack.listener.command = usual
            stack.listener.stop()  # repair() starts it again


def assert_exact(ends: Ends) -> None:
    """Assert that each season has everybody with the score of its own increments."""
    writers = ends.writers
    for season in (1, 2):
        assert ends.export(season) == ends.past[season]
    seasons = {**ends.past, 3: ends.read(None)}
    for season, scores in seasons.items():
        start = ends.scores if season == 1 else dict.fromkeys(ends.scores, 0)
        unnamed = {player: scores[player] for player in OTHERS}
        named = {player: start[player] + writers.counted[player, season] for player in NAMING}
        assert scores == {**start, **named, **unnamed}, season
    for player in writers.acknowledged:
        total = sum(scores[player] for scores in seasons.values()) - ends.scores[player]
        assert total == writers.acknowledged[player], player


def end_two_seasons(ends: Ends) -> None:
    """End a season by a request and one by schedule, and kill programs at each step."""
    with ends.writers as writers:
        writers.go_on()
        ends.reset()
        ends.read_past()
        ends.stack.listener.start()
        for share in STEPS:
            ends.kill_all(1, share * ends.number)
        ends.wait_until_moved(1)
        ends.wait_for(lambda: ends.store.update_board(ends.board, OVERDUE), "the schedule")
        ends.kill_all(2)
        ends.wait_until_moved(2)
        ends.read_past()
    assert_exact(ends)


@pytest.mark.stores("sqlite")
def test_seasons_are_whole_and_exact_whatever_is_killed_while_they_end(
    stack: Stack, board_id: str
) -> None:
    with open_ends(stack, None, board_id) as ends:
        end_two_seasons(ends)


def test_seasons_are_whole_and_exact_whatever_is_killed_on_a_server_while_they_end(
    server_stack: Stack, own_server: Server, board_id: str
) -> None:
    with open_ends(server_stack, own_server, board_id) as ends:
        end_two_seasons(ends)
