"""A steady load of increments, as many a second whatever their answers take."""

import itertools
import random
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import NamedTuple

THREADS = 32  # as many increments wait for their answers at once


class Answer(NamedTuple):
    due: float  # by time.monotonic(), as answered
    answered: float
    accepted: bool


class Load:
    """Increments of random players of a board, of whom there are so many."""

    def __init__(self, port: int, board: str, players: int, rate: float) -> None:
        self.port, self.board, self.players, self.rate = port, board, players, rate
        self.answers: list[Answer] = []
        self.numbers = itertools.count()
        self.began = time.monotonic()
        self.ending = threading.Event()

    def post_until_end(self) -> None:
        """Post the next increment when it is due, again and again."""
        connection = HTTPConnection("localhost", self.port, timeout=60)
        while not self.ending.is_set():
            due = self.began + next(self.numbers) / self.rate
            self.ending.wait(max(0.0, due - time.monotonic()))
            player = f"p{random.randrange(self.players)}"
            connection.request("POST", f"{self.board}players/{player}/score-add/")
            response = connection.getresponse()
            response.read()
            self.answers.append(Answer(due, time.monotonic(), response.status == 200))
        connection.close()


class Summary(NamedTuple):
    """The increments that were answered in some time. Delays begin when an increment was due."""

    per_second: float
    refused: int
    median: float  # ms
    slowest: float  # ms, the 99th percentile


def percentile_99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def summarize(answers: list[Answer], began: float, ended: float) -> Summary:
    """Return what became of increments between two moments."""
    answered = [answer for answer in answers if began <= answer.answered < ended]
    delays = [(answer.answered - answer.due) * 1000 for answer in answered if answer.accepted]
    assert len(delays) > 1, f"{len(delays)} of {len(answered)} increments were accepted"
    return Summary(
        len(delays) / (ended - began),
        len(answered) - len(delays),
        statistics.median(delays),
        percentile_99(delays),
    )


@contextmanager
def steady_load(port: int, board: str, players: int, rate: float) -> Iterator[Load]:
    """Post increments at this rate to the web processes at the port, until the block ends."""
    load = Load(port, board, players, rate)
    threads = [threading.Thread(target=load.post_until_end) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.ending.set()
        for thread in threads:
            thread.join()
