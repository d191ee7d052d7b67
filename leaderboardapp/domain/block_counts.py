"""Count what is before many positions, by blocks whose counts are known.

Positions cut blocks into gaps. All gaps of a block are counted but one, because how many are in the
block is known. The one that is left out is the widest, which likely has the most in it.

Where a count takes long, only so many gaps are counted, from the best block on. What is before a
key in another block is estimated.

A key is a rank position as it is sorted: the score or its negative, when the score was reached, the
player.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple

Key = tuple[int, int, str]
Gap = tuple[Key, Key]
"""From the first key to before the second."""


class Block(NamedTuple):
    """A rank block: where it begins and ends, and how many are before each."""

    start: Key
    end: Key
    before: int
    before_end: int | None  # None: not known


class CutBlock:
    """A block that is cut by keys in it."""

    def __init__(self, block: Block, cuts: list[Key]) -> None:
        """Cut the block by these keys, which are sorted. `gaps` are those that are to be
        counted."""
        self.block, self.cuts = block, cuts
        self.gaps: list[Gap] = [*pairwise([block.start, *cuts, block.end])]
        widths = [high[0] - low[0] for low, high in self.gaps]
        self.left_out = widths.index(max(widths))
        if block.before_end is None:
            self.left_out = len(cuts)
        del self.gaps[self.left_out]

    def count_before(self, sizes: Iterator[int]) -> Iterator[tuple[Key, int]]:
        """Yield each key that cuts the block with the count before it. `sizes` begin with those of
        the gaps."""
        counted = [next(sizes) for _ in self.gaps]
        below, above = counted[: self.left_out], counted[self.left_out :]
        from_start = [*accumulate(below, initial=self.block.before)][1:]
        from_end = [*accumulate(reversed(above))][::-1]
        end = self.block.before_end or 0
        before = [*from_start, *(end - count for count in from_end)]
        yield from zip(self.cuts, before, strict=True)

    def estimate_before(self) -> Iterator[tuple[int, int]]:
        """Yield, for each key that cuts the block, an estimate of the count before it, and how far
        off that may be. Players are taken to be spread evenly over the block's scores."""
        first, last = self.block.before, self.block.before_end
        size = (last or first) - first
        start, end = self.block.start[:2], self.block.end[:2]
        axis = 0 if start[0] < end[0] else 1
        width = max(1, end[axis] - start[axis])
        for index, key in enumerate(self.cuts):
            # Each key but the last is that of a player in the block. The last one's may be beyond.
            least = first + index
            most = max(least, first + size - (len(self.cuts) - 1 - index))
            by_score = first + size * (key[:2][axis] - start[axis]) // width
            estimate = max(least, min(by_score, most))
            yield estimate, max(estimate - least, most - estimate)


class Counts(NamedTuple):
    before: list[int]  # each of the keys
    bound: int  # how far off they may be, because some are estimates


def count_before_each(
    blocks: Sequence[Block],
    keys: Sequence[Key],
    count_in_gaps: Callable[[list[Gap]], Sequence[int]],
    most_gaps: int | None = None,
) -> Counts:
    """Return how many are before each key. The blocks are sorted, and hold all keys. `most_gaps` is
    after how many no further block is counted whose own count is known."""
    starts = [block.start for block in blocks]
    by_block = groupby(sorted({*keys}), lambda key: bisect_right(starts, key) - 1)
    cut_blocks = [CutBlock(blocks[number], [*cuts]) for number, cuts in by_block]
    exact, others = _choose_exact(cut_blocks, most_gaps)
    gaps = [gap for cut in exact for gap in cut.gaps]
    counts = iter(count_in_gaps([(low, high) for low, high in gaps if low < high]))
    sizes = (next(counts) if low < high else 0 for low, high in gaps)  # the others are empty
    before = {key: count for cut in exact for key, count in cut.count_before(sizes)}
    bound = 0
    for cut in others:
        for key, (estimate, off_by) in zip(cut.cuts, cut.estimate_before(), strict=True):
            before[key], bound = estimate, max(bound, off_by)
    return Counts([before[key] for key in keys], bound)


def _choose_exact(
    cut_blocks: list[CutBlock], most_gaps: int | None
) -> tuple[list[CutBlock], list[CutBlock]]:
    """Return the blocks whose gaps are to be counted, and the others."""
    exact: list[CutBlock] = []
    others: list[CutBlock] = []
    left = most_gaps
    for cut in cut_blocks:
        if left is None or left >= len(cut.gaps) or cut.block.before_end is None:
            exact.append(cut)
            left = None if left is None else left - len(cut.gaps)
        else:
            others.append(cut)
            left = 0  # so that all players up to some rank have exact ones
    return exact, others
