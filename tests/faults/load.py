"""Clients that do not give up, like real ones.

Writers retry with their idempotency key, and viewers come back as an EventSource does.
"""

import http.client
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from tests.e2e.viewers import Api
from tests.support.programs import Program, wait_until
from tests.support.stack import Stack

RETRY_SECONDS = 0.2
PAUSE_SECONDS = 0.1  # between increments: at full speed, they leave no processor to what restarts
QUIET_SECONDS = 2.0
GROWTH_BYTES = 40_000_000  # of one program, during one test


class Writers:
    """Threads that add 1 to their player's score, again and again.

    Each increment is retried with its key until it is acknowledged."""

    def __init__(self, api: Api, board: str, players: list[str]) -> None:
        self.api, self.board = api, board
        self.acknowledged = dict.fromkeys(players, 0)
        self.failures: list[str] = []
        self.statuses: set[int] = set()
        self.longest = 0.0  # seconds from the first try of an increment to its acknowledgement
        self.mark()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._add, args=[player]) for player in players]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def mark(self, since: float | None = None) -> None:
        """Count recovery from now on: from the fault itself, or from the return of a stopped part.

        With `since`, count from that time: a repeat may have hidden the fault at first."""
        self.marked = since or time.monotonic(), self.total()

    def recovery(self, viewer: "EventSource") -> float:
        """Return the seconds from the mark until the viewer was shown something newer.

        Increments on their way at the mark, one for each thread, do not count."""
        when, total = self.marked
        newer = (
            came
            for came, sum_of_scores in viewer.totals
            if sum_of_scores > total + len(self.threads)
        )
        return next(newer) - when

    def total(self) -> int:
        return sum(self.acknowledged.values())

    def go_on(self, increments: int = 12) -> None:
        """Wait until so many more increments have been acknowledged."""
        goal = self.total() + increments
        wait_until(lambda: self.total() >= goal, f"{increments} increments", 60)

    def _add(self, player: str) -> None:
        while not self.stopping.is_set():
            began = time.monotonic()
            if not self._add_once(player):
                return
            self.longest = max(self.longest, time.monotonic() - began)
            self.acknowledged[player] += 1
            self.stopping.wait(PAUSE_SECONDS)

    def _add_once(self, player: str, season: int | None = None) -> int:
        """Add 1, in that season if one is named. Return the answer that says whether it counts: 200
        or 409; 0 if there is none and the writers are to stop."""
        path = f"{self.board}players/{player}/score-add/"
        body = None if season is None else {"season": season}
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        while (status := self._post(path, body, headers)) not in (200, 409):
            if self.stopping.wait(RETRY_SECONDS) and len(self.failures) > 300:
                return 0
        return status

    def _post(self, path: str, body: Any, headers: dict[str, str]) -> int:
        try:
            answer = self.api("POST", path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(repr(error))
            return 0
        self.statuses.add(answer.status)
        if answer.status != 200:
            self.failures.append(f"{answer.status} {answer.text}")
        return answer.status


class EventSource:
    """A viewer that reconnects after a broken connection or an ended 200.

    After any other status it gives up."""

    def __init__(self, port: int, path: str, patience: float = 60) -> None:
        """`patience` is how many seconds it may hear nothing."""
        self.port, self.path, self.patience = port, path, patience
        self.snapshot: Any = None  # the newest one
        self.connects = 0
        self.totals: list[tuple[float, int]] = []  # of each event: when it came, sum of scores
        self.gave_up = 0  # the status
        self.last_id = ""
        self.retry = 3.0  # seconds; the stream says how long to wait before coming back
        self.stopping = threading.Event()
        self.connection: http.client.HTTPConnection | None = None
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def __enter__(self) -> Self:
        wait_until(lambda: self.snapshot, "the first snapshot")
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        connection = self.connection
        if connection is not None and connection.sock is not None:
            connection.sock.shutdown(2)
        self.thread.join(5)

    def scores(self) -> dict[str, int]:
        return {row["id"]: row["score"] for row in self.snapshot["players"]}

    def _watch(self) -> None:
        while not self.stopping.is_set() and not self.gave_up:
            try:
                self._connect()
            except (OSError, http.client.HTTPException, AttributeError, ValueError):
                pass  # however the connection ended
            self.stopping.wait(self.retry)

    def _connect(self) -> None:
        self.connection = http.client.HTTPConnection("localhost", self.port, timeout=self.patience)
        headers = {"Accept": "text/event-stream"}
        if self.last_id:
            headers["Last-Event-ID"] = self.last_id
        response = None
        try:
            self.connection.request("GET", self.path, headers=headers)
            response = self.connection.getresponse()
            if response.status != 200:
                self.gave_up = response.status
                return
            self.connects += 1
            event = ""
            while line := response.readline().decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "id":
                    self.last_id = value
                elif name == "retry":
                    self.retry = int(value) / 1000
                elif name == "data" and event == "update":
                    self.snapshot = json.loads(value)
                    self.totals.append((time.monotonic(), sum(self.scores().values())))
        finally:
            if response is not None:
                response.close()
            self.connection.close()


def make_board(api: Api, board_id: str) -> str:
    """Make a board with alice and bob; return its path.

    A web process whose connections died with the server, in a test before, learns of it by its
    first write. Its answer is 503 or 504, and what it was asked for may be there."""
    path = f"/boards/{board_id}/"

    def make(path: str, body: dict[str, str]) -> None:
        wait_until(lambda: api("POST", path, body).status in (201, 409), f"{body} to be there")

    make("/boards/", {"id": board_id, "name": "A board"})
    for player in ("alice", "bob"):
        make(f"{path}players/", {"id": player, "name": player})
    return path


def assert_right(
    api: Api, board: str, writers: Writers, *viewers: EventSource, recovery: float = 0.0
) -> None:
    """Check that store and viewers have all acknowledged increments. The writers have stopped."""
    wait_until(lambda: api("GET", board).status == 200, "the store to be back")
    scores = {row["id"]: row["score"] for row in api("GET", board).json["players"]}
    assert {player: scores[player] for player in writers.acknowledged} == writers.acknowledged
    for viewer in viewers:
        wait_until(
            lambda: viewer.scores() == scores,  # noqa: B023
            f"{scores} on every viewer",
            recovery + QUIET_SECONDS,
        )


def count_parts(listener: Program) -> int:
    """Return how many parts the listener has, as far as its log says."""
    _, _, log = listener.output().rpartition("lease is")
    counts = re.findall(r"listening to (\d+) of", log)
    return int(counts[-1]) if counts else 0


@contextmanager
def bounded_memory(stack: Stack) -> Iterator[None]:
    """Check afterwards that no program of the stack, restarted or not, has grown by much."""
    before = stack.memory()
    yield
    for name, size in stack.memory().items():
        assert size - before[name] < GROWTH_BYTES, name
