"""Maintenance of boards, beside the active listener.

Seasons end by schedule, and the store does the work that changes have left behind.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Self

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp import events
from leaderboardapp.concurrency.supervise import supervise
from leaderboardapp.domain import schedule
from leaderboardapp.domain.board_ids import window_ids
from leaderboardapp.domain.exceptions import StoreUnavailable, WrongSeason
from leaderboardapp.domain.types import Row
from leaderboardapp.metrics import Counter
from leaderboardapp.stores.base import Store
from leaderboardapp.web import tickets

logger = logging.getLogger(__name__)

FIND_WORK_SECONDS = 1.0  # between two searches for work
# How long to rest after a piece of work, or a search for some, in multiples of the time that it
# took; and if its board has more work, for which somebody waits. Writers who wait for a piece come
# soon (ADR 39).
REST_FACTOR, PIECE_REST_FACTOR = 5.0, 0.5
MOST_REST_SECONDS = 5.0  # after a search: seasons that are to end meanwhile wait for it
# Boards that are listed, and boards that are looked at, in one call of the store.
SCAN_PAGE, FIND_PAGE = 300, 500
EXPIRE_SECONDS = 60.0  # between two times that used tickets are forgotten

SEASONS_ENDED = Counter("leaderboard_seasons_ended", "Seasons that were ended by schedule")


class Maintenance:
    """Does maintenance in a thread of its own: a thousand boards may end their season at once.

    It begins with a scan of all boards, for work that another listener may have left undone. What
    is not `is_own`, by a board's id, is left to others."""

    def __init__(self, store: Store, is_own: Callable[[str], bool]) -> None:
        self.store, self.is_own = store, is_own
        self.changed_boards: set[str] = set()  # ids, since work was last looked for
        self.boards_to_maintain: deque[str] = deque()  # ids
        self.ending_seasons: deque[Row] = deque()  # boards whose season is to end
        self.scan_cursor: str | None = ""  # boards after this id are still to be scanned
        self.must_scan = threading.Event()  # from the first board on
        self.searched_at = float("-inf")  # by time.monotonic()
        self.expired_at = float("-inf")  # the same, for used tickets
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._run, name="maintenance", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()

    def enqueue(self, boards: Iterable[str]) -> None:
        """Remember the ids of boards that have changed, and return at once."""
        with self.lock:
            self.changed_boards.update(boards)

    def scan(self) -> None:
        """Have all boards scanned again, because some are this listener's only now."""
        self.must_scan.set()

    def run_once(self) -> float:
        """Do one piece of work, and return for how many seconds to rest after it.

        Raises StoreUnavailable."""
        rest = self.maintain_next_board()
        self.expire_tickets(time.monotonic())  # last: its failure delays no other work
        return rest

    def maintain_next_board(self) -> float:
        """Do a piece of the work of one board, if any waits; return how long to rest after it."""
        searched = began = time.monotonic()
        if began >= self.searched_at + FIND_WORK_SECONDS and not self.ending_seasons:
            self.searched_at = began
            self.find_work()
            searched = time.monotonic()
        if self.ending_seasons:
            self.end_season(self.ending_seasons.popleft())
            factor = PIECE_REST_FACTOR
        elif self.boards_to_maintain:
            has_more = self.run_maintenance(self.boards_to_maintain.popleft())
            factor = PIECE_REST_FACTOR if has_more else REST_FACTOR
        else:
            rest = REST_FACTOR * (searched - began)
            return min(max(FIND_WORK_SECONDS, rest), MOST_REST_SECONDS)
        return factor * (time.monotonic() - searched)

    def find_work(self) -> None:
        """Queue seasons to end, and boards that have changed or were not scanned yet.

        A board that changes all the time is queued once in FIND_WORK_SECONDS."""
        ending = self.store.list_boards_to_end(schedule.now())
        self.ending_seasons.extend(row for row in ending if self.is_own(row["id"]))
        if self.ending_seasons:  # somebody waits for these
            return
        if self.must_scan.is_set():
            self.must_scan.clear()
            self.scan_cursor = ""
        if not self.boards_to_maintain:
            changed = self.take_changed()
            try:
                self.boards_to_maintain.extend(self.store.find_work(changed))
            except StoreUnavailable:
                self.enqueue(changed)
                raise
        if not self.boards_to_maintain and self.scan_cursor is not None:
            page = self.store.list_boards(self.scan_cursor, SCAN_PAGE, private=True)
            boards = [id for row in page for id in (row["id"], *window_ids(row))]
            self.boards_to_maintain.extend(self.store.find_work([*filter(self.is_own, boards)]))
            self.scan_cursor = page[-1]["id"] if page else None

    def take_changed(self) -> list[str]:
        """Return the ids of some boards that have changed since they were taken."""
        with self.lock:
            return [
                self.changed_boards.pop() for _ in range(min(FIND_PAGE, len(self.changed_boards)))
            ]

    def expire_tickets(self, now: float) -> None:
        """Have the store forget used tickets that have long expired, now and then."""
        if now >= self.expired_at + EXPIRE_SECONDS:
            self.expired_at = now  # if it fails, it is due again as late
            self.store.expire_tickets(tickets.KEPT_SECONDS)

    def end_season(self, board: Row) -> None:
        """End the season exactly once, even if several listeners try. Overdue seasons end now."""
        try:
            self.store.start_next_season(
                board["id"], board["season"], schedule.now(), only_if_due=True
            )
            SEASONS_ENDED.count()
            logger.info("season %d ended by schedule: %s", board["season"], board["id"])
            self.enqueue([board["id"]])
            events.announce(board["id"], events.SEASON_ENDED, {"season": board["season"]})
        except (WrongSeason, ObjectDoesNotExist):
            pass  # another program was faster, or has changed the schedule

    def run_maintenance(self, board: str) -> bool:
        """Do a piece of the board's maintenance, and return whether there is more to do."""
        try:
            has_more = self.store.run_maintenance(board)
        except StoreUnavailable:
            self.enqueue([board])
            raise
        if has_more and self.is_own(board):
            self.boards_to_maintain.append(board)
        return has_more

    def _run(self) -> None:
        supervise("maintenance", self.run_once, self.stopping.wait, expected=(StoreUnavailable,))
        self.store.close()
