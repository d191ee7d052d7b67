"""What boards need now and then, done beside the active listener: seasons end by schedule, and the
store tidies up what changes have left behind."""

import logging
import threading
import time
from collections.abc import Iterable

from leaderboardapp import seasons
from leaderboardapp.edge import backoff
from leaderboardapp.stores.base import Store, StoreUnavailable

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0  # between two looks for seasons that end
REST = 5.0  # times as long as each piece of work took: nobody waits for it


class Keeper:
    """A thread of its own, because a thousand boards may end their season at the same moment."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.boards: dict[str, None] = {}  # an ordered set
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.looked_at = float("-inf")
        self.thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def __enter__(self) -> "Keeper":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()

    def put(self, boards: Iterable[str]) -> None:
        """Boards that have changed."""
        with self.lock:
            self.boards.update(dict.fromkeys(boards))

    def turn(self) -> float:
        """One piece of work. For how many seconds to rest from it."""
        began = time.monotonic()
        if began >= self.looked_at + LOOK_SECONDS:
            self.looked_at = began
            for ended in seasons.end_due(self.store):
                logger.info("season ended by schedule: %s", ended)
                if self.stopping.is_set():
                    return 0.0
        with self.lock:
            if not self.boards:
                return LOOK_SECONDS
            board = next(iter(self.boards))
            del self.boards[board]
        try:
            if self.store.tidy(board):
                self.put([board])
        except StoreUnavailable:
            self.put([board])
            raise
        return REST * (time.monotonic() - began)

    def _run(self) -> None:
        failures = 0
        while not self.stopping.is_set():
            try:
                rest, failures = self.turn(), 0
            except Exception as error:  # one board's trouble must not keep others from their due
                rest, failures = backoff(failures), failures + 1
                unexpected = not isinstance(error, StoreUnavailable)
                message = "%s; the keeper tries again in %.1f s"
                logger.error(message, error, rest, exc_info=unexpected)
            self.stopping.wait(rest)
        self.store.close()
