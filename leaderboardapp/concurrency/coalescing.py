"""Coalesce concurrent calls for one board into a single batch."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batch(Generic[Item, Result]):
    """Calls that are answered together: their items, and later the result of each."""

    def __init__(self, previous: "Batch[Item, Result] | None") -> None:
        """Begin an empty batch, which runs after the `previous` one of its board, if any."""
        self.previous = previous
        self.items: list[Item] = []
        self.results: Future[list[Result]] = Future()


class Coalescer(Generic[Item, Result]):
    """A function of one item, made from one that works on many items of a board at once.

    While one batch of a board is running, the calls of other threads collect in the pending batch,
    in the order in which they come. The thread that began it, its leader, runs it for all. A call
    waits only if a batch is running, and no batch begins before all of its calls: nobody is given
    what was read too early. Boards do not wait for each other."""

    def __init__(
        self, work: Callable[[str, list[Item]], list[Result]], check: Callable[[], None]
    ) -> None:
        """Coalesce calls of `work`, which takes a board and items, and returns a result for each.

        If it raises, every call of the batch raises the same. `check` is called before a call
        waits, and raises an error if there is no use in waiting."""
        self.work, self.check = work, check
        self.lock = threading.Lock()
        self.pending: dict[str, Batch[Item, Result]] = {}
        self.running: dict[str, Batch[Item, Result]] = {}

    def __call__(self, board: str, item: Item) -> Result:
        """Return the result for the item. Raises what `check` or `work` raises."""
        self.check()
        with self.lock:
            batch = self.pending.get(board)
            is_leader = batch is None
            if batch is None:
                batch = self.pending[board] = Batch(self.running.get(board))
            batch.items.append(item)
            index = len(batch.items) - 1
        if is_leader:
            self._run_batch(board, batch)
        return batch.results.result()[index]

    def _run_batch(self, board: str, batch: Batch[Item, Result]) -> None:
        try:
            if batch.previous:
                wait([batch.previous.results])
                batch.previous = None  # or each batch would keep all before it alive
            with self.lock:
                self.running[board] = self.pending.pop(board)
            batch.results.set_result(self.work(board, batch.items))
        except BaseException as error:  # of whatever kind: no thread is left waiting
            batch.results.set_exception(error)
        with self.lock:
            for batches in (self.pending, self.running):
                if batches.get(board) is batch:
                    del batches[board]
