"""Listeners share a thousand boards, while one of them is killed and another one comes.

The parts of a killed listener are another one's within five seconds, and viewers are right two
seconds later, as in all of these tests. Nothing is published by two: no viewer sees a score go
down, or a snapshot twice but where its part moves."""

import http.client
import itertools
import json
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Self

import pytest

from leaderboardapp.domain.fields import MAX_BOARDS
from leaderboardapp.stores.base import Store
from tests.faults.conftest import Recovered
from tests.faults.load import QUIET_SECONDS, RETRY_SECONDS, count_parts
from tests.support.programs import START_SECONDS, Program, wait_until
from tests.support.stack import Stack
from tests.support.store import store_at

BOARDS = 1_000
TAKEOVER_SECONDS = 5.0
PAUSE_SECONDS = 0.01  # between increments: viewers are threads of this process, too
MOVES = 2  # of a part while viewers watch: from the killed listener, and to the third
# After a move a viewer is sent the snapshot that is current, and its repeat.
SENT_AGAIN = 2 * MOVES


class Watchers:
    """Viewers of all boards, each of as many as one stream may have."""

    def __init__(self, port: int, boards: list[str]) -> None:
        self.port, self.ending = port, threading.Event()
        self.seen: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)  # event id, score
        pieces = [boards[at : at + MAX_BOARDS] for at in range(0, len(boards), MAX_BOARDS)]
        self.connections = [http.client.HTTPConnection("localhost", port, 60) for _ in pieces]
        self.threads = [
            threading.Thread(target=self._watch, args=each, daemon=True)
            for each in zip(self.connections, pieces, strict=True)
        ]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        for connection in self.connections:
            if connection.sock:
                connection.sock.shutdown(2)
        for thread, connection in zip(self.threads, self.connections, strict=True):
            thread.join(5)
            connection.close()

    def show(self, scores: dict[str, int]) -> bool:
        """Return whether each board has been shown with this score, or a later one."""
        return all(
            self.seen[board] and self.seen[board][-1][1] >= score for board, score in scores.items()
        )

    def _watch(self, connection: http.client.HTTPConnection, boards: list[str]) -> None:
        """Read a stream. One that a busy store did not begin is asked for again."""
        path, headers = f"/boards/?ids={','.join(boards)}", {"Accept": "text/event-stream"}
        with suppress(OSError, ValueError, AttributeError):
            while not any(self.seen[board] for board in boards):
                connection.request("GET", path, headers=headers)
                with connection.getresponse() as response:
                    self._read(response)
                self.ending.wait(RETRY_SECONDS)

    def _read(self, response: http.client.HTTPResponse) -> None:
        id = ""
        while line := response.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name == "id":
                id = value
            elif name == "data" and '"players"' in value:
                data = json.loads(value)
                score = sum(player["score"] for player in data["players"])
                self.seen[data["id"]].append((id, score))


class Writer:
    """A thread that adds 1 to one board after the other."""

    def __init__(self, store: Store, boards: list[str]) -> None:
        self.store, self.scores = store, dict.fromkeys(boards, 0)  # what was acknowledged
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._write)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()

    def _write(self) -> None:
        for board in itertools.cycle(self.scores):
            self.scores[board] = self.store.add_score(board, "p", 1, name="P")["score"]
            if self.stopping.wait(PAUSE_SECONDS):
                break
        self.store.close()


@pytest.fixture
def boards(stack: Stack, board_id: str) -> Iterator[tuple[Store, list[str]]]:
    """The store, and a thousand boards."""
    with store_at(stack.env["DATABASE_URL"]) as store:
        ids = [f"{number}-{board_id[-6:]}" for number in range(BOARDS)]

        def create(some: list[str]) -> None:
            for id in some:
                store.create_board({"id": id, "name": id})
            store.close()

        with ThreadPoolExecutor() as pool:
            [*pool.map(create, (ids[number::8] for number in range(8)))]
        yield store, ids


@contextmanager
def listener(stack: Stack) -> Iterator[Program]:
    """One more listener."""
    program = stack.program("second", [*stack.listener.command])
    try:
        yield program
    finally:
        program.stop()


def wait_for_shares(*listeners: Program) -> None:
    def share() -> bool:
        return [*map(count_parts, listeners)] == [16 // len(listeners)] * len(listeners)

    wait_until(share, "equal shares", START_SECONDS)


def test_boards_of_a_killed_listener_are_published_by_others_and_one_that_comes_is_given_some(
    stack: Stack, boards: tuple[Store, list[str]], recovered: Recovered
) -> None:
    store, ids = boards
    with listener(stack) as second, Watchers(stack.port, ids) as watchers:
        wait_for_shares(stack.listener, second)
        wait_until(lambda: watchers.show(dict.fromkeys(ids, 0)), "the first snapshots")
        with Writer(store, ids) as writer:
            wait_until(lambda: sum(writer.scores.values()) > BOARDS / 10, "increments")
            stack.listener.signal_all(signal.SIGKILL)
            killed_at = time.monotonic()
            wait_until(lambda: count_parts(second) == 16, "the takeover", TAKEOVER_SECONDS)
            scores = {**writer.scores}
            left = killed_at + TAKEOVER_SECONDS + QUIET_SECONDS - time.monotonic()
            wait_until(lambda: watchers.show(scores), "all boards", left)
            recovered(time.monotonic() - killed_at)
            stack.listener.process.wait()
            stack.listener.start()
            wait_for_shares(stack.listener, second)
            scores = {**writer.scores}
            both = TAKEOVER_SECONDS + QUIET_SECONDS
            wait_until(lambda: watchers.show(scores), "all boards", both)
        wait_until(lambda: watchers.show(writer.scores), "the last changes", QUIET_SECONDS)
    for board in ids:
        shown = watchers.seen[board]
        scores_seen = [score for _, score in shown]
        assert scores_seen == sorted(scores_seen), board
        again = sum(one == other for one, other in pairwise(shown) if other[1])
        assert again <= SENT_AGAIN or stack.repeats, (board, shown)
