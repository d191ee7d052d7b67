"""What boards need now and then, done beside the active listener: seasons end by schedule, and the
store tidies up what changes have left behind."""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Self

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp import events
from leaderboardapp.concurrency.backoff import backoff
from leaderboardapp.domain import schedule
from leaderboardapp.domain.exceptions import StoreUnavailable, WrongSeason
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.base import Store

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0  # between two looks for seasons that end
REST = 5.0  # times as long as a piece of work took; less if somebody waits for the next one
REST_UNDER_WAY = 1.0
PAGE = 100


class Maintenance:
    """A thread of its own, because a thousand boards may end their season at the same moment. It
    begins with a look at every board, for what another listener may have left undone."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.changed: set[str] = set()  # boards that have changed since the last look
        self.boards: deque[str] = deque()  # to be tidied
        self.due: deque[Row] = deque()  # boards whose season is to end
        self.unseen: str | None = ""  # boards after this id are still to be looked at; None: none
        self.looked_at = float("-inf")
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()

    def put(self, boards: Iterable[str]) -> None:
        """Boards that have changed."""
        with self.lock:
            self.changed.update(boards)

    def turn(self) -> float:
        """One piece of work. For how many seconds to rest from it."""
        began = time.monotonic()
        if began >= self.looked_at + LOOK_SECONDS and not self.due:
            self.looked_at = began
            self.look()
        if self.due:
            self.end_season(self.due.popleft())
            rest = REST_UNDER_WAY
        elif self.boards:
            rest = REST_UNDER_WAY if self.tidy(self.boards.popleft()) else REST
        else:
            return LOOK_SECONDS
        return rest * (time.monotonic() - began)

    def look(self) -> None:
        """For what there is to do. A board that changes all the time is tidied once a look."""
        self.due.extend(self.store.list_boards_to_end(schedule.now()))
        if not self.boards:
            with self.lock:
                self.boards.extend(self.changed)
                self.changed.clear()
        if not self.boards and self.unseen is not None:
            page = self.store.list_boards(self.unseen, PAGE, private=True)
            self.unseen = page[-1]["id"] if page else None
            self.boards.extend(row["id"] for row in page)

    def end_season(self, board: Row) -> None:
        """Whoever else does the same, it ends only once. One that nobody was there to end in time
        ends now."""
        try:
            self.store.start_next_season(
                board["id"], board["season"], schedule.now(), only_if_due=True
            )
            logger.info("season %d ended by schedule: %s", board["season"], board["id"])
            self.put([board["id"]])
            events.announce(board["id"], events.SEASON_ENDED, {"season": board["season"]})
        except (WrongSeason, ObjectDoesNotExist):
            pass  # somebody was faster, or has changed the schedule

    def tidy(self, board: str) -> bool:
        """Whether there is more to do."""
        try:
            more = self.store.run_maintenance(board)
        except StoreUnavailable:
            self.put([board])
            raise
        if more:
            self.boards.append(board)
        return more

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
