"""Ranks on large boards: a board's ranking in blocks of some thousand players.

RethinkDB counts by reading all that it counts. So each block's document says how many players are
before it, and a rank is that number and a count within one block. Nothing is atomic across
documents, so the numbers are those of a moment that the document names, and a rank may be off by
as many players as have changed since.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any

from leaderboardapp.stores.base import MAX_SCORE, Count, Key, Row
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.tables import UNSHOWN, row_id

BLOCK = 1_000  # players in a new block
MOST = 2 * BLOCK  # in one that is split
BLOCKS_AT_ONCE = 50  # counted, and kept, in one query; and split off in one round

ORDERS = ("desc", "asc")
Place = list[Any]  # as in an index of ranked players: score or its negative, when reached, player
FIRST: Place = [-MAX_SCORE - 1, -1, ""]
Block = tuple[Place, int]  # where it begins, how many players are in it


class Blocks:
    """`run` runs a query, `position` is the store's mark in the order of changes.

    What is read often is built once, because the driver takes longer to build it than the server
    to answer."""

    def __init__(self, run: Callable[[Any], Any], position: Callable[[], int]) -> None:
        self.run, self.position = run, position
        self.boards, self.players, self.blocks = map(r.table, ("boards", "players", "blocks"))
        self.deleted = r.table("deleted")
        self.pages = {each: self.paging(*each) for each in product(ORDERS, (False, True))}
        self.count = {order: self.counting(order) for order in ORDERS}
        self.count_scores = {order: self.counting_scores(order) for order in ORDERS}

    def page(
        self,
        board: Row,
        limit: int,
        after: Key | None = None,
        backward: bool = False,
        season: int | None = None,
    ) -> list[Row]:
        """Documents as Store.page tells, of the running season, or of another."""
        page = self.pages[board["order"], backward]
        place = place_of(board, after) if after else FIRST
        rows: list[Row] = self.run(r.do(board["id"], season, place, limit, page))
        return rows

    def count_before(self, board: Row, key: Key) -> Count:
        """How many ranked players are before the key."""
        count = self.count[board["order"]]
        return Count(**self.run(r.do(board["id"], place_of(board, key), count)))

    def count_scores_before(self, board: Row, score: int) -> Count:
        """By reading every better player: there are no blocks of scores."""
        count = self.count_scores[board["order"]]
        return Count(self.run(r.do(board["id"], place_of(board, Key(score)), count)))

    def paging(self, order: str, backward: bool) -> Any:
        def page(board: Any, season: Any, place: Any, limit: Any) -> Any:
            season = r.branch(season.eq(None), self.season(board), season)
            here = r.expr([board, season]).add(place)
            least, most = season_ends(board, season)
            # Excluding the ends, which are the place itself and what no index holds.
            ends = (least, here) if backward else (here, most)
            rows = self.players.between(*ends, index=order, left_bound="open")
            ordered = rows.order_by(index=r.desc(order) if backward else order).limit(limit)
            return ordered.without(*UNSHOWN).coerce_to("array")

        return r.ast.Func(page)

    def counting(self, order: str) -> Any:
        def count(board: Any, place: Any) -> Any:
            return self.season(board).do(lambda season: count_in(board, season, place))

        def count_in(board: Any, season: Any, place: Any) -> Any:
            here = r.expr([board, season]).add(place)
            first = self.between(order, season_ends(board, season)[0], here)
            blocks = self.blocks.between(
                [board, season, order, r.minval],
                r.expr([board, season, order]).add(place),
                index="place",
                right_bound="closed",
            )

            def with_block(block: Any) -> Any:
                start = r.expr([board, season]).add(block["place"])
                number = block["before"] + self.between(order, start, here).count()
                return {"number": number, "bound": self.changed(board, block)}

            own = blocks.order_by(index=r.desc("place")).limit(1).nth(0)
            return own.do(with_block).default({"number": first.count(), "bound": 0})

        return r.ast.Func(count)

    def counting_scores(self, order: str) -> Any:
        def count(board: Any, place: Any) -> Any:
            season = self.season(board)
            here = r.expr([board, season]).add(place)
            rows = self.between(order, season_ends(board, season)[0], here)
            return rows["score"].distinct().count()

        return r.ast.Func(count)

    def season(self, board: Any) -> Any:
        """The running one: whoever asks may have read the board long ago."""
        return self.boards.get(board)["season"].default(1)

    def changed(self, board: Any, block: Any) -> Any:
        """How many players of the board have changed, or are gone, since the block was counted."""
        since = r.epoch_time(block["since"] / 1000)
        changed = self.players.between([board, since], [board, r.maxval], index="changed_on")
        return changed.count() + self.deletions(board) - block["deletions"]

    def deletions(self, board: Any) -> Any:
        return self.deleted.get(board)["times"].default(0)

    def round(self, board: Row) -> bool:
        """Count a large board's blocks anew, and split some of those that have grown; True if
        there are more of them."""
        # Before anything is counted.
        since, deletions = self.position(), self.run(self.deletions(board["id"]))
        counted = list(self.counted(board, self.places(board)))
        if sum(count for *_, count in counted) <= MOST:
            self.forget(board, 0)
            return False
        blocks = list(_merged(self.split(board, counted)))
        self.keep(board, blocks, {"since": since, "deletions": deletions})
        return any(count > MOST for _, count in blocks)

    def places(self, board: Row) -> list[Place]:
        """Where the blocks begin."""
        kind = _kind(board)
        rows = self.blocks.between([*kind, r.minval], [*kind, r.maxval], index="place")
        return self.run(rows.order_by(index="place")["place"]) or [FIRST]

    def counted(self, board: Row, places: list[Place]) -> Iterator[tuple[Place, Place, int]]:
        """Each block's beginning and end, and how many players are between."""
        pairs = list(zip(places, [*places[1:], [r.maxval]], strict=True))
        for begin in range(0, len(pairs), BLOCKS_AT_ONCE):
            some = pairs[begin : begin + BLOCKS_AT_ONCE]
            counts = self.run(r.expr([self.block(board, *pair).count() for pair in some]))
            for pair, count in zip(some, counts, strict=True):
                yield *pair, count

    def split(self, board: Row, counted: Iterable[tuple[Place, Place, int]]) -> Iterator[Block]:
        """The blocks, and in place of those that have grown, some of BLOCK players and the rest."""
        left = BLOCKS_AT_ONCE
        for start, end, count in counted:
            while count > MOST and left:
                yield start, BLOCK
                start, count, left = self.next(board, start, end), count - BLOCK, left - 1
            yield start, count

    def next(self, board: Row, start: Place, end: Place) -> Place:
        """The place that is BLOCK players further on."""
        rows = self.block(board, start, end).order_by(index=board["order"])
        row = self.run(rows.nth(BLOCK).pluck("score", "reached_at", "player"))
        return place_of(board, Key(**row))

    def keep(self, board: Row, blocks: list[Block], counted: Row) -> None:
        documents, before = [], 0
        for number, (place, count) in enumerate(blocks):
            id = row_id(board["id"], str(number))
            kind = {"board": board["id"], "season": board["season"], "order": board["order"]}
            block = {"id": id, "number": number, "place": place, "before": before}
            documents.append({**kind, **block, **counted})
            before += count
        for begin in range(0, len(documents), BLOCKS_AT_ONCE):
            some = documents[begin : begin + BLOCKS_AT_ONCE]
            # They can be made anew, so they need not be on disk.
            self.run(self.blocks.insert(some, conflict="replace", durability="soft"))
        self.forget(board, len(documents))

    def forget(self, board: Row, number: int) -> None:
        """All blocks from this number on."""
        rest = self.blocks.between([board["id"], number], [board["id"], r.maxval], index="board")
        self.run(rest.delete(durability="soft"))

    def block(self, board: Row, start: Place, end: Place) -> Any:
        """The ranked players from one place to another."""
        season = [board["id"], board["season"]]
        return self.between(board["order"], [*season, *start], [*season, *end])

    def between(self, order: str, start: Any, end: Any) -> Any:
        return self.players.between(start, end, index=order)


def place_of(board: Row, key: Key) -> Place:
    return [key.score if board["order"] == "asc" else -key.score, key.reached_at, key.player]


def season_ends(board: Any, season: Any) -> tuple[Place, Place]:
    """What is before and after all keys of a season in the indexes of ranked players."""
    return [board, season, r.minval], [board, season, r.maxval]


def _kind(board: Row) -> list[Any]:
    """Blocks of another season or order are of no use."""
    return [board["id"], board["season"], board["order"]]


def _merged(blocks: Iterable[Block]) -> Iterator[Block]:
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
