"""Where the ranked players of a season are, and the parts of statements that read them.

Players of the running season are in the table `player`, and those of a past season in the table
`past`. Until all are carried over, some of a past season are in either. The sort key of a player is
the score, or its negative on a descending board, so that all orders are read ascending.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from leaderboardapp.domain.archive import past_board
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.sql.models import SORT_KEY, SeasonRow

_SEASON = "board_id = %(board)s AND season = %(season)s"  # values: season_values
# Which players of the running season a board ranks. The conditions are those of models.RANKED,
# which the indexes have.
RANKED = {"desc": "NOT hidden", "asc": "NOT hidden AND scored"}
_COLUMNS = "{sort_key} AS place, reached_at, player, name, score, scored, data"


class Table(NamedTuple):
    """A table that has ranked players, the condition for them, and their sort key's column. The
    condition `indexed` holds of all, and has them read by the index of their order."""

    name: str
    ranked: str
    sort_key: str
    indexed: str = ""

    def rows(self, condition: str) -> str:
        """Return the clauses for the season's ranked players of whom the condition holds."""
        return self.find(condition.format(sort_key=self.sort_key), self.indexed)

    def find(self, *conditions: str) -> str:
        """Return the clauses for these players, with no order for whose sake a database would
        search the whole season."""
        return f"FROM {self.name} WHERE {' AND '.join(filter(None, (self.ranked, *conditions)))}"

    def page(self, columns: str, condition: str, direction: str, limit: str) -> str:
        """Return a query for the first of these players."""
        columns, order = columns.format(sort_key=self.sort_key), order_by(self.sort_key, direction)
        return f"SELECT {columns} {self.rows(condition)} {order} LIMIT {limit}"


class Source(NamedTuple):
    """The tables that have the ranked players of a season. Conditions and columns have {sort_key}
    where the sort key is to stand."""

    tables: tuple[Table, ...]

    def page(
        self,
        columns: str,
        condition: str = "",
        direction: str = "",
        limit: str = "%(limit)s",
        offset: str = "",
    ) -> str:
        """Return a query for players in the board's order, of whom the condition holds."""
        skip = f" OFFSET {offset}" if offset else ""
        if len(self.tables) == 1:
            return self.tables[0].page(columns, condition, direction, limit + skip)
        first = f"{limit} + {offset}" if offset else limit
        pages = " UNION ALL ".join(
            f"SELECT * FROM ({page}) AS page"
            for page in (table.page(_COLUMNS, condition, direction, first) for table in self.tables)
        )
        order = order_by("place", direction)
        columns = columns.format(sort_key="place")
        return f"SELECT {columns} FROM ({pages}) AS merged {order} LIMIT {limit}{skip}"

    def find(self, columns: str, condition: str) -> str:
        """Return a query for the one of these players of whom the condition holds."""
        queries = (f"SELECT {columns} {table.find(condition)}" for table in self.tables)
        return " UNION ALL ".join(queries)

    def count_players(self, condition: str = "") -> str:
        """Return an expression for how many there are of these players."""
        counts = (f"(SELECT count(*) {table.rows(condition)})" for table in self.tables)
        return f"({' + '.join(counts)})"

    def least(self, condition: str = "") -> str:
        """Return an expression for the least sort key of these players."""
        queries = self._each("SELECT min({sort_key}) AS place", condition)
        if len(queries) == 1:
            return f"({queries[0]})"
        return f"(SELECT min(place) FROM ({' UNION ALL '.join(queries)}) AS merged)"

    def count_scores(self, condition: str = "") -> str:
        """Return an expression for how many different scores these players have."""
        if len(self.tables) == 1:
            return f"({self._each('SELECT count(DISTINCT {sort_key})', condition)[0]})"
        scores = " UNION ".join(self._each("SELECT {sort_key} AS place", condition))
        return f"(SELECT count(*) FROM ({scores}) AS merged)"

    def count_up_to(self, most: int, condition: str = "") -> str:
        """Return an expression for how many there are of these players, up to so many."""
        players = " UNION ALL ".join(self._each("SELECT 1", condition))
        return f"(SELECT count(*) FROM ({players} LIMIT {most}) AS limited)"

    def _each(self, select: str, condition: str) -> list[str]:
        return [
            f"{select.format(sort_key=table.sort_key)} {table.rows(condition)}"
            for table in self.tables
        ]


def order_by(sort_key: str, direction: str = "") -> str:
    """Return the clause for the board's order; with the direction DESC, backwards."""
    return f"ORDER BY {sort_key} {direction}, reached_at {direction}, player {direction}"


# In this form PostgreSQL does not know the number before it runs the query, nor that `indexed`
# holds.
_PAST = Table("past", _SEASON.replace("%(season)s", "(SELECT %(season)s)"), "place", "season > 0")
_RUNNING = {
    order: Table("player", f"{_SEASON} AND {condition}", SORT_KEY[order])
    for order, condition in RANKED.items()
}
SOURCES = {
    **{order: Source((table,)) for order, table in _RUNNING.items()},
    "past": Source((_PAST,)),
    **{f"moving {order}": Source((_PAST, table)) for order, table in _RUNNING.items()},
}
Statements = dict[str, str]
"""A statement for each source, by its name."""


class PastBoard(dict[str, Any]):
    """The row of a board in a past season."""

    archive: str
    """As SeasonRow has it."""


def read_from_each(build: Callable[[Source], str]) -> Statements:
    """Return the statement for each source, as `build` makes it."""
    return {name: build(source) for name, source in SOURCES.items()}


def choose(statements: Statements, board: Row) -> str:
    """Return the statement that reads the players of this board, in its season."""
    if not isinstance(board, PastBoard):
        return statements[board["order"]]
    return statements[f"moving {board['order']}" if board.archive == SeasonRow.MOVING else "past"]


def build_past_board(settings: Row, season: int, archive: str) -> PastBoard:
    """Return the board of a past season, from what SeasonRow has."""
    board = PastBoard(past_board(settings, season))
    board.archive = archive
    return board


def knows_all(board: Row) -> bool:
    """Return whether all ranked players of the board's season are known."""
    return not isinstance(board, PastBoard) or board.archive != SeasonRow.TOP


def season_values(board: Row) -> dict[str, Any]:
    """Return the values that say which board and season a statement reads."""
    return {"board": board["id"], "season": board["season"]}
