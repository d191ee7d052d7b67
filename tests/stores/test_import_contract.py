"""A row of an import is an increment, in every store: an import of any rows leaves the players that
the same increments leave, one after the other."""

import itertools
import re

import pytest
from django.core.exceptions import ObjectDoesNotExist
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leaderboardapp import importer
from leaderboardapp.domain.exceptions import ScoreOutOfRange
from leaderboardapp.domain.types import MAX_SCORE, Row
from leaderboardapp.importer import CountedRow, RefusedRow, import_rows
from leaderboardapp.stores.base import Store

Table = list[tuple[str, int]]
"""Players, and what the rows add to them."""

KNOWN = ["fresh", "zero", "two", "low"]  # who are there before
PLAYERS = [*KNOWN, "new", "newer"]
DESC, ASC = {"order": "desc"}, {"order": "asc"}
boards = st.fixed_dictionaries(
    {"order": st.sampled_from(["desc", "asc"])},
    optional={
        "min": st.integers(-3, 0),
        "max": st.integers(2, 5),
        "max_amount": st.integers(1, 3),
    },
)
amounts = st.integers(-3, 3) | st.sampled_from([0, MAX_SCORE, MAX_SCORE - 1, -MAX_SCORE])
tables = st.lists(st.tuples(st.sampled_from(PLAYERS), amounts), min_size=1, max_size=9)
FIRST_LINE = 2
number = itertools.count()


@settings(max_examples=30)
@given(fields=boards, table=tables, batch=st.sampled_from([3, 1000]))
# A row that adds 0 reaches nothing, and one that is taken back does.
@example(DESC, [("new", 2), ("newer", 2), ("new", 0)], 1000)
@example(DESC, [("two", 0), ("new", 2), ("two", 0)], 1000)
@example(DESC, [("new", 2), ("two", 1), ("two", -1)], 1000)
@example(ASC, [("fresh", 0), ("new", 0), ("fresh", 0)], 1000)
@example(ASC, [("new", 0), ("fresh", 3), ("zero", 1), ("fresh", -3), ("zero", -1)], 3)
# The limits hold at each row.
@example({**DESC, "max": 4}, [("new", 3), ("new", 3), ("new", -3)], 1000)
@example({**ASC, "min": -1}, [("zero", 1), ("two", -3), ("two", -1), ("two", 3)], 1000)
@example({**DESC, "max_amount": 2}, [("zero", 2), ("zero", 3), ("zero", -3)], 1000)
# ReQL's numbers do not carry the sum.
@example(DESC, [("low", MAX_SCORE), ("low", MAX_SCORE - 1)], 1000)
def test_an_import_of_rows_does_what_the_same_increments_do(
    store: Store, board_id: str, fields: Row, table: Table, batch: int
) -> None:
    imported, added = (f"{board_id}-{next(number)}" for _ in range(2))
    for board in (imported, added):
        begin(store, board, fields)
    before = read(store, imported)
    refused = add_one_by_one(store, added, table)
    rows = [CountedRow(line, row[0], *row) for line, row in enumerate(table, FIRST_LINE)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importer, "LINES_PER_BATCH", batch)
        if not refused:
            assert sum(import_rows(store, imported, "file", rows)) == len(table)
            assert read(store, imported) == read(store, added)
            return
        with pytest.raises(RefusedRow) as raised:
            list(import_rows(store, imported, "file", rows))
    match = re.search(r"the score of (\w+) .*\(line (\d+)\)$", str(raised.value))
    assert match and FIRST_LINE + refused[match[1]] == int(match[2])
    if batch > len(table):
        assert read(store, imported) == before


def begin(store: Store, board: str, fields: Row) -> None:
    """Create the board and its players, of whom `fresh` has no score."""
    store.create_board({"id": board, **fields})
    low = -MAX_SCORE if fields.get("min") is None else 0
    for player, score in zip(KNOWN, (None, 0, 2, low), strict=True):
        store.create_player(board, {"id": player, "name": player, "score": score})


def add_one_by_one(store: Store, board: str, table: Table) -> dict[str, int]:
    """Add each row as an increment. Return the index of each player's first row that the board does
    not allow."""
    refused: dict[str, int] = {}
    for index, (player, amount) in enumerate(table):
        if player not in KNOWN and player not in dict(table[:index]):
            store.create_player(board, {"id": player, "name": player})
        try:
            store.add_score(board, player, amount)
        except ScoreOutOfRange:
            refused.setdefault(player, index)
    return refused


def read(store: Store, board: str) -> tuple[list[str], list[Row]]:
    """Return the ranked players in their order, and the rows of all without their times."""
    ranked = [row["id"] for row in store.get_ranking_window(board, 100).rows]
    rows = []
    for player in PLAYERS:
        try:
            row = store.get_player(board, player)
        except ObjectDoesNotExist:
            continue
        rows.append({field: value for field, value in row.items() if field != "reached_at"})
    return ranked, rows
