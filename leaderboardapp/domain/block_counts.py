"""Count what is before many positions, by blocks whose counts are known.

Positions cut blocks into gaps. All gaps of a block are counted but one, because how many are in the
block is known. The one that is left out is the widest, which likely has the most in it.

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


def count_before_each(
    blocks: Sequence[Block],
    keys: Sequence[Key],
    count_in_gaps: Callable[[list[Gap]], Sequence[int]],
) -> list[int]:
    """Return how many are before each key. The blocks are sorted, and hold all keys."""
    starts = [block.start for block in blocks]
    by_block = groupby(sorted({*keys}), lambda key: bisect_right(starts, key) - 1)
    cut_blocks = [CutBlock(blocks[number], [*cuts]) for number, cuts in by_block]
    gaps = [gap for cut in cut_blocks for gap in cut.gaps]
    counted = [(low, high) for low, high in gaps if low < high]  # the others are empty
    counts = dict(zip(counted, count_in_gaps(counted), strict=True))
    sizes = (counts.get(gap, 0) for gap in gaps)
    before = {key: count for cut in cut_blocks for key, count in cut.count_before(sizes)}
    return [before[key] for key in keys]
