"""The database as the parts of the store share it: its connections, its tables, and what is done
to a board's documents."""

from collections.abc import Callable
from typing import Any

from leaderboardapp.domain.types import Row
from leaderboardapp.stores.rethinkdb.connection import Connections, parse_url, r
from leaderboardapp.stores.rethinkdb.results import NO_BOARD, get_updated_document, raise_if_missing
from leaderboardapp.stores.rethinkdb.rows import board_row

QUERY_SECONDS = 2.5
DELETE_ROWS = 2_000  # at once, to stay far within QUERY_SECONDS


class Database:
    """Every query of the store's passes `run`, but those of a feed, a scan or the setup, which have
    a connection of their own."""

    def __init__(self, url: str) -> None:
        self.address = parse_url(url)
        self.connections = Connections(self.address, QUERY_SECONDS)
        self.boards, self.players, self.emails = map(r.table, ("boards", "players", "emails"))
        self.seasons, self.blocks, self.imports = map(r.table, ("seasons", "blocks", "imports"))
        self.deleted, self.lease = map(r.table, ("deleted", "lease"))

    def run(self, query: Any) -> Any:
        return self.connections.run(query)

    def get_board(self, board: str) -> Row:
        return board_row(raise_if_missing(self.run(self.boards.get(board))))

    def update(self, document: Any, change: Any) -> Row:
        """The document after the change. Raises ObjectDoesNotExist."""
        return get_updated_document(self.run(document.update(change, return_changes="always")))

    def write_if_board_exists(self, board: Any, write: Callable[[Any], Any]) -> Any:
        return self.boards.get(board).do(
            lambda row: r.branch(row.eq(None), {"errors": 1, "first_error": NO_BOARD}, write(row))
        )

    def select_rows_of_board(self, board: str) -> tuple[Any, ...]:
        """All rows that belong to a board."""
        least, most = [board, r.minval], [board, r.maxval]
        players = self.players.between(least, most, index="changed_on")
        seasons = self.seasons.between(least, most, index="board")
        blocks = self.blocks.get_all(board)
        named = (each.get_all(board, index="board") for each in (self.imports, self.emails))
        return players, seasons, blocks, *named

    def delete_in_pieces(self, rows: Any, only_if: Any = True) -> None:
        some = rows.limit(DELETE_ROWS).delete()
        while self.run(r.branch(only_if, some, {"deleted": 0}))["deleted"]:
            pass
