"""Archives: the players of past seasons, moved into a table of their own in pieces.

Nothing is atomic across documents. Players are moved in the order of their ranks, and the document
of a past season's rank blocks says up to which place, `upto`. Those before it are read in the
table, all others where they were (ranked_rows.py). Each step leaves a state from which readers are
right and the next step goes on:

1. A piece is inserted into the table, behind `upto`, where nobody reads it.
2. `upto` moves behind the piece, which is a rank block.
3. When all are in the table, players are carried over in pieces, or what they keep of the season is
   taken out of their documents.

Increments that are under way when a season ends may still change it. So whoever has another score
in the table than in its document is carried over with that score kept, and is moved again. What was
kept at the moment of being carried over is final, and replaces what is in the table.

No write of a piece waits for the disk. The table is on it before the next step relies on the piece,
and a carrying over that a loss of power has undone is found and done again.
"""

import json
from collections.abc import Callable, Iterable
from itertools import accumulate, pairwise
from typing import Any

from leaderboardapp.domain.archive import is_erased_id, past_board
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import DELETE_ROWS, Database
from leaderboardapp.stores.rethinkdb.maintenance import select_archive_work
from leaderboardapp.stores.rethinkdb.ranked_rows import are_current, place_in
from leaderboardapp.stores.rethinkdb.ranking import Ranking
from leaderboardapp.stores.rethinkdb.results import ROW_CHANGED, raise_for_errors
from leaderboardapp.stores.rethinkdb.schema import (
    ARCHIVED_FIELDS,
    KEY_FIELDS,
    archived_id,
    blocks_id,
)
from leaderboardapp.stores.rethinkdb.score_fields import is_carried_over, season_reset_fields
from leaderboardapp.stores.rethinkdb.sort_keys import FIRST_KEY, LAST_KEY, SortKey

CARRY_OVER_ROWS = 1_000  # players moved in one step, and then carried over in another
ROWS_AT_ONCE = 250  # written in one query
BLOCKS_AT_ONCE = 50  # counted in one query
SCORES_AT_ONCE = 10  # blocks whose scores are counted in one query, which takes longer
FIRST_BLOCK = {"upto": FIRST_KEY, "places": [FIRST_KEY], "before": [0], "scores": [0]}


class Archives:
    """The archives of all boards. `past` is the ranking of past seasons."""

    def __init__(self, db: Database, live: Ranking, past: Ranking) -> None:
        self.db, self.live, self.past = db, live, past

    def run_step(self, board: Row) -> bool | None:
        """Do one piece of a board's work. Return whether the same work has more pieces; None if
        there was nothing to do."""
        work: Row = self.db.read_of_board(
            board["id"], lambda row: select_archive_work(self.db, board["id"], row)
        )
        if work["expired"] is not None:
            return self._delete_expired(board["id"], work)
        if work["left"] is not None and work["season"] is None:
            return self._drop(board["id"], work["left"])
        if work["season"] is not None:
            return self._archive(board["id"], work["season"])
        return None

    def begin(self, board: str, season: Row) -> Row:
        """Return the rank blocks of a past season; make them from the board's if there are none."""
        settings = past_board(season["settings"], season["number"])
        live = self.db.blocks.get(board)
        usable = (
            are_current(live, settings["order"], [board, settings["season"]])
            & live["of"].default(None).ne(None)
            & (live["scores"].default(None).ne(None) | (settings["ranking"] != "dense"))
        ).default(False)
        since = {"since": 0, "bound": self.live.count_changes(live), "upto": FIRST_KEY}
        taken = live.pluck("places", "before", "scores", "of").merge(since)
        first = r.branch(usable, taken, FIRST_BLOCK)
        new = first.merge({"id": blocks_id(board, season["number"]), "board": board})
        insert = self.db.blocks.insert(new, conflict=lambda _, old, __: old)
        raise_for_errors(self.db.run(insert))
        blocks: Row = self.db.run(self.db.blocks.get(blocks_id(board, season["number"])))
        return blocks

    def _archive(self, board: str, season: Row) -> bool:
        """Do a piece of a season's work. Return whether more is left of it."""
        blocks = self.db.run(self.db.blocks.get(blocks_id(board, season["number"])))
        blocks = blocks or self.begin(board, season)
        settings = past_board(season["settings"], season["number"])
        if blocks["upto"] != LAST_KEY:
            blocks = self._move(board, settings, blocks)
            if blocks["upto"] != LAST_KEY or len(blocks["places"]) > 1:
                return True  # small boards are done in one step
        if self._carry_over(board, settings) or not self._count(board, settings, blocks):
            return True
        self.db.run(self.db.seasons.get(season["id"]).update({"complete": True}))
        return False

    def _move(self, board: str, settings: Row, blocks: Row) -> Row:
        """Move the next piece, and count all of them after the last. Return the blocks
        afterwards."""
        rows = self._read(board, settings, blocks["upto"], CARRY_OVER_ROWS + 1)
        piece, rest = rows[:CARRY_OVER_ROWS], rows[CARRY_OVER_ROWS:]
        self._insert(board, settings, piece)
        self.db.run(self.db.past.sync())
        new = _move_blocks(blocks, piece, rest[0]["place"][2:] if rest else LAST_KEY)
        if not self._replace_blocks(blocks, new):
            return blocks
        if not rest:
            self._count(board, settings, new)
        return new

    def _carry_over(self, board: str, settings: Row) -> bool:
        """Carry over a piece of a season that is in the table. Return whether more is left.

        Increments that were under way when the season ended may not be in the table yet."""
        rows = self._read(board, settings, [], CARRY_OVER_ROWS)
        pieces = [rows[begin : begin + ROWS_AT_ONCE] for begin in range(0, len(rows), ROWS_AT_ONCE)]
        stored = [self._insert_missing(board, settings, piece) for piece in pieces]
        # Whatever is missing: a process may have inserted what is there, and ended.
        self.db.run(self.db.past.sync())
        for values in stored:
            self._release(board, settings, values)
        if self._read(board, settings, [], 1):
            return True
        unranked = r.expr({"index": settings["order"], "season": settings["season"]})
        return self._drop(board, settings["season"], lambda row: place_in(unranked, row))

    def _read(self, board: str, settings: Row, low: SortKey, limit: int) -> list[Row]:
        """Read players of a past season who are not carried over, or still keep it, from a sort key
        on, best first, each with the key of its document as `document`."""
        prefix, order = [board, settings["season"]], settings["order"]
        rows = self.db.players.between([*prefix, *low], [*prefix, r.maxval], index=order)
        fields = ("id", "season", "unarchived", *ARCHIVED_FIELDS, *KEY_FIELDS.values())
        piece = rows.order_by(index=order).limit(limit).pluck(*fields)
        documents = self.db.run(piece.coerce_to("array"))
        return [_take_season(row, order, settings["season"]) for row in documents]

    def _insert(self, board: str, settings: Row, rows: list[Row]) -> None:
        """Insert players into the table. Only what is final replaces what is there."""
        pieces = [rows[begin : begin + ROWS_AT_ONCE] for begin in range(0, len(rows), ROWS_AT_ONCE)]
        inserts = [self._build_insert(board, settings, piece) for piece in pieces]
        for result in self.db.run_together(inserts):
            raise_for_errors(result)

    def _build_insert(self, board: str, settings: Row, rows: list[Row]) -> Any:
        documents = [_archived_document(board, settings, row) for row in rows]
        final = [
            document["id"] for document, row in zip(documents, rows, strict=True) if row["is_final"]
        ]

        def choose(_: Any, old: Any, new: Any) -> Any:
            is_outdated = r.expr(final).contains(new["id"]) & old.has_fields("erased").not_()
            return r.branch(is_outdated, new, old)

        return self.db.past.insert(
            r.json(json.dumps(documents)), conflict=choose, durability="soft"
        )

    def _insert_missing(self, board: str, settings: Row, rows: list[Row]) -> dict[str, Any]:
        """Insert those of a few players who are not in the table as they are. Return the score of
        each that is there then, and when it was reached, by the key of its document."""
        ids = {row["document"]: _archived_document(board, settings, row)["id"] for row in rows}
        there = self._read_stored(ids)
        missing = [row for row in rows if there.get(row["document"]) != _stored(row)]
        if missing:
            self._insert(board, settings, missing)
            there = self._read_stored(ids)
        return there

    def _read_stored(self, ids: dict[str, str]) -> dict[str, Any]:
        stored = self.db.past.get_all(r.args(r.json(json.dumps([*ids.values()]))))
        values = {row["id"]: _stored(row) for row in self.db.run(stored)}
        return {key: values[id] for key, id in ids.items() if id in values}

    def _release(self, board: str, settings: Row, stored: dict[str, Any]) -> None:
        """Carry over players who are in the table, and take the season out of what they keep.

        `stored` is what _insert_missing returns. Who has another score is carried over with that
        kept."""
        season = settings["season"]

        def replace(row: Any, stored: Any, old: Any) -> Any:
            values = stored[old["id"]]

            def is_stored(one: Any) -> Any:
                return r.expr([one["score"], one["reached_at"]]).eq(values)

            kept = old["unarchived"].default([])
            rest = kept.filter(lambda one: one["season"].ne(season) | is_stored(one).not_())
            is_archived = (
                old.has_fields("player") & old["season"].default(1).eq(season) & is_stored(old)
            )
            return _without_season(row, old, rest, is_archived, season)

        def write(stored: Any) -> Any:
            players = self.db.players.get_all(r.args(stored.keys()))
            return self.db.write_if_board_exists(
                board,
                lambda row: players.replace(
                    lambda old: replace(row, stored, old), durability="soft"
                ),
            )

        raise_for_errors(self.db.run(r.json(json.dumps(stored)).do(write)), board)

    def _drop(
        self, board: str, season: int, find_place: Callable[[Any], Any] = lambda _: r.expr(None)
    ) -> bool:
        """Carry over players of a season who have no place in it, of whom nothing is kept. Return
        whether more are left."""
        least, most = [board, season], [board, season, r.maxval]
        everybody = self.db.players.between(least, most, index="desc")
        unranked = everybody.filter(lambda row: find_place(row).default(None).eq(None))
        players = unranked.limit(ROWS_AT_ONCE)

        def replace(row: Any, old: Any) -> Any:
            rest = old["unarchived"].default([]).filter(lambda one: one["season"].ne(season))
            is_archived = old["season"].default(1).eq(season)
            return _without_season(row, old, rest, is_archived, season)

        dropped = self.db.write_if_board_exists(
            board, lambda row: players.replace(lambda old: replace(row, old), durability="soft")
        )
        result = self.db.run(dropped)
        raise_for_errors(result, board)
        return bool(result["replaced"] + result["deleted"] == ROWS_AT_ONCE)

    def _count(self, board: str, settings: Row, blocks: Row) -> bool:
        """Count the blocks of a season in the table. Return False if they have changed since they
        were read."""
        prefix = [board, settings["season"]]
        keys = [[*prefix, *start] for start in (*blocks["places"], LAST_KEY)]
        ranges = [*pairwise(keys)]
        sizes = self._run_for_each(
            ranges, BLOCKS_AT_ONCE, lambda low, high: self._select(low, high).count()
        )
        before = [*accumulate(sizes, initial=0)]
        scores = None
        if settings["ranking"] == "dense":
            order = r.expr({"index": settings["order"], "cut": keys[-1], "season": prefix[1]})
            numbers = self._run_for_each(
                ranges,
                SCORES_AT_ONCE,
                lambda low, high: self.past.count_distinct_scores(order, r.expr(low), r.expr(high)),
            )
            scores = [*accumulate(numbers, initial=0)]
        counts = {
            "before": before[:-1],
            "scores": scores and scores[:-1],
            "of": (scores or before)[-1],
            "since": 0,
            "bound": 0,
        }
        return self._replace_blocks(blocks, {**blocks, **counts})

    def _replace_blocks(self, old: Row, new: Row) -> bool:
        """Replace the rank blocks that were read. Return whether they were still the same: another
        process may have moved `upto`, or erased a player, or deleted the board."""

        # As JSON, because a thousand places take long as ReQL.
        read = r.json(json.dumps({name: old[name] for name in ("upto", "places")}))

        def replace(there: Any) -> Any:
            is_same = there.pluck("upto", "places").eq(read)
            return r.branch(is_same, r.json(json.dumps(new)), r.error(ROW_CHANGED))

        result = self.db.run(self.db.blocks.get(old["id"]).update(replace))
        if result.get("first_error") == ROW_CHANGED:
            return False
        raise_for_errors(result)
        return not result["skipped"]

    def _select(self, low: Any, high: Any) -> Any:
        return self.db.past.between(low, high, index="place")

    def _run_for_each(self, ranges: list[Any], at_once: int, query: Any) -> Iterable[int]:
        for begin in range(0, len(ranges), at_once):
            piece = ranges[begin : begin + at_once]
            yield from self.db.run(r.expr([query(*bounds) for bounds in piece]))

    def _delete_expired(self, board: str, work: Row) -> bool:
        """Delete players of seasons that are not kept, and then these seasons."""
        before = [board, r.minval], [board, work["kept"]]
        rows = self._select(*before).limit(DELETE_ROWS).delete()
        if self.db.run(rows)["deleted"] == DELETE_ROWS:
            return True
        self.db.run(self.db.blocks.get(blocks_id(board, work["expired"])).delete())
        one = self.db.seasons.between(
            before[0], [board, work["expired"]], index="board", right_bound="closed"
        )
        self.db.run(one.delete())
        return True


def _without_season(row: Any, old: Any, rest: Any, is_archived: Any, season: Any) -> Any:
    """Return, as ReQL, a player's document with the `rest` of what it keeps, carried over if it is
    still in the season, which the write hook keeps unless `is_archived`. A document of an erased
    player (erasure.py) goes when it has nothing left."""
    kept = old.merge({"unarchived": rest})
    carried_over = r.branch(rest.is_empty(), old.without("unarchived"), kept).merge(
        season_reset_fields(row, old), r.branch(is_archived, {"archived": season}, {})
    )
    # A window has only those who have scored in its running season. Without a score, a document
    # only keeps what is not archived yet.
    is_window = row["since"].default(None).ne(None)
    is_over = is_archived | old["score"].default(None).eq(None)
    is_remnant = old.has_fields("player").not_()
    is_gone = rest.is_empty() & (is_remnant | (is_window & is_over))
    without_score = r.branch(is_window & ~is_carried_over(row, old), {"score": None}, {})
    return r.branch(is_gone, None, is_remnant, kept, carried_over.merge(without_score))


def _stored(row: Row) -> list[int]:
    """Return what must be the same in the table and in a player's document."""
    return [row["score"], row["reached_at"]]


def _take_season(document: Row, order: str, season: int) -> Row:
    """Return what a player's document has of a past season, with its `place` there."""
    kept = [one for one in document.get("unarchived", []) if one["season"] == season]
    own = {"scored": True, **document, order: document[KEY_FIELDS[order]][0]}
    row = {**(kept or [own])[0], "document": document["id"], "is_final": bool(kept)}
    return {**row, "place": row[order]}


def _archived_document(board: str, settings: Row, row: Row) -> Row:
    """Return the document of a player of a past season."""
    fields = {field: row[field] for field in ARCHIVED_FIELDS if field in row}
    season = settings["season"]
    return {
        **fields,
        "id": row.get("archived_id") or archived_id(board, season, row["player"]),
        "board": board,
        "season": season,
        "place": row["place"],
        **({"erased": True} if is_erased_id(row["player"]) else {}),
    }


def _move_blocks(blocks: Row, piece: list[Row], upto: SortKey) -> Row:
    """Return the blocks after a piece was moved, which is one of them. Those behind it stay."""
    number = blocks["places"].index(blocks["upto"])
    if upto == LAST_KEY:
        return {**blocks, "upto": upto, **_first_blocks(blocks, number + 1)}
    keys = [row["place"][2] for row in piece]
    begun = _first_blocks(blocks, number + 1)
    behind = [
        index for index, place in enumerate(blocks["places"]) if index > number and place > upto
    ]
    added = {"places": upto, "before": begun["before"][-1] + len(piece)}
    if blocks["scores"] is not None:
        added["scores"] = begun["scores"][-1] + len({*keys} - {upto[0]})
    return {
        **blocks,
        "upto": upto,
        **{
            name: [*begun[name], added[name], *(blocks[name][index] for index in behind)]
            for name in added
        },
    }


def _first_blocks(blocks: Row, number: int) -> Row:
    names = ("places", "before", "scores")
    return {name: blocks[name] and blocks[name][:number] for name in names}
