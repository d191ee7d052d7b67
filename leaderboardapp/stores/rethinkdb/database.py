"""The database as the parts of the store share it: connections, tables, and writes to a board."""

from collections.abc import Callable, Iterable
from typing import Any

from leaderboardapp.domain.exceptions import BoardNotFound, StoreUnavailable
from leaderboardapp.domain.types import BOARD_DEFAULTS, Precondition, Row
from leaderboardapp.stores.rethinkdb.address import parse_url
from leaderboardapp.stores.rethinkdb.connection import Connections, r
from leaderboardapp.stores.rethinkdb.results import (
    NO_BOARD,
    OUT_OF_RANGE,
    OUTDATED,
    ROW_CHANGED,
)
from leaderboardapp.stores.rethinkdb.rows import board_row

QUERY_SECONDS = 2.5
DELETE_ROWS = 2_000  # in one query, to stay far within QUERY_SECONDS
CHECKS = 10  # of one write: each after the first because somebody else has changed something
# The settings against which players and their scores are checked.
RULES = ("ask_email", "min", "max", "max_amount", "order", "season")


class Database:
    """The connections of each thread, and the tables.

    All methods raise StoreUnavailable. Feeds, message streams, scans and the setup have
    connections of their own.
    """

    def __init__(self, url: str) -> None:
        self.connections = Connections(parse_url(url), QUERY_SECONDS)
        self.boards, self.players, self.emails = map(r.table, ("boards", "players", "emails"))
        self.seasons, self.blocks, self.imports = map(r.table, ("seasons", "blocks", "imports"))
        self.past, self.search = r.table("past"), r.table("search")
        self.deleted, self.lease, self.tickets = map(r.table, ("deleted", "lease", "tickets"))

    def run(self, query: Any) -> Any:
        """Send a query. Return its answer; a cursor's rows as a list."""
        return self.connections.run(query)

    def run_together(self, queries: Iterable[Any]) -> list[Any]:
        """Send queries at the same time, none of which answers a stream. Return their answers."""
        return self.connections.run_together(queries)

    def get_board(self, board: str) -> Row:
        """Return the board's row. Raises BoardNotFound."""
        document = self.run(self.boards.get(board))
        if document is None:
            raise BoardNotFound(board)
        return board_row(document)

    def read_of_board(self, board: str, read: Callable[[Any], Any]) -> Any:
        """Run a query that is built from the board's document; return its answer. Raises
        BoardNotFound."""

        def build(row: Any) -> Any:
            return r.branch(row.eq(None), None, [read(row)])

        answer = self.run(self.boards.get(board).do(build))
        if answer is None:
            raise BoardNotFound(board)
        return answer[0]

    def write_if_board_exists(self, board: Any, write: Callable[[Any], Any]) -> Any:
        """Build, as ReQL, a write that takes the board's document, or else fails with NO_BOARD."""
        return self.boards.get(board).do(
            lambda row: r.branch(row.eq(None), refuse(NO_BOARD), write(row))
        )

    def write_if_current(self, board: Any, write: Any) -> Any:
        """Build, as ReQL, a write that fails with NO_BOARD, or with OUTDATED if the board has other
        RULES by now than its row here, which may be ReQL as well."""

        def guard(document: Any) -> Any:
            rules = [document[name].default(BOARD_DEFAULTS[name]) for name in RULES]
            is_current = r.expr(rules).eq([board[name] for name in RULES])
            return r.branch(is_current, write, refuse(OUTDATED))

        return self.write_if_board_exists(board["id"], guard)

    def check_and_write(
        self,
        board: str,
        attempt: Callable[[Row], Row],
        outdated: tuple[str, ...] = (OUTDATED, OUT_OF_RANGE),
    ) -> Row:
        """Call `attempt` with the board's row until its write is not refused as outdated; return
        the server's answer. `attempt` checks what it writes against the row, each time."""
        for _ in range(CHECKS):
            result = attempt(self.get_board(board))
            if result.get("first_error") not in outdated:
                return result
        raise StoreUnavailable(f"The board {board} changes too often.")

    def write_if(
        self,
        precondition: Precondition | None,
        write: Callable[[Callable[[Any, Any], Any]], Any],
        is_same: Callable[[Any, Row], Any],
    ) -> Any:
        """Run a write of one document if the precondition holds; return the server's answer.

        `write` builds it with a function `guard(document, new)`, which returns what the document
        becomes. `is_same`, as ReQL, compares a document with the row of which the precondition
        held; if it is another one, the precondition is called again."""
        for _ in range(CHECKS):
            expected = precondition() if precondition else None

            def guard(old: Any, new: Any, row: Row | None = expected) -> Any:
                if row is None:
                    return new
                unchanged = old.eq(None) | is_same(old, row)
                return r.branch(unchanged, new, r.error(ROW_CHANGED))

            answer = self.run(write(guard))
            if answer.get("first_error") != ROW_CHANGED:
                return answer
        raise StoreUnavailable("what is to be written changes too often")

    def record_deletion(self, board: str) -> None:
        """Count a deletion of the board, or of a player of it, before it happens.

        That is early enough: a restarted listener reads from some seconds before its checkpoint."""

        def count(_: Any, old: Any, __: Any) -> Any:
            return old.merge({"times": old["times"].default(1) + 1})

        insert = self.deleted.insert({"id": board, "times": 1}, conflict=count)
        if (result := self.run(insert))["errors"]:
            raise StoreUnavailable(result["first_error"])

    def select_rows_of_board(self, board: str) -> tuple[Any, ...]:
        """Select, as ReQL, all documents that belong to a board, by table."""
        least, most = [board, r.minval], [board, r.maxval]
        players = self.players.between(least, most, index="changed_on")
        seasons = self.seasons.between(least, most, index="board")
        past = self.past.between(least, most, index="place")
        texts = self.search.between(least, most, index="name_key")
        # Their keys are the board's id, and those of its past seasons (schema.py).
        blocks = self.blocks.get_all(board)
        past_blocks = self.blocks.between(f"{board}/", f"{board}0")
        by_board = (table.get_all(board, index="board") for table in (self.imports, self.emails))
        return players, texts, seasons, past, blocks, past_blocks, *by_board

    def select_past_of(self, board: str, player: str) -> Any:
        """Select, as ReQL, the documents of a player in the archives of a board's past seasons. By
        their primary keys, because an index would cost every archived player a write more."""
        least, most = [board, r.minval], [board, r.maxval]
        numbers = self.seasons.between(least, most, index="board")["number"].coerce_to("array")
        keys = numbers.map(
            lambda number: r.uuid(r.expr(f"{board}/") + number.coerce_to("string") + f"/{player}")
        )
        return self.past.get_all(r.args(keys)).filter({"player": player})  # it may be erased

    def delete_in_pieces(self, rows: Any, only_if: Any = True) -> None:
        """Delete the selected documents, DELETE_ROWS in a query, as long as `only_if` holds."""
        piece = rows.limit(DELETE_ROWS).delete()
        while self.run(r.branch(only_if, piece, {"deleted": 0}))["deleted"]:
            pass


def refuse(reason: str) -> Row:
    """Return what the server answers to a write that failed for this reason, which is one of
    results.py."""
    return {"errors": 1, "first_error": reason}
