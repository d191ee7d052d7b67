"""Ranks on large boards: a board's ranking in blocks of some thousand players.

Each board has one document, of where its blocks begin and how many players are before each, and
with dense ranking, how many better scores. A rank is that number and a count within one block
(windows.py). Nothing is atomic across documents, so the numbers are those of a moment that the
document names, and a rank may be off by as many players as have changed since.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, pairwise
from typing import Any

from leaderboardapp.domain.types import Row
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.ranking import FIRST_KEY, Ranking, SortKey, is_current

BLOCK = 1_000  # players in a new block
MOST = 2 * BLOCK  # in one that is split
BLOCKS_AT_ONCE = 50  # counted in one query; and split off in one round
SCORES_AT_ONCE = 10  # blocks whose scores are counted, which takes longer

Block = tuple[SortKey, int]  # where it begins, how many players are in it


class RankBlocks:
    """`position` is the store's mark in the order of changes."""

    def __init__(self, database: Database, ranking: Ranking, position: Callable[[], int]) -> None:
        self.database, self.ranking, self.position = database, ranking, position
        self.players, self.blocks = database.players, database.blocks

    def balance(self, board: Row) -> bool:
        """Count a large board's blocks anew, and split some of those that have grown; True if
        there are more of them."""
        # Before anything is counted.
        since, deletions = (
            self.position(),
            self.database.run(self.ranking.count_deletions(board["id"])),
        )
        counted = list(self.count_players(board, self.read_starts(board)))
        if sum(count for *_, count in counted) <= MOST:
            self.delete(board)
            return False
        blocks = list(_merge_small(self.split_blocks(board, counted)))
        more = any(count > MOST for _, count in blocks)
        document = {
            "id": board["id"],
            "season": board["season"],
            "order": board["order"],
            "since": since,
            "deletions": deletions,
            "places": [place for place, _ in blocks],
            "before": list(accumulate((count for _, count in blocks), initial=0))[:-1],
            # A large block may have more scores than RethinkDB can tell apart.
            "scores": None
            if more
            else self.count_better_scores(board, [place for place, _ in blocks]),
        }
        # They can be made anew, so they need not be on disk.
        self.database.run(self.blocks.insert(document, conflict="replace", durability="soft"))
        return more

    def read_starts(self, board: Row) -> list[SortKey]:
        """Where the blocks begin."""
        fits = is_current(self.blocks.get(board["id"]), board["order"], r.expr(_key_prefix(board)))
        places: list[SortKey] = self.database.run(
            r.branch(fits, self.blocks.get(board["id"])["places"], [FIRST_KEY])
        )
        return places

    def count_players(
        self, board: Row, places: list[SortKey]
    ) -> Iterator[tuple[SortKey, SortKey, int]]:
        """Each block's beginning and end, and how many players are between. Nobody needs to know
        how many are in the last one, which at first is everybody: to count a million takes longer
        than a query may take."""
        pairs = list(pairwise([*places, [r.maxval]]))
        enough = (BLOCKS_AT_ONCE + 1) * BLOCK + MOST + 1  # too many to be split in one round

        def count(start: SortKey, end: SortKey) -> Any:
            rows = self.select_players(board, start, end)
            return (rows.limit(enough) if end == [r.maxval] else rows).count()

        for pair, number in zip(
            pairs, self.run_in_pieces(pairs, BLOCKS_AT_ONCE, count), strict=True
        ):
            yield *pair, number

    def count_better_scores(self, board: Row, places: list[SortKey]) -> list[int] | None:
        """With dense ranking: how many better scores there are than each block's first."""
        if board["ranking"] != "dense":
            return None

        def between(start: SortKey, end: SortKey) -> Any:
            keys = ([*_key_prefix(board), *place] for place in (start, end))
            return self.ranking.count_distinct_scores(board["order"], *map(r.expr, keys))

        numbers = self.run_in_pieces(list(pairwise(places)), SCORES_AT_ONCE, between)
        return list(accumulate(numbers, initial=0))

    def run_in_pieces(
        self,
        pairs: list[tuple[SortKey, SortKey]],
        at_once: int,
        number: Callable[[SortKey, SortKey], Any],
    ) -> Iterator[int]:
        """The number of each, so many in one query."""
        for begin in range(0, len(pairs), at_once):
            some = pairs[begin : begin + at_once]
            yield from self.database.run(r.expr([number(*pair) for pair in some]))

    def split_blocks(
        self, board: Row, counted: Iterable[tuple[SortKey, SortKey, int]]
    ) -> Iterator[Block]:
        """The blocks, and in place of those that have grown, some of BLOCK players and the rest."""
        left = BLOCKS_AT_ONCE
        for start, end, count in counted:
            while count > MOST and left:
                yield start, BLOCK
                start, count, left = self.find_split_key(board, start, end), count - BLOCK, left - 1
            yield start, count

    def find_split_key(self, board: Row, start: SortKey, end: SortKey) -> SortKey:
        """The place that is BLOCK players further on."""
        rows = self.select_players(board, start, end).order_by(index=board["order"])
        place: SortKey = self.database.run(rows[board["order"]].nth(BLOCK))[2:]
        return place

    def delete(self, board: Row) -> None:
        self.database.run(self.blocks.get(board["id"]).delete(durability="soft"))

    def select_players(self, board: Row, start: SortKey, end: SortKey) -> Any:
        """The ranked players from one place to another."""
        season = _key_prefix(board)
        return self.players.between([*season, *start], [*season, *end], index=board["order"])


def _key_prefix(board: Row) -> list[Any]:
    """What the places of the running season begin with in an index."""
    return [board["id"], board["season"]]


def _merge_small(blocks: Iterable[Block]) -> Iterator[Block]:
    """With neighbours joined that have become small."""
    last: Block | None = None
    for block in blocks:
        if last and last[1] + block[1] <= BLOCK:
            last = last[0], last[1] + block[1]
            continue
        if last:
            yield last
        last = block
    if last:
        yield last
