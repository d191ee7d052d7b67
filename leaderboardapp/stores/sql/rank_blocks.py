"""Rank blocks: a large board's ranking in pieces of some thousand players, with their counts.

The rank of a player is the sum of the blocks before, and a count within one block
(rank_counts.py). Triggers keep the counts (migrations/frozen). This module splits blocks that have
grown. A block's column `place` is the sort key of its first player (statements.py).
"""

from typing import Any

from django.db import connection
from django.db.models import F

from leaderboardapp.domain.types import MAX_SCORE, Row
from leaderboardapp.stores.sql.models import BlockRow, ChangeRow
from leaderboardapp.stores.sql.statements import POSITION, in_each_order, read

BLOCK = 1_000  # players in a new block, or, with dense ranking, scores
MOST = 2 * BLOCK  # a block with more is split
# Blocks are smaller where to count a player takes long, compared with the sum of all blocks.
SIZES = {"sqlite": 1.0, "postgresql": 0.5}
BLOCKS_AT_ONCE = 50  # split off in one transaction, for which other writers wait
LEAST_SORT_KEY = -MAX_SCORE - 1

# Different scores, from `own.place` on. Each is found by one search of the index, however many
# players share it.
SCORES_FROM = """
    scores(place) AS (
        SELECT min({sort_key}) FROM player WHERE {ranked} AND {sort_key} >= (SELECT place FROM own)
        UNION ALL
        SELECT (SELECT min({sort_key}) FROM player WHERE {ranked} AND {sort_key} > scores.place)
        FROM scores WHERE scores.place < %(sort_key)s
    )"""


def scores_between(low: str, high: str) -> str:
    """Return an expression that counts the different scores from `low` to before `high`.

    Players are read one after the other, unless they are many and share few scores. Then each score
    is found as in SCORES_FROM."""
    after = "FROM player WHERE {ranked} AND {sort_key}"
    players = f"{after} >= {low} AND {{sort_key}} < {high}"
    return f"""coalesce(
        CASE WHEN (
            SELECT count(*) FROM (SELECT 1 {players} LIMIT {MOST + 1}) AS limited
        ) > {MOST} THEN
            nullif((
                WITH RECURSIVE between_both(place) AS (
                    SELECT min({{sort_key}}) {after} >= {low}
                    UNION ALL
                    SELECT (SELECT min({{sort_key}}) {after} > place)
                    FROM between_both WHERE place < {high}
                )
                SELECT count(*) FROM (
                    SELECT 1 FROM between_both WHERE place < {high} LIMIT {MOST + 1}
                ) AS limited
            ), {MOST + 1})
        END,
        (SELECT count(DISTINCT {{sort_key}}) {players})
    )"""


# How many players, or scores, are ranked.
_COUNT_ALL = """
    SELECT coalesce((SELECT sum(count) FROM block WHERE board_id = %(board)s), {counted})"""
COUNT_PLAYERS = in_each_order(
    _COUNT_ALL.format(counted="(SELECT count(*) FROM player WHERE {ranked})")
)
COUNT_SCORES = in_each_order(
    _COUNT_ALL.format(counted=scores_between(str(LEAST_SORT_KEY), str(MAX_SCORE + 1)))
)
# Where new blocks begin: every %(step)s players, or scores.
STARTS = in_each_order(
    """SELECT place, reached_at, player FROM (
            SELECT place, reached_at, player, row_number() OVER () AS number FROM (
                SELECT {sort_key} AS place, reached_at, player FROM player
                WHERE {ranked} AND ({sort_key}, reached_at, player) >= """
    + POSITION
    + """
                ORDER BY {sort_key}, reached_at, player LIMIT %(limit)s
            ) AS limited
        ) AS numbered WHERE number > 1 AND (number - 1) %% %(step)s = 0 ORDER BY number"""
)
SCORE_STARTS = in_each_order(
    f"""WITH RECURSIVE own(place) AS (SELECT %(first)s), {SCORES_FROM},
        numbered AS (
            SELECT place, row_number() OVER () AS number FROM (
                SELECT place FROM scores WHERE place IS NOT NULL LIMIT %(limit)s
            ) AS limited
        )
        SELECT place, -1, '' FROM numbered
        WHERE number > 1 AND (number - 1) %% %(step)s = 0 ORDER BY number"""
)


def block_size() -> int:
    """Return how many a new block has in this database."""
    return int(BLOCK * SIZES[connection.vendor])


def is_balanced(board: Row) -> bool:
    """Return whether no block has grown so much that it is to be split."""
    [[fullest]] = read("SELECT max(count) FROM block WHERE board_id = %s", [board["id"]])
    return (count_all(board) if fullest is None else fullest) <= MOST * SIZES[connection.vendor]


def balance(board: Row) -> None:
    """Split the fullest block, or without blocks begin with a single one. The caller holds a
    transaction on the board."""
    blocks = BlockRow.objects.filter(board_id=board["id"])
    fullest = blocks.order_by("-count").first()
    if fullest is None:
        # A writer whose snapshot does not show the new block has to begin its transaction anew.
        ChangeRow.objects.filter(board=board["id"]).update(seq=F("seq"))
        count = count_all(board)
        blocks.create(
            board_id=board["id"], place=LEAST_SORT_KEY, reached_at=-1, player="", count=count
        )
        return
    size = block_size()
    number = min(BLOCKS_AT_ONCE, (fullest.count - 1) // size)
    starts = _find_starts(board, fullest, number)
    if len(starts) < number:  # the block has counted too many (models.BlockRow)
        blocks.delete()
        return
    new = [
        BlockRow(
            board_id=board["id"], place=sort_key, reached_at=reached_at, player=player, count=size
        )
        for sort_key, reached_at, player in starts
    ]
    rest = fullest.count - size * len(new)
    fullest.count, new[-1].count = size, rest
    fullest.save()
    BlockRow.objects.bulk_create(new)
    _merge(board)


def count_all(board: Row) -> int:
    """Return how many players are ranked, or with dense ranking how many scores. Blocks know it;
    without them all are counted."""
    statement = COUNT_SCORES if is_dense(board) else COUNT_PLAYERS
    [[count]] = read(statement[board["order"]], {"board": board["id"]})
    return int(count)


def is_dense(board: Row) -> bool:
    """Return whether blocks count scores."""
    return bool(board["ranking"] == "dense")


def _merge(board: Row) -> None:
    """Join small neighbours, so that blocks do not become more and more while players move on."""
    previous: BlockRow | None = None
    blocks = BlockRow.objects.filter(board_id=board["id"])
    for block in blocks.order_by("place", "reached_at", "player"):
        if previous and previous.count + block.count <= block_size():
            previous.count += block.count
            previous.save()
            block.delete()
        else:
            previous = block


def _find_starts(board: Row, block: BlockRow, number: int) -> list[tuple[Any, ...]]:
    """Return where so many new blocks begin, each a block further on than the one before."""
    size = block_size()
    values = {"board": board["id"], "step": size, "limit": number * size + 1}
    if is_dense(board):
        scores = {"first": block.place, "sort_key": MAX_SCORE + 1}
        return read(SCORE_STARTS[board["order"]], {**values, **scores})
    first = {"sort_key": block.place, "reached_at": block.reached_at, "player": block.player}
    return read(STARTS[board["order"]], {**values, **first})
