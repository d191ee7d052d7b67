"""Reading stretches of a ranking, and who is before them, each in one query.

RethinkDB counts by reading all that it counts. So on a large board, whoever is before is counted
from the beginning of a block on (blocks.py), whose document knows how many are before that.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

from leaderboardapp.domain.types import BOARD_DEFAULTS, MAX_SCORE, RANKINGS, RankPosition, Row
from leaderboardapp.stores.rethinkdb.connection import CompiledFunction, r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.schema import INTERNAL_FIELDS

SortKey = list[Any]  # in an order: the score or its negative, when it was reached, the player
FIRST_KEY: SortKey = [-MAX_SCORE - 1, -1, ""]
ONE_BLOCK = {"places": [FIRST_KEY], "before": [0], "scores": [0]}  # of everybody
SEARCH_STEPS = [
    2**power for power in reversed(range(17))
]  # 100,000 items, an array's most, are fewer


class Ranking:
    """The queries are built once, because the driver takes longer to build them than the server
    to answer. In them, `here` is a place with board and season before it, as an index has it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.boards, self.players = database.boards, database.players
        self.blocks, self.deleted = database.blocks, database.deleted
        reads = {
            "page": self.build_page,
            "around": self.build_window,
            "nobody": self.build_empty_window,
        }
        self.queries = {
            (read, ranking): CompiledFunction(self.add_counts(reads[read], ranking))
            for read, ranking in product(reads, RANKINGS)
        }

    def select_top(self, board: Any) -> Any:
        """The documents of the best, which may be changed."""
        index = r.branch(board["order"].default("desc").eq("asc"), "asc", "desc")
        least, most = season_bounds(board["id"], board["season"].default(1))
        rows = self.players.between(least, most, index=index).order_by(index=index)
        return rows.limit(board["size"].default(BOARD_DEFAULTS["size"]))

    def read_top(self, board: Any) -> Any:
        return self.select_top(board).without(*INTERNAL_FIELDS).coerce_to("array")

    def read_window(
        self, board: Row, limit: int, key: RankPosition | None, player: str | None
    ) -> Row:
        """A page after the key; or, of a window around the player, whose key it is, those
        `above`, the nearest first, and those `below`. With it what else Window has."""
        others = "around" if limit > 1 else "nobody"
        query = self.queries[others if player else "page", board["ranking"]]
        place = sort_key(board, key) if key else FIRST_KEY
        row: Row = self.database.run(r.do(board["id"], board["order"], place, limit, player, query))
        return row

    def add_counts(self, read: Callable[..., Any], ranking: str) -> Callable[..., Any]:
        def query(board: Any, order: Any, place: Any, limit: Any, player: Any) -> Any:
            # The running season: whoever asks may have read the board long ago.
            return (
                self.boards.get(board)["season"]
                .default(1)
                .do(
                    lambda season: read(
                        order, r.expr([board, season]).add(place), limit, player
                    ).do(
                        lambda found: (
                            found["first"]
                            .ne(None)
                            .branch(
                                found.merge(self.count_before(order, ranking, found["first"])),
                                found,
                            )
                            .without("first", *({part: INTERNAL_FIELDS} for part in WINDOW_PARTS))
                        )
                    )
                )
            )

        return query

    def build_page(self, order: Any, here: Any, limit: Any, _: Any) -> Any:
        rows = self.read_below(order, here, limit)
        return rows.do(lambda rows: {"below": rows, "first": rows.nth(0)[order].default(None)})

    def build_window(self, order: Any, here: Any, limit: Any, player: Any) -> Any:
        """As many on either side; but if the best or the worst are near, more on the other one."""
        others = limit - 1

        def but(rows: Any) -> Any:
            """The player may be on the move, and then be met in another place."""
            return rows.filter(lambda row: row["player"].ne(player))

        def window(above: Any, below: Any) -> Any:
            missing = others - above.count()
            more = but(self.read_below(order, here, missing))
            return {
                "above": above,
                "below": r.branch(below.count() < missing, more, below),
                "first": above.nth(-1)[order].default(here),
            }

        return but(self.read_below(order, here, (limit / 2).floor())).do(
            lambda below: but(self.read_above(order, here, others - below.count())).do(
                lambda above: window(above, below)
            )
        )

    def build_empty_window(self, order: Any, here: Any, limit: Any, player: Any) -> Any:
        """The player alone, whose rank is asked for."""
        return r.expr({"first": here})

    def read_below(self, order: Any, here: Any, limit: Any) -> Any:
        """From there on, as an array."""
        end = here.slice(0, 2).append(r.maxval)
        rows = self.players.between(here, end, index=order, left_bound="open")
        return rows.order_by(index=order).limit(limit).coerce_to("array")

    def read_above(self, order: Any, here: Any, limit: Any) -> Any:
        """Backward from there."""
        rows = self.players.between(here.slice(0, 2), here, index=order)
        return rows.order_by(index=r.desc(order)).limit(limit).coerce_to("array")

    def count_before(self, order: Any, ranking: str, here: Any) -> Any:
        score = here.slice(0, 3).add(FIRST_KEY[1:])  # the place before all who have it

        def counted(blocks: Any) -> Any:
            bound = r.branch(blocks.has_fields("since"), self.count_changes(blocks), 0)
            if ranking == "dense":
                return {"better": self.count_better_scores(order, blocks, score), "bound": bound}
            before = {"before": self.count_players(order, blocks, here), "bound": bound}
            if ranking == "competition":
                before["better"] = self.count_players(order, blocks, score)
            return before

        def known(blocks: Any) -> Any:
            fits = is_current(blocks, order, here)
            return fits & blocks["scores"].ne(None) if ranking == "dense" else fits

        blocks = self.blocks.get(here[0])
        return blocks.do(lambda blocks: r.branch(known(blocks), blocks, ONE_BLOCK)).do(counted)

    def count_players(self, order: Any, blocks: Any, here: Any) -> Any:
        """Ranked players before."""

        def from_block(number: Any) -> Any:
            start = here.slice(0, 2).add(blocks["places"].nth(number))
            rows = self.players.between(start, here, index=order)
            return blocks["before"].nth(number) + rows.count()

        return find_block(blocks, here).do(from_block)

    def count_better_scores(self, order: Any, blocks: Any, here: Any) -> Any:
        """Better scores, each counted once."""

        def from_block(number: Any) -> Any:
            start = here.slice(0, 2).add(blocks["places"].nth(number))
            return blocks["scores"].nth(number) + self.count_distinct_scores(order, start, here)

        return find_block(blocks, here).do(from_block)

    def count_distinct_scores(self, order: Any, start: Any, end: Any) -> Any:
        """How many there are from one place's score to before another's. Of all who share the
        first, only one is read, for they may be a million, and in many blocks."""
        after = start.slice(0, 3).append(r.maxval)
        first = self.players.between(start.slice(0, 3), after, index=order).limit(1).count()
        others = self.players.between(after, end.slice(0, 3), index=order)
        number = first + others["score"].distinct().count()
        return r.branch(start[2] < end[2], number, 0)

    def count_changes(self, blocks: Any) -> Any:
        """How many players of the board have changed, or are gone, since they were counted."""
        board, since = blocks["id"], r.epoch_time(blocks["since"] / 1000)
        changed = self.players.between([board, since], [board, r.maxval], index="changed_on")
        return changed.count() + self.count_deletions(board) - blocks["deletions"]

    def count_deletions(self, board: Any) -> Any:
        return self.deleted.get(board)["times"].default(0)


WINDOW_PARTS = ("above", "below")


def is_current(blocks: Any, order: Any, here: Any) -> Any:
    """Blocks of another season or order are of no use."""
    return (blocks["season"].eq(here[1]) & blocks["order"].eq(order)).default(False)


def find_block(blocks: Any, here: Any) -> Any:
    """The number of the block that the place is in: the last that begins there or before."""
    places, place = blocks["places"], here.slice(2)

    def last(size: Any) -> Any:
        # RethinkDB counts an array by going through it, so once.
        def further(number: Any, half: Any) -> Any:
            tried = number + half
            return r.branch((tried < size) & (places.nth(tried) <= place), tried, number)

        # Each step takes its time, and most boards have few blocks.
        return r.branch(size < 1024, SEARCH_STEPS[-10:], SEARCH_STEPS).fold(0, further)

    return places.count().do(last)


def sort_key(board: Row, key: RankPosition) -> SortKey:
    return [key.score if board["order"] == "asc" else -key.score, key.reached_at, key.player]


def season_bounds(board: Any, season: Any) -> tuple[SortKey, SortKey]:
    """What is before and after all keys of a season in the indexes of ranked players."""
    return [board, season, r.minval], [board, season, r.maxval]
