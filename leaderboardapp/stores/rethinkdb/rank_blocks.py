"""Ranks on large boards: a board's ranking in blocks of some thousand players.

Each board has one document. It says where each block begins (`places`), how many players are
before it (`before`), and with dense ranking how many better scores (`scores`). `of` is how many
there are in all. A rank is such a number and a count within one block (ranking.py).

Nothing is atomic across documents. The numbers are those of the moment `since`, and a rank may be
off by as many players as have changed after it.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from leaderboardapp.domain.types import Row
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.ranked_rows import are_current
from leaderboardapp.stores.rethinkdb.ranking import Ranking
from leaderboardapp.stores.rethinkdb.sort_keys import FIRST_KEY, LAST_KEY, SortKey

BLOCK = 1_000  # players in a new block
MOST = 2 * BLOCK  # players in a block that is not split yet
BLOCKS_AT_ONCE = 50  # counted in one query; and split off in one call of balance()
SCORES_AT_ONCE = 10  # blocks whose scores are counted in one query, which takes longer

Range = tuple[SortKey, SortKey]  # from the first key to before the second


class Block(NamedTuple):
    start: SortKey
    size: int  # players in it


class RankBlocks:
    """The rank blocks of all boards. `position` returns a position in the order of changes."""

    def __init__(self, db: Database, ranking: Ranking, position: Callable[[], int]) -> None:
        self.db, self.ranking, self.position = db, ranking, position

    def balance(self, board: Row) -> bool:
        """Count a large board's blocks anew, and split or merge some. Return whether any are left
        to be split. A small board has no blocks."""
        # Read before anything is counted, so that no later change is missed.
        since = self.position()
        deletions = self.db.run(self.ranking.count_deletions(board["id"]))
        ranges = self._list_ranges(self.read_starts(board))
        sizes = list(self._count_players(board, ranges))
        if sum(sizes) <= MOST:
            self.delete(board)
            return False
        blocks = list(_merge_small(self._split_large(board, zip(ranges, sizes, strict=True))))
        unfinished = any(block.size > MOST for block in blocks)
        starts = [block.start for block in blocks]
        before = [*accumulate((block.size for block in blocks), initial=0)]
        # A large block may have more scores than RethinkDB can tell apart.
        scores = None if unfinished else self._count_better_scores(board, starts)
        document = {
            "id": board["id"],
            "season": board["season"],
            "order": board["order"],
            "since": since,
            "deletions": deletions,
            "places": starts,
            "before": before[:-1],
            "scores": scores and scores[:-1],
            # The last block's size is not known exactly before it is split.
            "of": None if unfinished else (scores or before)[-1],
        }
        # Soft: a lost document is made anew.
        self.db.run(self.db.blocks.insert(document, conflict="replace", durability="soft"))
        return unfinished

    def read_starts(self, board: Row) -> list[SortKey]:
        """Read where the board's blocks begin. Without blocks of this season, one has everybody."""
        document = self.db.blocks.get(board["id"])
        current = are_current(document, board["order"], r.expr(_key_prefix(board)))
        starts: list[SortKey] = self.db.run(r.branch(current, document["places"], [FIRST_KEY]))
        return starts

    def delete(self, board: Row) -> None:
        """Delete the board's blocks."""
        self.db.run(self.db.blocks.get(board["id"]).delete(durability="soft"))

    def select_players(self, board: Row, start: SortKey, end: SortKey) -> Any:
        """Select, as ReQL, the ranked players from one sort key to before another."""
        prefix = _key_prefix(board)
        return self.db.players.between([*prefix, *start], [*prefix, *end], index=board["order"])

    def _list_ranges(self, starts: list[SortKey]) -> list[Range]:
        return list(pairwise([*starts, [r.maxval]]))

    def _count_players(self, board: Row, ranges: list[Range]) -> Iterator[int]:
        """Count the players in each range. The last one, which at first has everybody, is counted
        only up to a limit: to count a million takes longer than a query may take."""
        limit = (BLOCKS_AT_ONCE + 1) * BLOCK + MOST + 1  # more than can be split at once

        def count(start: SortKey, end: SortKey) -> Any:
            rows = self.select_players(board, start, end)
            return (rows.limit(limit) if end == [r.maxval] else rows).count()

        return self._run_for_each(ranges, BLOCKS_AT_ONCE, count)

    def _count_better_scores(self, board: Row, starts: list[SortKey]) -> list[int] | None:
        """Count the scores before each block, and all of them; None without dense ranking."""
        if board["ranking"] != "dense":
            return None

        def count(start: SortKey, end: SortKey) -> Any:
            keys = ([*_key_prefix(board), *sort_key] for sort_key in (start, end))
            return self.ranking.count_distinct_scores(board["order"], *map(r.expr, keys))

        ranges = list(pairwise([*starts, LAST_KEY]))
        numbers = self._run_for_each(ranges, SCORES_AT_ONCE, count)
        return list(accumulate(numbers, initial=0))

    def _run_for_each(
        self, ranges: list[Range], at_once: int, query: Callable[[SortKey, SortKey], Any]
    ) -> Iterator[int]:
        for begin in range(0, len(ranges), at_once):
            piece = ranges[begin : begin + at_once]
            yield from self.db.run(r.expr([query(*bounds) for bounds in piece]))

    def _split_large(self, board: Row, sizes: Iterable[tuple[Range, int]]) -> Iterator[Block]:
        """Yield all blocks. A block that has grown becomes some of BLOCK players, and the rest."""
        left = BLOCKS_AT_ONCE
        for (start, end), size in sizes:
            while size > MOST and left:
                yield Block(start, BLOCK)
                start, size, left = self._find_split(board, start, end), size - BLOCK, left - 1
            yield Block(start, size)

    def _find_split(self, board: Row, start: SortKey, end: SortKey) -> SortKey:
        """Find the sort key that is BLOCK players after `start`."""
        rows = self.select_players(board, start, end).order_by(index=board["order"])
        key = rows.nth(BLOCK).do(lambda row: self.ranking.rows.key(board["order"], row))
        sort_key: SortKey = self.db.run(key)[2:]
        return sort_key


def _key_prefix(board: Row) -> list[Any]:
    """Return what all keys of the running season begin with in an index."""
    return [board["id"], board["season"]]


def _merge_small(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks, with neighbours joined that fit into one."""
    last: Block | None = None
    for block in blocks:
        if last and last.size + block.size <= BLOCK:
            last = Block(last.start, last.size + block.size)
            continue
        if last:
            yield last
        last = block
    if last:
        yield last
