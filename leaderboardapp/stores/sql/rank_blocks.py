"""Ranks on large boards: a board's ranking in blocks of some thousand players, with their counts.

The rank of a player is the sum of the blocks before, and a count within one block. Triggers keep
the counts (triggers.py); here they are read, and blocks that have grown are split.
"""

from typing import Any

from django.db.models import F

from leaderboardapp.domain.types import MAX_SCORE, RankPosition, Row
from leaderboardapp.stores.sql.models import BlockRow, ChangeRow
from leaderboardapp.stores.sql.statements import KEY, in_each_order, key_values, read

BLOCK = 1_000  # players in a new block, or, with dense ranking, scores
MOST = 2 * BLOCK  # in one that is split
BLOCKS_AT_ONCE = 50  # split off, because other writers wait for so long
FIRST_PLACE = -MAX_SCORE - 1

# The block that the key is in; without blocks, one from before the first player on.
_OWN = f"""
    own AS (
        SELECT place, reached_at, player FROM block
        WHERE board_id = %(board)s AND (place, reached_at, player) <= {KEY}
        UNION ALL SELECT {FIRST_PLACE}, -1, ''
        ORDER BY 1 DESC, 2 DESC, 3 DESC LIMIT 1
    ),
    blocks_before AS (
        SELECT coalesce(sum(count), 0) AS count FROM block
        WHERE board_id = %(board)s
            AND (place, reached_at, player) < (SELECT place, reached_at, player FROM own)
    )"""
# The range of places says nothing new, but tells PostgreSQL how few they are.
COUNT_BEFORE = in_each_order(
    f"""WITH {_OWN}
        SELECT (SELECT count FROM blocks_before) + count(*) FROM player
        WHERE {{ranked}} AND {{place}} BETWEEN (SELECT place FROM own) AND %(place)s
            AND ({{place}}, reached_at, player) >= (SELECT place, reached_at, player FROM own)
            AND ({{place}}, reached_at, player) < {KEY}"""
)
# Different scores, each found by one look into the index, however many players share it.
_SCORES = """
    scores(place) AS (
        SELECT min({place}) FROM player WHERE {ranked} AND {place} >= (SELECT place FROM own)
        UNION ALL
        SELECT (SELECT min({place}) FROM player WHERE {ranked} AND {place} > scores.place)
        FROM scores WHERE scores.place < %(place)s
    )"""
COUNT_SCORES_BEFORE = in_each_order(
    f"""WITH RECURSIVE {_OWN}, {_SCORES}
        SELECT (SELECT count FROM blocks_before) + count(*) FROM scores WHERE place < %(place)s"""
)
# How many there are to be ranked, but no more than %(limit)s.
_PLAYERS = in_each_order("SELECT 1 FROM player WHERE {ranked} LIMIT %(limit)s")
SIZE = {order: f"SELECT count(*) FROM ({players}) AS found" for order, players in _PLAYERS.items()}
SCORES_SIZE = in_each_order(
    """SELECT count(*) FROM (
            SELECT 1 FROM player WHERE {ranked} GROUP BY {place} LIMIT %(limit)s
        ) AS found"""
)
# Where every so many players, or scores, another block begins.
STEPS = in_each_order(
    """SELECT place, reached_at, player FROM (
            SELECT place, reached_at, player, row_number() OVER () AS number FROM (
                SELECT {place} AS place, reached_at, player FROM player
                WHERE {ranked} AND ({place}, reached_at, player) >= """
    + KEY
    + """
                ORDER BY {place}, reached_at, player LIMIT %(limit)s
            ) AS found
        ) AS numbered WHERE number > 1 AND number %% %(step)s = 1 ORDER BY number"""
)
SCORES_STEPS = in_each_order(
    f"""WITH RECURSIVE own(place) AS (SELECT %(first)s), {_SCORES},
        numbered AS (
            SELECT place, row_number() OVER () AS number FROM (
                SELECT place FROM scores WHERE place IS NOT NULL LIMIT %(limit)s
            ) AS found
        )
        SELECT place, -1, '' FROM numbered
        WHERE number > 1 AND number %% %(step)s = 1 ORDER BY number"""
)


def counts(board: Row, key: RankPosition) -> tuple[int, int]:
    """Who is before the key, as Window tells."""
    if _is_dense(board):
        return 0, _count(COUNT_SCORES_BEFORE, board, key)
    before = _count(COUNT_BEFORE, board, key)
    if board["ranking"] == "competition":
        return before, _count(COUNT_BEFORE, board, RankPosition(key.score))
    return before, 0


def _count(statement: dict[str, str], board: Row, key: RankPosition) -> int:
    [[count]] = read(statement[board["order"]], key_values(board, key))
    return int(count)


def is_balanced(board: Row) -> bool:
    """Whether there is nothing to split."""
    [[fullest]] = read("SELECT max(count) FROM block WHERE board_id = %s", [board["id"]])
    return (_size(board, MOST + 1) if fullest is None else fullest) <= MOST


def balance(board: Row) -> None:
    """Split the fullest block, or begin with one of all. To be called in a transaction."""
    blocks = BlockRow.objects.filter(board_id=board["id"])
    fullest = blocks.order_by("-count").first()
    if fullest is None:
        # Whoever began before, in a transaction that does not see this, has to begin anew.
        ChangeRow.objects.filter(board=board["id"]).update(seq=F("seq"))
        count = _size(board, 2**62)
        blocks.create(
            board_id=board["id"], place=FIRST_PLACE, reached_at=-1, player="", count=count
        )
        return
    steps = _steps(board, fullest, min(BLOCKS_AT_ONCE, (fullest.count - 1) // BLOCK))
    new = [
        BlockRow(
            board_id=board["id"], place=place, reached_at=reached_at, player=player, count=BLOCK
        )
        for place, reached_at, player in steps
    ]
    rest = fullest.count - BLOCK * len(new)
    fullest.count, new[-1].count = BLOCK, rest
    fullest.save()
    BlockRow.objects.bulk_create(new)
    _merge(board)


def _merge(board: Row) -> None:
    """Join neighbours that have become small, so that blocks do not become more and more while
    players move on. Those before a block that was split are enough: only splits make more."""
    before: BlockRow | None = None
    blocks = BlockRow.objects.filter(board_id=board["id"])
    for block in blocks.order_by("place", "reached_at", "player"):
        if before and before.count + block.count <= BLOCK:
            before.count += block.count
            before.save()
            block.delete()
        else:
            before = block


def _size(board: Row, limit: int) -> int:
    values = {"board": board["id"], "limit": limit}
    [[size]] = read((SCORES_SIZE if _is_dense(board) else SIZE)[board["order"]], values)
    return int(size)


def _steps(board: Row, block: BlockRow, number: int) -> list[tuple[Any, ...]]:
    """Where so many new blocks begin, each BLOCK further on."""
    first: dict[str, Any] = {"reached_at": block.reached_at, "player": block.player}
    values = {"board": board["id"], "step": BLOCK, "limit": number * BLOCK + 1}
    if _is_dense(board):
        place = {"first": block.place, "place": MAX_SCORE + 1}
        return read(SCORES_STEPS[board["order"]], {**values, **place})
    return read(STEPS[board["order"]], {**values, **first, "place": block.place})


def _is_dense(board: Row) -> bool:
    return bool(board["ranking"] == "dense")
