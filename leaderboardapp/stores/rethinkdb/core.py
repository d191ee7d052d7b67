"""What the parts of the store share: its tables, and what is done to a board's rows."""

from collections.abc import Callable
from typing import Any

from leaderboardapp.domain.types import BOARD_DEFAULTS, Row
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb.connection import Connections, parse_url, r
from leaderboardapp.stores.rethinkdb.emails import Emails
from leaderboardapp.stores.rethinkdb.rank_blocks import Blocks
from leaderboardapp.stores.rethinkdb.ranking import Windows, season_ends
from leaderboardapp.stores.rethinkdb.results import NO_BOARD, changed
from leaderboardapp.stores.rethinkdb.schema import UNSHOWN

QUERY_SECONDS = 2.5
DELETE_ROWS = 2_000  # at once, to stay far within QUERY_SECONDS


class Core(Store):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.address = parse_url(url)
        self.connections = Connections(self.address, QUERY_SECONDS)
        self.run = self.connections.run
        self.windows = Windows(self.run)
        self.emails = Emails(self.run)
        self.blocks = Blocks(self.run, self.position, self.windows)
        self.boards, self.players, self.imports = map(r.table, ("boards", "players", "imports"))
        self.deleted, self.lease, self.seasons = map(r.table, ("deleted", "lease", "seasons"))

    def check(self) -> None:
        self.connections.breaker.check()

    def top(self, board: Any) -> Any:
        """The documents of the best, which may be changed."""
        index = r.branch(board["order"].default("desc").eq("asc"), "asc", "desc")
        least, most = season_ends(board["id"], board["season"].default(1))
        rows = self.players.between(least, most, index=index).order_by(index=index)
        return rows.limit(board["size"].default(BOARD_DEFAULTS["size"]))

    def best(self, board: Any) -> Any:
        return self.top(board).without(*UNSHOWN).coerce_to("array")

    def on_board(self, board: Any, write: Callable[[Any], Any]) -> Any:
        return self.boards.get(board).do(
            lambda row: r.branch(row.eq(None), {"errors": 1, "first_error": NO_BOARD}, write(row))
        )

    def rows_of(self, board: str) -> tuple[Any, ...]:
        """All rows that belong to a board."""
        least, most = [board, r.minval], [board, r.maxval]
        players = self.players.between(least, most, index="changed_on")
        seasons = self.seasons.between(least, most, index="board")
        blocks = self.blocks.blocks.get_all(board)
        named = (each.get_all(board, index="board") for each in (self.imports, self.emails.emails))
        return players, seasons, blocks, *named

    def delete_all(self, rows: Any, only_if: Any = True) -> None:
        some = rows.limit(DELETE_ROWS).delete()
        while self.run(r.branch(only_if, some, {"deleted": 0}))["deleted"]:
            pass

    def update(self, document: Any, change: Any) -> Row:
        """The document after the change. Raises ObjectDoesNotExist."""
        return changed(self.run(document.update(change, return_changes="always")))
