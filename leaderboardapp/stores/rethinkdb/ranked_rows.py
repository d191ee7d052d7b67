"""Where ranked players are read: those of running seasons, and those of past ones.

The queries of a ranking (ranking.py, standings.py) read through one of these. All methods but
`get_board` and `player_keys` return ReQL. In them `order` says what is read. It is the name of an
index for running seasons; for past ones it is what `PastRows.open` makes of it.

A past season is in two places while it is archived (archives.py): players before a position, the
`cut`, are in the table `past`, and all others among those of the running season. Their places in
its index do not change when they are carried over.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from leaderboardapp.domain.archive import past_board
from leaderboardapp.domain.exceptions import SeasonNotFound
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.schema import ARCHIVED_FIELDS, KEY_FIELDS, archived_id, row_id
from leaderboardapp.stores.rethinkdb.sort_keys import FIRST_KEY

READINGS = 17  # at most, of 100,000 players in all, which is what an array may have

Read = Callable[[Any, Any], Any]
"""Takes a board's document and an order, and returns what is read."""


class RankedRows(ABC):
    """Ranked players of a board in one season."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @abstractmethod
    def get_board(self, board: str, season: int | None) -> Row:
        """Return the board's row in the season. Raises BoardNotFound, SeasonNotFound."""

    @abstractmethod
    def player_keys(self, board: str, season: int | None, player: str) -> Any:
        """Return what `get` finds the player by."""

    @abstractmethod
    def open(self, board: Any, season: Any, order: Any, read: Read) -> Any:
        """Call `read` with the board's document and its order. Null without board or season."""

    @abstractmethod
    def get(self, order: Any, keys: Any) -> Any:
        """Read a player, null if there is none."""

    @abstractmethod
    def key(self, order: Any, row: Any) -> Any:
        """Take a row's key, null if it has none."""

    @abstractmethod
    def between(self, order: Any, low: Any, high: Any) -> Any:
        """Select players from one key to before another, in any order."""

    @abstractmethod
    def ascending(self, order: Any, low: Any, high: Any) -> Any:
        """Select players from one key to before another, best first."""

    @abstractmethod
    def descending(self, order: Any, low: Any, high: Any) -> Any:
        """Select players from one key to before another, best last."""

    @abstractmethod
    def take(self, rows: Any, limit: Any) -> Any:
        """Take the first `limit` players as an array, with erased ones among them."""

    @abstractmethod
    def take_others(self, rows: Any, player: Any, limit: Any) -> Any:
        """Take as `take` does so many that there are `limit` with the player, without the
        player."""

    @abstractmethod
    def count(self, rows: Any) -> Any:
        """Count rows of an array without erased players."""

    @abstractmethod
    def find_blocks(self, order: Any, key: Any) -> Any:
        """Find the rank blocks of the order and the key's season, null if there are none."""

    @abstractmethod
    def have_moved(self, order: Any, members: Any) -> Any:
        """Return whether one of the `[id, key]` has another key by now."""

    @abstractmethod
    def is_outdated(self, order: Any) -> Any:
        """Return whether what was read before may lack players who have gone elsewhere."""


class LiveRows(RankedRows):
    """Ranked players of running seasons."""

    def get_board(self, board: str, season: int | None) -> Row:
        return self.db.get_board(board)

    def player_keys(self, board: str, season: int | None, player: str) -> Any:
        return row_id(board, player)

    def open(self, board: Any, season: Any, order: Any, read: Read) -> Any:
        return self.db.boards.get(board).do(
            lambda row: r.branch(row.eq(None), None, read(row, order))
        )

    def get(self, order: Any, keys: Any) -> Any:
        return self.db.players.get(keys)

    def key(self, order: Any, row: Any) -> Any:
        return row[r.expr(order) + "_keys"][0].default(None)

    def between(self, order: Any, low: Any, high: Any) -> Any:
        return self.db.players.between(low, high, index=order)

    def ascending(self, order: Any, low: Any, high: Any) -> Any:
        return self.between(order, low, high).order_by(index=order)

    def descending(self, order: Any, low: Any, high: Any) -> Any:
        return self.between(order, low, high).order_by(index=r.desc(order))

    def take(self, rows: Any, limit: Any) -> Any:
        return rows.limit(limit).coerce_to("array")

    def take_others(self, rows: Any, player: Any, limit: Any) -> Any:
        # The player may be elsewhere by now.
        others = rows.filter(lambda row: row["id"].ne(player["id"]))
        return self.take(others, limit - 1)

    def count(self, rows: Any) -> Any:
        return rows.count()

    def find_blocks(self, order: Any, key: Any) -> Any:
        return self.db.blocks.get(key[0]).do(
            lambda blocks: r.branch(are_current(blocks, order, key), blocks, None)
        )

    def have_moved(self, order: Any, members: Any) -> Any:
        ids = members.map(lambda member: member[0])
        rows = self.db.players.get_all(r.args(ids)).coerce_to("array")
        keys = rows.map(lambda row: [row["id"], self.key(order, row)])
        return members.set_difference(keys).is_empty().not_()

    def is_outdated(self, order: Any) -> Any:
        return False


class PastRows(RankedRows):
    """Ranked players of past seasons, as they were when it ended."""

    def get_board(self, board: str, season: int | None) -> Row:
        row: Row = self.get_season(board, season or 0)["settings"]
        return {"id": board, **past_board(row, season or 0)}

    def get_season(self, board: str, season: int) -> Row:
        """Return the document of a past season. Raises BoardNotFound, SeasonNotFound."""
        document = self.db.read_of_board(board, lambda row: self._find_season(row, r.expr(season)))
        if document is None:
            raise SeasonNotFound(board, season)
        found: Row = document
        return found

    def player_keys(self, board: str, season: int | None, player: str) -> Any:
        return [row_id(board, player), archived_id(board, season or 0, player)]

    def open(self, board: Any, season: Any, order: Any, read: Read) -> Any:
        def read_season(past: Any) -> Any:
            blocks = board.add("/").add(season.coerce_to("string"))
            row = past["settings"].merge({"id": board, "season": season})
            return self._read_cut(board, season, blocks).do(
                lambda cut: r.expr(
                    {
                        "index": row["order"].default("desc"),
                        "season": season,
                        "cut": cut,
                        "blocks": blocks,
                        "board": board,
                    }
                ).do(lambda order: read(row, order))
            )

        def open_season(row: Any) -> Any:
            past = r.branch(row.eq(None), None, self._find_season(row, season))
            return past.do(lambda past: r.branch(past.eq(None), None, read_season(past)))

        return self.db.boards.get(board).do(open_season)

    def get(self, order: Any, keys: Any) -> Any:
        table = self.db.past.get(keys[1])
        archived = table.do(lambda row: r.branch(row.has_fields("erased"), None, row).default(None))
        return self.db.players.get(keys[0]).do(
            lambda row: r.branch(row.eq(None), archived, place_in(order, row).default(archived))
        )

    def key(self, order: Any, row: Any) -> Any:
        return row["place"].default(None)

    def between(self, order: Any, low: Any, high: Any) -> Any:
        return self._select(order, low, high, lambda rows, _: rows)

    def ascending(self, order: Any, low: Any, high: Any) -> Any:
        return self._select(order, low, high, lambda rows, index: rows.order_by(index=index))

    def descending(self, order: Any, low: Any, high: Any) -> Any:
        return self._select(
            order, low, high, lambda rows, index: rows.order_by(index=r.desc(index)), best_last=True
        )

    def take(self, rows: Any, limit: Any) -> Any:
        def read_more(read: Any, _: Any) -> Any:
            enough = (self.count(read["rows"]) >= limit) | (read["rows"].count() < read["asked"])
            asked = r.branch(read["asked"].eq(0), limit, read["asked"] * 2)
            more = {"asked": asked, "rows": rows.limit(asked).coerce_to("array")}
            return r.branch(enough, read, more)

        def leave(rows: Any) -> Any:
            last = rows.offsets_of(is_kept).nth(limit - 1).default(rows.count() - 1)
            return rows.slice(0, last + 1)

        # Each reading is of twice as many, because any number may be erased.
        nothing: dict[str, Any] = {"asked": 0, "rows": []}
        return r.range(READINGS).fold(nothing, read_more)["rows"].do(leave)

    def take_others(self, rows: Any, player: Any, limit: Any) -> Any:
        # Erased players before the player would be left out if they came last.
        rows = self.take(rows, limit)
        return rows.filter(lambda row: row["player"].ne(player["player"]))

    def count(self, rows: Any) -> Any:
        return rows.filter(is_kept).count()

    def find_blocks(self, order: Any, key: Any) -> Any:
        return self.db.blocks.get(order["blocks"])

    def have_moved(self, order: Any, members: Any) -> Any:
        return False

    def is_outdated(self, order: Any) -> Any:
        return self._read_cut(order["board"], order["season"], order["blocks"]).ne(order["cut"])

    def _read_cut(self, board: Any, season: Any, blocks: Any) -> Any:
        upto = self.db.blocks.get(blocks)["upto"].default(FIRST_KEY)
        return r.expr([board, season]).add(upto)

    def _find_season(self, row: Any, season: Any) -> Any:
        is_kept = (season < row["season"].default(1)) & (season >= row["kept_from"].default(1))
        id = r.uuid(row["id"].add("/").add(season.coerce_to("string")))
        return r.branch(is_kept, self.db.seasons.get(id), None)

    def _select(self, order: Any, low: Any, high: Any, sort: Any, best_last: bool = False) -> Any:
        """Select players from `low` to before `high`: those before the cut from the table, and the
        others where they are until then."""

        def select_past(start: Any, end: Any) -> Any:
            return sort(self.db.past.between(start, end, index="place"), "place")

        def select_live(start: Any, end: Any) -> Any:
            index = order["index"]
            rows = sort(self.db.players.between(start, end, index=index), index)
            return rows.map(lambda row: place_in(order, row))

        def select(low: Any, high: Any, cut: Any) -> Any:
            past = select_past(r.branch(low < cut, low, cut), cut)
            live = select_live(r.branch(low < cut, cut, low), high)
            first, second = (live, past) if best_last else (past, live)
            both = first.union(second, interleave=False)
            return r.branch(high <= cut, select_past(low, high), both)

        return r.do(low, high, order["cut"], select)


def place_in(order: Any, row: Any) -> Any:
    """Return, as ReQL, what a player of the running season had in the past season, with its `place`
    there. It fails as a missing field does if the player was not ranked."""
    own = row.pluck(*ARCHIVED_FIELDS).merge(
        {
            "season": row["season"].default(1),
            "scored": row["scored"].default(True),
            **{order: row[name][0].default(None) for order, name in KEY_FIELDS.items()},
        }
    )
    kept = row["unarchived"].default([]).append(own)
    of_season = kept.filter(
        lambda one: one["season"].eq(order["season"]) & one[order["index"]].ne(None)
    )
    return of_season.nth(0).do(
        lambda one: one.merge({"id": row["id"], "place": one[order["index"]]})
    )


def is_kept(row: Any) -> Any:
    """Return, as ReQL, whether a player of a past season is not erased."""
    return row.has_fields("erased").not_()


def are_current(blocks: Any, order: Any, key: Any) -> Any:
    """Return, as ReQL, whether the blocks are of this order and of the key's season."""
    return (blocks["season"].eq(key[1]) & blocks["order"].eq(order)).default(False)
