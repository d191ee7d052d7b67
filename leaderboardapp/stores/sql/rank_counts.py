"""How many ranked players are before a position, by the blocks of rank_blocks.py; with dense
ranking, how many scores.

Ranks and all that goes with them are such counts (domain/ranking.py). A single one is one
statement. Many are two, however many there are: the blocks, and the players between positions.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from leaderboardapp.domain import block_counts
from leaderboardapp.domain.block_counts import Block, Gap, Key
from leaderboardapp.domain.types import (
    LAST_MOMENT,
    MAX_SCORE,
    RankPosition,
    Row,
    last_position,
)
from leaderboardapp.stores.sql.rank_blocks import (
    LEAST_SORT_KEY,
    count_all,
    is_dense,
    scores_between,
    scores_from,
)
from leaderboardapp.stores.sql.sources import (
    Source,
    choose,
    read_from_each,
    season_values,
)
from leaderboardapp.stores.sql.statements import (
    ELEMENTS,
    POSITION,
    build_sort_key,
    position_values,
    read,
    read_elements,
)

# The block that holds the position; without blocks, one that begins before the first player. Then
# `of`, which is the sum of all blocks, is null.
_OWN = f"""
    own AS (
        SELECT place, reached_at, player, count FROM (
            SELECT place, reached_at, player, count FROM block
            WHERE board_id = %(board)s AND season = %(season)s
                AND (place, reached_at, player) <= {POSITION}
            ORDER BY place DESC, reached_at DESC, player DESC LIMIT 1
        ) AS last
        UNION ALL SELECT {LEAST_SORT_KEY}, -1, '', 0
        WHERE NOT EXISTS (SELECT 1 FROM block WHERE board_id = %(board)s AND season = %(season)s)
    ),
    blocks AS (
        SELECT coalesce(sum(count) FILTER (WHERE (place, reached_at, player) <= {POSITION}), 0)
                - (SELECT count FROM own) AS before,
            sum(count) AS of_all
        FROM block WHERE board_id = %(board)s AND season = %(season)s
    )"""
COUNT_SCORES_BEFORE = read_from_each(
    lambda source: (
        f"""WITH {_OWN}
        SELECT (SELECT before FROM blocks) + {scores_between(source, "own.place", "%(sort_key)s")},
            (SELECT of_all FROM blocks) FROM own"""
    )
)
BLOCKS = """
    SELECT place, reached_at, player, count FROM block
    WHERE board_id = %(board)s AND season = %(season)s ORDER BY place, reached_at, player
"""
# The gaps in which players, or scores, are counted.
_GAP = f"""
    gap AS MATERIALIZED (
        SELECT CAST(value ->> 0 AS bigint) AS number, CAST(value ->> 1 AS bigint) AS low,
            CAST(value ->> 2 AS bigint) AS low_at, value ->> 3 AS low_player,
            CAST(value ->> 4 AS bigint) AS high, CAST(value ->> 5 AS bigint) AS high_at,
            value ->> 6 AS high_player
        FROM {ELEMENTS}
    )"""
# Most players of a gap have a score between those of its ends. To compare only scores takes SQLite
# about half the time.
_AFTER_LOW = "{sort_key} = gap.low AND (reached_at, player) >= (gap.low_at, gap.low_player)"
_BETWEEN = "{sort_key} > gap.low AND {sort_key} < gap.high"
_BEFORE_HIGH = "{sort_key} = gap.high AND (reached_at, player) < (gap.high_at, gap.high_player)"


def count_in_gap(source: Source) -> str:
    """Return an expression for how many players are in the gap.

    Those with the sort keys of its ends are counted apart. A search of the index goes by no column
    after one that is a range, so it would read all who share a sort key: everybody, when a season
    has just begun."""
    return f"""
        CASE WHEN gap.low = gap.high
            THEN {source.count_players(f"{_AFTER_LOW} AND {_BEFORE_HIGH}")}
            ELSE {source.count_players(_AFTER_LOW)} + {source.count_players(_BETWEEN)}
                + {source.count_players(_BEFORE_HIGH)}
        END"""


COUNT_BEFORE = read_from_each(
    lambda source: (
        f"""WITH {_OWN}, gap (low, low_at, low_player, high, high_at, high_player) AS (
            SELECT place, reached_at, player, %(sort_key)s, %(reached_at)s, %(player)s FROM own
        )
        SELECT (SELECT before FROM blocks) + {count_in_gap(source)}, (SELECT of_all FROM blocks)
        FROM gap"""
    )
)
COUNT_IN_GAPS = read_from_each(
    lambda source: f"WITH {_GAP} SELECT number, {count_in_gap(source)} FROM gap"
)
COUNT_SCORES_IN_GAPS = read_from_each(
    lambda source: (
        f"""WITH {_GAP}
        SELECT number, {scores_between(source, "gap.low", "gap.high")} FROM gap"""
    )
)
FIND_WITH_SCORE = read_from_each(
    lambda source: f"SELECT 1 WHERE {source.least('{sort_key} = %(sort_key)s')} IS NOT NULL"
)
# The player, or the score, that so many others are before, from the beginning of a block on.
FIND_PLAYER = read_from_each(
    lambda source: source.page(
        "{sort_key}, reached_at, player",
        f"({{sort_key}}, reached_at, player) >= {POSITION}",
        limit="1",
        offset="%(skipped)s",
    )
)
FIND_SCORE = read_from_each(
    lambda source: (
        f"""WITH RECURSIVE own(place) AS (SELECT %(first)s), {scores_from(source)}
        SELECT place, {LAST_MOMENT}, '' FROM scores
        WHERE place IS NOT NULL LIMIT 1 OFFSET %(skipped)s"""
    )
)


def count_before(board: Row, position: RankPosition) -> tuple[int, int | None]:
    """Return how many are before the position, and how many there are, if there are blocks."""
    statement = COUNT_SCORES_BEFORE if is_dense(board) else COUNT_BEFORE
    [[count, of]] = read(choose(statement, board), position_values(board, position))
    return int(count), None if of is None else int(of)


def count_before_each(board: Row, positions: Iterable[RankPosition]) -> tuple[list[int], int]:
    """Return how many are before each position, and how many there are."""
    blocks, of = _read_blocks(board)
    keys = [_to_key(board, position) for position in positions]
    counts = block_counts.count_before_each(blocks, keys, lambda gaps: _count_in_gaps(board, gaps))
    return counts.before, of


def is_taken(board: Row, score: int) -> bool:
    """Return whether a ranked player has the score."""
    values = {**season_values(board), "sort_key": build_sort_key(board, score)}
    return bool(read(choose(FIND_WITH_SCORE, board), values))


def find_before_rank(board: Row, rank: int) -> RankPosition | None:
    """Return the position after which the players come whose rank is at least `rank`; None if these
    are all players."""
    if rank == 1:
        return None
    (blocks, of), index = _read_blocks(board), rank - 2  # of the last one that is left out
    if index >= of:
        return last_position(board)
    number = bisect_right([block.before for block in blocks], index) - 1
    found = _find_in_block(board, blocks[number], index - blocks[number].before)
    if found is None:
        return last_position(board)
    return found if board["ranking"] == "ordinal" else found._replace(reached_at=LAST_MOMENT)


def _find_in_block(board: Row, block: Block, index: int) -> RankPosition | None:
    """Return the position of the player, or score, that so many of the block are before. None if
    the block has counted too many (models.BlockRow), and nobody comes after."""
    sort_key, reached_at, player = block.start
    values: dict[str, Any] = {**season_values(board), "skipped": index, "first": sort_key}
    if is_dense(board):
        statement, values["sort_key"] = FIND_SCORE, MAX_SCORE + 1
    else:
        statement = FIND_PLAYER
        values |= {"sort_key": sort_key, "reached_at": reached_at, "player": player}
    for sort_key, *rest in read(choose(statement, board), values):
        return RankPosition(build_sort_key(board, sort_key), *rest)
    return None


def _read_blocks(board: Row) -> tuple[list[Block], int]:
    """Read the board's blocks, and how many there are in all. Without blocks, one has everybody."""
    rows = read(BLOCKS, season_values(board)) or [(LEAST_SORT_KEY, -1, "", count_all(board))]
    starts = [*(row[:3] for row in rows), _to_key(board, last_position(board))]
    counts = [*accumulate((row[3] for row in rows), initial=0)]
    return [*map(Block, starts, starts[1:], counts, counts[1:])], counts[-1]


def _to_key(board: Row, position: RankPosition) -> Key:
    return build_sort_key(board, position.score), position.reached_at, position.player


def _count_in_gaps(board: Row, gaps: list[Gap]) -> list[int]:
    if not gaps:
        return []
    numbered = [[number, *low, *high] for number, (low, high) in enumerate(gaps)]
    statement = COUNT_SCORES_IN_GAPS if is_dense(board) else COUNT_IN_GAPS
    counts = read_elements(choose(statement, board), season_values(board), numbered)
    return [count for _, count in sorted(counts)]
