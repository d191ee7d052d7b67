"""Rank blocks: a large board's ranking in pieces of some thousand players, with their counts.

The rank of a player is the sum of the blocks before, and a count within one block
(rank_counts.py). Triggers keep the counts (migrations/frozen). This module splits blocks that have
grown. A block's column `place` is the sort key of its first player (statements.py).
"""

from typing import Any

from django.db import connection
from django.db.models import F, QuerySet

from leaderboardapp.domain.types import MAX_SCORE, Row
from leaderboardapp.stores.sql.models import BlockRow, ChangeRow
from leaderboardapp.stores.sql.sources import Source, choose, read_from_each, season_values
from leaderboardapp.stores.sql.statements import POSITION, read

BLOCK = 1_000  # players in a new block, or, with dense ranking, scores
MOST = 2 * BLOCK  # a block with more is split
# Blocks are smaller where to count a player takes long, compared with the sum of all blocks.
SIZES = {"sqlite": 1.0, "postgresql": 0.5}
BLOCKS_AT_ONCE = 50  # split off in one transaction, for which other writers wait
LEAST_SORT_KEY = -MAX_SCORE - 1


def scores_from(source: Source) -> str:
    """Return the clause for the different scores from `own.place` on, each found by one search of
    the index, however many players share it."""
    first = source.least("{sort_key} >= (SELECT place FROM own)")
    following = source.least("{sort_key} > scores.place")
    return f"""
    scores(place) AS (
        SELECT {first}
        UNION ALL
        SELECT {following} FROM scores WHERE scores.place < %(sort_key)s
    )"""


def scores_between(source: Source, low: str, high: str) -> str:
    """Return an expression that counts the different scores from `low` to before `high`.

    Players are read one after the other, unless they are many and share few scores. Then each score
    is found as in scores_from."""
    between = f"{{sort_key}} >= {low} AND {{sort_key}} < {high}"
    return f"""coalesce(
        CASE WHEN {source.count_up_to(MOST + 1, between)} > {MOST} THEN
            nullif((
                WITH RECURSIVE between_both(place) AS (
                    SELECT {source.least(f"{{sort_key}} >= {low}")}
                    UNION ALL
                    SELECT {source.least("{sort_key} > between_both.place")}
                    FROM between_both WHERE place < {high}
                )
                SELECT count(*) FROM (
                    SELECT 1 FROM between_both WHERE place < {high} LIMIT {MOST + 1}
                ) AS limited
            ), {MOST + 1})
        END,
        {source.count_scores(between)}
    )"""


# How many players, or scores, are ranked.
_COUNT_ALL = """
    SELECT coalesce((
        SELECT sum(count) FROM block WHERE board_id = %(board)s AND season = %(season)s
    ), {counted})"""
COUNT_PLAYERS = read_from_each(lambda source: _COUNT_ALL.format(counted=source.count_players()))
COUNT_SCORES = read_from_each(
    lambda source: _COUNT_ALL.format(
        counted=scores_between(source, str(LEAST_SORT_KEY), str(MAX_SCORE + 1))
    )
)
# Where new blocks begin: every %(step)s players, or scores.
_STARTS = """SELECT place, reached_at, player FROM (
            SELECT place, reached_at, player, row_number() OVER () AS number FROM (
                {players}
            ) AS limited
        ) AS numbered WHERE number > 1 AND (number - 1) %% %(step)s = 0 ORDER BY number"""
STARTS = read_from_each(
    lambda source: _STARTS.format(
        players=source.page(
            "{sort_key} AS place, reached_at, player",
            f"({{sort_key}}, reached_at, player) >= {POSITION}",
        )
    )
)
SCORE_STARTS = read_from_each(
    lambda source: (
        f"""WITH RECURSIVE own(place) AS (SELECT %(first)s), {scores_from(source)},
        numbered AS (
            SELECT place, row_number() OVER () AS number FROM (
                SELECT place FROM scores WHERE place IS NOT NULL LIMIT %(limit)s
            ) AS limited
        )
        SELECT place, -1, '' FROM numbered
        WHERE number > 1 AND (number - 1) %% %(step)s = 0 ORDER BY number"""
    )
)
FULLEST = """
    SELECT max(count) FROM block WHERE board_id = %(board)s AND season = %(season)s
"""


def block_size() -> int:
    """Return how many a new block has in this database."""
    return int(BLOCK * SIZES[connection.vendor])


def most_in_block() -> int:
    """Return with how many a block is not yet split in this database."""
    return int(MOST * SIZES[connection.vendor])


def is_balanced(board: Row) -> bool:
    """Return whether no block has grown so much that it is to be split."""
    [[fullest]] = read(FULLEST, season_values(board))
    return (count_all(board) if fullest is None else fullest) <= most_in_block()


def balance(board: Row) -> None:
    """Split the fullest block, or without blocks begin with a single one. The caller holds a
    transaction on the board."""
    blocks = _select(board)
    fullest = blocks.order_by("-count").first()
    if fullest is None:
        # A writer whose snapshot does not show the new block has to begin its transaction anew.
        ChangeRow.objects.filter(board=board["id"]).update(seq=F("seq"))
        count = count_all(board)
        _new_block(board, LEAST_SORT_KEY, -1, "", count).save()
        return
    size = block_size()
    number = min(BLOCKS_AT_ONCE, (fullest.count - 1) // size)
    starts = _find_starts(board, fullest, number)
    if len(starts) < number:  # the block has counted too many (models.BlockRow)
        blocks.delete()
        return
    new = [_new_block(board, place, at, player, size) for place, at, player in starts]
    rest = fullest.count - size * len(new)
    fullest.count, new[-1].count = size, rest
    fullest.save()
    BlockRow.objects.bulk_create(new)
    _merge(board)


def count_all(board: Row) -> int:
    """Return how many players are ranked, or with dense ranking how many scores. Blocks know it;
    without them all are counted."""
    statement = COUNT_SCORES if is_dense(board) else COUNT_PLAYERS
    [[count]] = read(choose(statement, board), season_values(board))
    return int(count)


def is_dense(board: Row) -> bool:
    """Return whether blocks count scores."""
    return bool(board["ranking"] == "dense")


def _select(board: Row) -> QuerySet[BlockRow]:
    return BlockRow.objects.filter(board_id=board["id"], season=board["season"])


def _new_block(board: Row, place: int, reached_at: int, player: str, count: int) -> BlockRow:
    return BlockRow(
        board_id=board["id"],
        season=board["season"],
        place=place,
        reached_at=reached_at,
        player=player,
        count=count,
    )


def _merge(board: Row) -> None:
    """Join small neighbours, so that blocks do not become more and more while players move on."""
    previous: BlockRow | None = None
    for block in _select(board).order_by("place", "reached_at", "player"):
        if previous and previous.count + block.count <= block_size():
            previous.count += block.count
            previous.save()
            block.delete()
        else:
            previous = block


def _find_starts(board: Row, block: BlockRow, number: int) -> list[tuple[Any, ...]]:
    """Return where so many new blocks begin, each a block further on than the one before."""
    size = block_size()
    values = {**season_values(board), "step": size, "limit": number * size + 1}
    if is_dense(board):
        scores = {"first": block.place, "sort_key": MAX_SCORE + 1}
        return read(choose(SCORE_STARTS, board), {**values, **scores})
    first = {"sort_key": block.place, "reached_at": block.reached_at, "player": block.player}
    return read(choose(STARTS, board), {**values, **first})
