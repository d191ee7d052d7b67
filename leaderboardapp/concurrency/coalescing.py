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


class Gather(Generic[Item, Result]):
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
        self.gathering: dict[str, Batch[Item, Result]] = {}
        self.under_way: dict[str, Batch[Item, Result]] = {}

    def __call__(self, board: str, item: Item) -> Result:
        self.check()
        with self.lock:
            batch = self.gathering.get(board)
            leads = batch is None
            if batch is None:
                batch = self.gathering[board] = Batch(self.under_way.get(board))
            batch.items.append(item)
            place = len(batch.items) - 1
        if leads:
            self._lead(board, batch)
        return batch.results.result()[place]

    def _lead(self, board: str, batch: Batch[Item, Result]) -> None:
        try:
            if batch.after:
                wait([batch.after.results])
                batch.after = None  # or each would keep all before it
            with self.lock:
                self.under_way[board] = self.gathering.pop(board)
            batch.results.set_result(self.work(board, batch.items))
        except BaseException as error:  # of whatever kind: nobody is left waiting
            batch.results.set_exception(error)
        with self.lock:
            for batches in (self.gathering, self.under_way):
                if batches.get(board) is batch:
                    del batches[board]
