"""Coalesce concurrent calls of one key, such as a board's id, into a single batch."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

from leaderboardapp.metrics import Counter

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Result = TypeVar("Result")


CALLS = Counter("leaderboard_coalesced_calls", "Calls that were coalesced into batches", "of")
BATCHES = Counter("leaderboard_coalesced_batches", "Batches of coalesced calls", "of")


class Batch(Generic[Item, Result]):
    """Calls that are answered together: their items, and later the result of each."""

    def __init__(self, previous: "Batch[Item, Result] | None") -> None:
        """Begin an empty batch, which runs after the `previous` one of its key, if any."""
        self.previous = previous
        self.items: list[Item] = []
        self.results: Future[list[Result]] = Future()


class Coalescer(Generic[Key, Item, Result]):
    """A function of one item, made from one that works on many items of a key at once.

    While one batch of a key is running, the calls of other threads collect in the pending batch,
    in the order in which they come. The thread that began it, its leader, runs it for all. A call
    waits only if a batch is running, and no batch begins before all of its calls: nobody is given
    what was read too early. Keys do not wait for each other."""

    def __init__(
        self,
        work: Callable[[Key, list[Item]], list[Result]],
        check: Callable[[], None],
        name: str,
    ) -> None:
        """Coalesce calls of `work`, which takes a key and items, and returns a result for each. The
        `name` says in metrics of what.

        If it raises, every call of the batch raises the same. `check` is called before a call
        waits, and raises an error if there is no use in waiting."""
        self.work, self.check, self.name = work, check, name
        self.lock = threading.Lock()
        self.pending: dict[Key, Batch[Item, Result]] = {}
        self.running: dict[Key, Batch[Item, Result]] = {}

    def __call__(self, key: Key, item: Item) -> Result:
        """Return the result for the item. Raises what `check` or `work` raises."""
        self.check()
        with self.lock:
            batch = self.pending.get(key)
            is_leader = batch is None
            if batch is None:
                batch = self.pending[key] = Batch(self.running.get(key))
            batch.items.append(item)
            index = len(batch.items) - 1
        if is_leader:
            self._run_batch(key, batch)
        return batch.results.result()[index]

    def _run_batch(self, key: Key, batch: Batch[Item, Result]) -> None:
        try:
            if batch.previous:
                wait([batch.previous.results])
                batch.previous = None  # or each batch would keep all before it alive
            with self.lock:
                self.running[key] = self.pending.pop(key)
            BATCHES.count(self.name)
            CALLS.count(self.name, by=len(batch.items))
            batch.results.set_result(self.work(key, batch.items))
        except BaseException as error:  # of whatever kind: no thread is left waiting
            batch.results.set_exception(error)
        with self.lock:
            for batches in (self.pending, self.running):
                if batches.get(key) is batch:
                    del batches[key]
