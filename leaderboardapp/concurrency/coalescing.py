"""What many ask for at the same moment, done at once."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batch(Generic[Item, Result]):
    def __init__(self, after: "Batch[Item, Result] | None") -> None:
        self.after = after  # the one that is under way
        self.items: list[Item] = []
        self.results: Future[list[Result]] = Future()


class Coalescer(Generic[Item, Result]):
    """`work` on a board, for all threads that ask at that moment: while one batch of a board is
    under way the next one gathers, and the thread that began it does it for all. Nothing waits
    while nothing is under way, and no batch begins before it was asked for, so that nobody is
    given what was read too early. `work` takes the items in the order in which they were asked
    for, and gives as many results; what it raises, all of the batch are told. `check` raises what
    there is no use in waiting for."""

    def __init__(
        self, work: Callable[[str, list[Item]], list[Result]], check: Callable[[], None]
    ) -> None:
        self.work, self.check = work, check
        self.lock = threading.Lock()
        self.pending: dict[str, Batch[Item, Result]] = {}
        self.running: dict[str, Batch[Item, Result]] = {}

    def __call__(self, board: str, item: Item) -> Result:
        self.check()
        with self.lock:
            batch = self.pending.get(board)
            is_leader = batch is None
            if batch is None:
                batch = self.pending[board] = Batch(self.running.get(board))
            batch.items.append(item)
            place = len(batch.items) - 1
        if is_leader:
            self._run_batch(board, batch)
        return batch.results.result()[place]

    def _run_batch(self, board: str, batch: Batch[Item, Result]) -> None:
        try:
            if batch.after:
                wait([batch.after.results])
                batch.after = None  # or each would keep all before it
            with self.lock:
                self.running[board] = self.pending.pop(board)
            batch.results.set_result(self.work(board, batch.items))
        except BaseException as error:  # of whatever kind: nobody is left waiting
            batch.results.set_exception(error)
        with self.lock:
            for batches in (self.pending, self.running):
                if batches.get(board) is batch:
                    del batches[board]
