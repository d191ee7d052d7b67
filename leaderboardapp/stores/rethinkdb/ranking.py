"""Windows of a ranking, and how many players are before them, each read in one query.

RethinkDB counts by reading all that it counts. On a large board, players before a window are
therefore counted from the beginning of a rank block on. The blocks' document (rank_blocks.py)
has the count up to there.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

from leaderboardapp.domain.types import BOARD_DEFAULTS, MAX_SCORE, RANKINGS, RankPosition, Row
from leaderboardapp.stores.rethinkdb.connection import CompiledFunction, r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.schema import INTERNAL_FIELDS

SortKey = list[Any]
"""A rank position as a board's order sorts it: the score or its negative, when the score was
reached, the player."""

WINDOW_PARTS = ("above", "below")
FIRST_KEY: SortKey = [-MAX_SCORE - 1, -1, ""]
ONE_BLOCK = {"places": [FIRST_KEY], "before": [0], "scores": [0]}  # with all players in it
# Steps of the binary search for a block. An array has at most 100,000 items, fewer than 2^17.
SEARCH_STEPS = [2**power for power in reversed(range(17))]
SHORT_STEPS = SEARCH_STEPS[-10:]  # for fewer than 1,024 blocks


class Ranking:
    """Queries over a board's ranked players.

    They are compiled once, because the driver takes longer to build them than the server to
    answer. All methods but `read_window` return ReQL. In them `order` is the name of an index,
    and `key` is a key in it: the board, the season, and a sort key.
    """

    def __init__(self, db: Database) -> None:
        self.db = db
        parts = {
            "page": self._build_page,
            "around": self._build_surroundings,
            "nobody": self._build_position,
        }
        self.queries = {
            (part, ranking): CompiledFunction(self._build_query(parts[part], ranking))
            for part, ranking in product(parts, RANKINGS)
        }

    def select_top(self, board: Any) -> Any:
        """Select the documents of a board's top players, in an order. They can be updated."""
        index = r.branch(board["order"].default("desc").eq("asc"), "asc", "desc")
        least, most = season_bounds(board["id"], board["season"].default(1))
        rows = self.db.players.between(least, most, index=index).order_by(index=index)
        return rows.limit(board["size"].default(BOARD_DEFAULTS["size"]))

    def select_top_rows(self, board: Any) -> Any:
        """Select a board's top players as an array, without internal fields."""
        return self.select_top(board).without(*INTERNAL_FIELDS).coerce_to("array")

    def read_window(
        self, board: Row, limit: int, position: RankPosition | None, player: str | None
    ) -> Row:
        """Read a page after the position, or the players around `player`, who has that position.

        Returns players' documents: `below`, and around a player also `above`, the nearest first.
        Window's other fields (`before`, `better`, `bound`) are beside them.
        """
        others = "around" if limit > 1 else "nobody"
        query = self.queries[others if player else "page", board["ranking"]]
        sort_key = build_sort_key(board, position) if position else FIRST_KEY
        row: Row = self.db.run(r.do(board["id"], board["order"], sort_key, limit, player, query))
        return row

    def count_distinct_scores(self, order: Any, start: Any, end: Any) -> Any:
        """Count the different scores from one key's score to before another's.

        Only one player with the first score is read. A million may share it, in many blocks.
        """
        after = start.slice(0, 3).append(r.maxval)
        first = self.db.players.between(start.slice(0, 3), after, index=order).limit(1).count()
        others = self.db.players.between(after, end.slice(0, 3), index=order)
        number = first + others["score"].distinct().count()
        return r.branch(start[2] < end[2], number, 0)

    def count_deletions(self, board: Any) -> Any:
        """Count how often a player of the board was ever deleted."""
        return self.db.deleted.get(board)["times"].default(0)

    def _build_query(self, build_part: Callable[..., Any], ranking: str) -> Callable[..., Any]:
        def query(board: Any, order: Any, sort_key: Any, limit: Any, player: Any) -> Any:
            def add_counts(window: Any) -> Any:
                counts = self._count_before(order, ranking, window["first"])
                counted = window["first"].ne(None).branch(window.merge(counts), window)
                return counted.without("first", *({part: INTERNAL_FIELDS} for part in WINDOW_PARTS))

            def read_in(season: Any) -> Any:
                key = r.expr([board, season]).add(sort_key)
                return build_part(order, key, limit, player).do(add_counts)

            # The running season, because the caller may have read the board long ago.
            return self.db.boards.get(board)["season"].default(1).do(read_in)

        return query

    def _build_page(self, order: Any, key: Any, limit: Any, _: Any) -> Any:
        rows = self._select_after(order, key, limit)
        return rows.do(lambda rows: {"below": rows, "first": rows.nth(0)[order].default(None)})

    def _build_surroundings(self, order: Any, key: Any, limit: Any, player: Any) -> Any:
        """Select as many on either side. Near the first or the last, more on the other side."""
        others = limit - 1

        def without_player(rows: Any) -> Any:
            # The player may have moved since, and then be met again elsewhere.
            return rows.filter(lambda row: row["player"].ne(player))

        def build(above: Any, below: Any) -> Any:
            missing = others - above.count()
            more = without_player(self._select_after(order, key, missing))
            return {
                "above": above,
                "below": r.branch(below.count() < missing, more, below),
                "first": above.nth(-1)[order].default(key),
            }

        def build_with(below: Any) -> Any:
            above = without_player(self._select_before(order, key, others - below.count()))
            return above.do(lambda above: build(above, below))

        return without_player(self._select_after(order, key, (limit / 2).floor())).do(build_with)

    def _build_position(self, order: Any, key: Any, limit: Any, player: Any) -> Any:
        """Select nobody: only the player's own rank is wanted."""
        return r.expr({"first": key})

    def _select_after(self, order: Any, key: Any, limit: Any) -> Any:
        end = key.slice(0, 2).append(r.maxval)
        rows = self.db.players.between(key, end, index=order, left_bound="open")
        return rows.order_by(index=order).limit(limit).coerce_to("array")

    def _select_before(self, order: Any, key: Any, limit: Any) -> Any:
        rows = self.db.players.between(key.slice(0, 2), key, index=order)
        return rows.order_by(index=r.desc(order)).limit(limit).coerce_to("array")

    def _count_before(self, order: Any, ranking: str, key: Any) -> Any:
        score = key.slice(0, 3).add(FIRST_KEY[1:])  # before all players with this score

        def count(blocks: Any) -> Any:
            bound = r.branch(blocks.has_fields("since"), self._count_changes(blocks), 0)
            if ranking == "dense":
                return {"better": self._count_better_scores(order, blocks, score), "bound": bound}
            before = {"before": self._count_players(order, blocks, key), "bound": bound}
            if ranking == "competition":
                before["better"] = self._count_players(order, blocks, score)
            return before

        def are_usable(blocks: Any) -> Any:
            current = are_current(blocks, order, key)
            return current & blocks["scores"].ne(None) if ranking == "dense" else current

        blocks = self.db.blocks.get(key[0])
        return blocks.do(lambda blocks: r.branch(are_usable(blocks), blocks, ONE_BLOCK)).do(count)

    def _count_players(self, order: Any, blocks: Any, key: Any) -> Any:
        """Count the ranked players before the key."""

        def count_from(number: Any) -> Any:
            start = key.slice(0, 2).add(blocks["places"].nth(number))
            rows = self.db.players.between(start, key, index=order)
            return blocks["before"].nth(number) + rows.count()

        return _find_block(blocks, key).do(count_from)

    def _count_better_scores(self, order: Any, blocks: Any, key: Any) -> Any:
        """Count the different scores before the key's."""

        def count_from(number: Any) -> Any:
            start = key.slice(0, 2).add(blocks["places"].nth(number))
            return blocks["scores"].nth(number) + self.count_distinct_scores(order, start, key)

        return _find_block(blocks, key).do(count_from)

    def _count_changes(self, blocks: Any) -> Any:
        """Count the board's players who have changed, or were deleted, since the blocks' counts."""
        board, since = blocks["id"], r.epoch_time(blocks["since"] / 1000)
        changed = self.db.players.between([board, since], [board, r.maxval], index="changed_on")
        return changed.count() + self.count_deletions(board) - blocks["deletions"]


def are_current(blocks: Any, order: Any, key: Any) -> Any:
    """Return, as ReQL, whether the blocks are of this order and of the key's season."""
    return (blocks["season"].eq(key[1]) & blocks["order"].eq(order)).default(False)


def _find_block(blocks: Any, key: Any) -> Any:
    """Find the number of the key's block: the last that begins at the key or before it."""
    starts, sort_key = blocks["places"], key.slice(2)

    def find_last(size: Any) -> Any:
        def step_on(number: Any, step: Any) -> Any:
            tried = number + step
            return r.branch((tried < size) & (starts.nth(tried) <= sort_key), tried, number)

        # Each step takes time, and most boards have few blocks.
        return r.branch(size < 1024, SHORT_STEPS, SEARCH_STEPS).fold(0, step_on)

    # RethinkDB counts an array by going through it, so it is counted once.
    return starts.count().do(find_last)


def build_sort_key(board: Row, position: RankPosition) -> SortKey:
    """Return the sort key of a rank position in the board's order."""
    score = position.score if board["order"] == "asc" else -position.score
    return [score, position.reached_at, position.player]


def season_bounds(board: Any, season: Any) -> tuple[SortKey, SortKey]:
    """Return what is before and after all of a season's keys in the indexes of ranked players."""
    return [board, season, r.minval], [board, season, r.maxval]
