"""Who leads each board, as far as the listener has seen."""

from collections import OrderedDict
from itertools import islice
from typing import NamedTuple

from leaderboardapp.domain.types import Row
from leaderboardapp.stores import get_store

MAX_BOARDS_REMEMBERED = 100_000  # some 20 MB
# Of boards that nobody watches, how often leaders are read, and of how many boards in one call of
# the store.
READ_SECONDS, MAX_BOARDS_READ = 2.0, 500


class LeaderChange(NamedTuple):
    """Another player leads a board."""

    previous_id: str | None
    leader: Row


class Leaders:
    """Notices new leaders. A board of which nothing is known has none that is new."""

    def __init__(self) -> None:
        self.ids: OrderedDict[str, str | None] = OrderedDict()  # of players, by board id
        self.changes: dict[str, LeaderChange] = {}  # by board id, until they are taken
        self.unread: dict[str, None] = {}  # ids of boards that have changed, in their order
        self.read_at = float("-inf")  # by time.monotonic()

    def note(self, board: str, leader: Row | None) -> None:
        """Note who leads the board: a player who has scored, or nobody."""
        self.unread.pop(board, None)
        id = leader["id"] if leader else None
        if leader and self.ids.get(board, id) != id:
            self.changes[board] = LeaderChange(self.ids[board], leader)
        self.ids[board] = id
        self.ids.move_to_end(board)
        if len(self.ids) > MAX_BOARDS_REMEMBERED:
            self.ids.popitem(last=False)

    def read_later(self, board: str) -> None:
        """Have the leader read of a board that has changed, and that nobody else reads."""
        self.unread[board] = None

    def read_due(self, now: float) -> None:
        """Read the leaders of boards that have changed, if it is time. Raises StoreUnavailable."""
        if not self.unread or now < self.read_at + READ_SECONDS:
            return
        boards = [*islice(self.unread, MAX_BOARDS_READ)]
        leaders = get_store().get_leaders(boards)
        for board in boards:
            self.note(board, leaders.get(board))
        if not self.unread:
            self.read_at = now

    def boards(self) -> set[str]:
        """Return the ids of boards of which anything is known."""
        return self.ids.keys() | self.unread.keys()

    def forget(self, board: str) -> None:
        """Forget who leads the board, which may change unseen from now on."""
        self.ids.pop(board, None)
        self.unread.pop(board, None)

    def take_changes(self) -> dict[str, LeaderChange]:
        """Return the new leaders since the last call, by board id."""
        changes, self.changes = self.changes, {}
        return changes
